// A static tool's CommandLine reads /proc/self/cmdline, and where that cannot be opened (a limit on files, no /proc) it has no arguments and says
// nothing. The C library hands them to constructors.
#include "process_arguments.h"

#include <stddef.h>

static int count;
static char **arguments;

__attribute__((constructor)) static void keep_arguments(int argc, char **argv) {
  count = argc;
  arguments = argv;
}

int process_argument_count(void) { return count; }

const char *process_argument(int number) { return number >= 0 && number < count ? arguments[number] : NULL; }
