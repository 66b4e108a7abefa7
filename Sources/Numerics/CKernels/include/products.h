#pragma once
#include <stddef.h>

/// C ← A·B, or C ← C + A·B where `adds`, in single precision. A is rows × inner with element (i, k) at i·a_row + k·a_inner, so a transposed
/// matrix is one with its strides exchanged; B is inner × columns and C rows × columns, whose rows lie b_row and c_row apart.
///
/// Every element is a sum in the order of k, each product fused to it, whatever stands beside it and however wide the machine's vectors are:
/// the bits of a row do not depend on how many rows there are, on its place among them, or on the machine.
void product_floats(
  const float *a, size_t a_row, size_t a_inner, const float *b, size_t b_row, float *c, size_t c_row, size_t rows, size_t inner,
  size_t columns, int adds);

/// result (columns × rows) = the transpose of `values` (rows × columns), both without gaps.
void product_transpose(const float *values, size_t rows, size_t columns, float *result);
