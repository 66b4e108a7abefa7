// Swift ends a process whose allocation fails with a trap and a trace. The linker sends every allocation of a static tool through these
// functions (--wrap, Package.swift), which say it in one line. Where it does not, as under a sanitizer, they are never called.
#include "memory_end.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void *__real_malloc(size_t) __attribute__((weak));
void *__real_calloc(size_t, size_t) __attribute__((weak));
void *__real_realloc(void *, size_t) __attribute__((weak));
void *__real_aligned_alloc(size_t, size_t) __attribute__((weak));
int __real_posix_memalign(void **, size_t, size_t) __attribute__((weak));

static const char *tool_name;
static int exit_status;
static memory_end_action first_action;
static atomic_flag is_said = ATOMIC_FLAG_INIT;

void set_memory_end(const char *tool, int status, memory_end_action action) {
  tool_name = tool;
  exit_status = status;
  first_action = action;
}

static void *held(void *memory, size_t bytes) {
  if (__builtin_expect(memory != NULL, 1) || bytes == 0 || tool_name == NULL) return memory;
  // One line, whatever the number of threads that run out.
  while (atomic_flag_test_and_set(&is_said)) pause();
  first_action();
  char line[256];
  int length = snprintf(line, sizeof line,
    "%s: there is no memory left (%zu bytes more cannot be had); raise the limit (ulimit -v), or give fewer rows, columns or --threads\n",
    tool_name, bytes);
  if (write(STDERR_FILENO, line, (size_t)length) < 0) { }
  _exit(exit_status);
}

void *__wrap_malloc(size_t bytes) { return held(__real_malloc(bytes), bytes); }

void *__wrap_calloc(size_t count, size_t bytes) { return held(__real_calloc(count, bytes), count == 0 ? 0 : bytes); }

void *__wrap_realloc(void *memory, size_t bytes) { return held(__real_realloc(memory, bytes), bytes); }

void *__wrap_aligned_alloc(size_t alignment, size_t bytes) { return held(__real_aligned_alloc(alignment, bytes), bytes); }

int __wrap_posix_memalign(void **memory, size_t alignment, size_t bytes) {
  int error = __real_posix_memalign(memory, alignment, bytes);
  if (error != 0) held(NULL, bytes);
  return error;
}
