#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* OpenBLAS's own initialisation, which does nothing the second time; absent where it is not linked. */
void gotoblas_init(void) __attribute__((weak));

/* OpenBLAS starts a thread for each core when it is initialised, and gives each a buffer of its own; where there is no memory for the buffers
   it tries for ever. It starts none where the environment says so. So it is initialised here, before constructors without a priority such as
   its own, under an environment that says so and that nothing else sees. In a program that loads it, it has been initialised already. */
__attribute__((constructor(101))) static void initialise_without_threads(void) {
  if (!gotoblas_init) return;
  char **before = environ;
  size_t count = 0;
  while (before && before[count]) count++;
  char **changed = malloc((count + 2) * sizeof *changed);
  if (!changed) return;
  /* The first of two that have one name is the one that is read. */
  changed[0] = "OPENBLAS_NUM_THREADS=1";
  if (count > 0) memcpy(changed + 1, before, count * sizeof *changed);
  changed[count + 1] = NULL;
  environ = changed;
  gotoblas_init();
  environ = before;
  free(changed);
}
