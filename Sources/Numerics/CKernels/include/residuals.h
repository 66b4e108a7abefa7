#pragma once
#include <stddef.h>

/// A block of rows of a regression, a column at a time: column c at columns + c·stride, the stride a multiple of 8. Rows beyond `rows` up
/// to a multiple of 8 are zeros in every member.
///
/// The kernels add in a fixed order and never fuse, so every machine gives the same bits, whatever the width of its vectors.
struct residuals_block {
  const double *columns, *target, *weight, *norm;
  size_t rows, width, stride;
};

/// With r_i = y_i − x_iᵀ coefficients: the side of each row, 1 where r_i > radius·norm_i, −1 where r_i < −radius·norm_i, else 0; its dual
/// value, weight_i times level, level − 1 or 0; and gradient += Σ dual_i x_i. `sides` and `duals` hold whole eights.
void residuals_split(
  const struct residuals_block *block, const double *coefficients, double radius, double level, signed char *sides, double *duals,
  double *gradient);

/// Marks with −1 in `left` the rows whose residual has the other sign than their side; 0 where no row has. All hold whole eights.
int residuals_left_side(const struct residuals_block *block, const double *coefficients, const signed char *sides, signed char *left);
