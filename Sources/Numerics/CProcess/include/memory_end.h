#ifndef MEMORY_END_H
#define MEMORY_END_H

/// What the end of memory does first: it may take away unfinished files, and may not allocate.
typedef void (*memory_end_action)(void);

/// From now on an allocation that fails ends the process with one line that names `tool`, and with `status`.
void set_memory_end(const char *tool, int status, memory_end_action action);

#endif
