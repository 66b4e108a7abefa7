#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Reads the whole of [first, last) as a C-locale decimal, exactly rounded. Returns 0 when it is one, 1 when it is not,
/// 2 when its magnitude overflows a double. Underflow reads as the nearest double.
int number_text_read(const char *first, const char *last, double *value);

/// Writes the shortest digits that read back to the same double, in fixed notation from 1e-6 up to 1e16, else scientific.
/// `value` must be finite. Returns the length, at most 32.
size_t number_text_write(char *buffer, double value);

/// Writes `value` rounded to `digits` decimals, without trailing zeros. `buffer` must hold 352 bytes.
size_t number_text_write_rounded(char *buffer, double value, int digits);

#ifdef __cplusplus
}
#endif
