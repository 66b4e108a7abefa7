#include "residuals.h"

#include "every_machine.h"

enum { LANES = 8 };
typedef double lanes __attribute__((ext_vector_type(8), aligned(8)));
typedef long mask __attribute__((ext_vector_type(8), aligned(8)));
typedef signed char bytes __attribute__((ext_vector_type(8), aligned(1)));

EVERY_MACHINE void residuals_split(
  const struct residuals_block *block, const double *coefficients, double radius, double level, signed char *sides, double *duals,
  double *gradient) {
  const size_t count = (block->rows + LANES - 1) / LANES, stride = block->stride / LANES;
  const lanes *x = (const lanes *)block->columns, *y = (const lanes *)block->target;
  const lanes *w = (const lanes *)block->weight, *s = (const lanes *)block->norm;
  lanes *d = (lanes *)duals;
  for (size_t i = 0; i < count; i++) {
    lanes r = y[i];
    for (size_t c = 0; c < block->width; c++) r -= coefficients[c] * x[c * stride + i];
    const lanes near = radius * s[i];
    const mask above = r > near, below = r < -near;
    const lanes up = level * w[i], down = (level - 1) * w[i];
    d[i] = above ? up : (below ? down : (lanes)0.0);
    ((bytes *)sides)[i] = __builtin_convertvector(below - above, bytes);
  }
  for (size_t c = 0; c < block->width; c++) {
    lanes sums = 0.0;
    for (size_t i = 0; i < count; i++) sums += d[i] * x[c * stride + i];
    double sum[LANES];
    *(lanes *)sum = sums;
    for (size_t half = LANES / 2; half > 0; half /= 2) {
      for (size_t j = 0; j < half; j++) sum[j] += sum[j + half];
    }
    gradient[c] += sum[0];
  }
}

EVERY_MACHINE int residuals_left_side(const struct residuals_block *block, const double *coefficients, const signed char *sides, signed char *left) {
  const size_t count = (block->rows + LANES - 1) / LANES, stride = block->stride / LANES;
  const lanes *x = (const lanes *)block->columns, *y = (const lanes *)block->target;
  mask any = 0;
  for (size_t i = 0; i < count; i++) {
    lanes r = y[i];
    for (size_t c = 0; c < block->width; c++) r -= coefficients[c] * x[c * stride + i];
    bytes side;
    __builtin_memcpy(&side, sides + LANES * i, LANES);
    const mask changed = (__builtin_convertvector(side, lanes) * r) < 0.0;
    any |= changed;
    ((bytes *)left)[i] = __builtin_convertvector(changed, bytes);
  }
  long lane[LANES], found = 0;
  *(mask *)lane = any;
  for (size_t j = 0; j < LANES; j++) found |= lane[j];
  return found != 0;
}
