#pragma once

// Every machine gives the same bits: products and sums are never fused.
#pragma STDC FP_CONTRACT OFF

// The loader picks the clone that the machine runs; all of them round alike.
#if defined(__x86_64__)
#define EVERY_MACHINE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EVERY_MACHINE
#endif
