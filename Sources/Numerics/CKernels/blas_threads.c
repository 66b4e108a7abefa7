#include <stdlib.h>

/* OpenBLAS starts a thread for each core when it is loaded, and gives each a buffer of its own; where there is no memory for the buffers it
   tries for ever. It starts none where the environment says so, which it reads before any code of ours: functions of this array run even
   earlier. Shared libraries cannot have one. */
static void start_no_threads(void) { setenv("OPENBLAS_NUM_THREADS", "1", 1); }

__attribute__((section(".preinit_array"), used)) static void (*const start)(void) = start_no_threads;
