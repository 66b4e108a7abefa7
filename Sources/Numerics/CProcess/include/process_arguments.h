#ifndef PROCESS_ARGUMENTS_H
#define PROCESS_ARGUMENTS_H

/// The arguments as the process was started with them, the name first; their number, and each of them.
int process_argument_count(void);
const char *process_argument(int number);

#endif
