#include "products.h"

#include <string.h>

enum { WIDTH = 16, MOST_ROWS = 8, MOST_BLOCKS = 2, DEPTH = 128 };
typedef float block __attribute__((ext_vector_type(16), aligned(4)));

#define INLINE static inline __attribute__((always_inline))

/// What does not change from tile to tile.
struct factors {
  const float *a;
  size_t a_row, a_inner;
  const float *b;
  size_t b_row, inner;
};

/// A tile of `rows` × 16·`blocks` sums, which stay in registers: both are constants where this is inlined.
INLINE void tile(const struct factors *f, size_t rows, size_t blocks, float *c, size_t c_row, int adds) {
  block sum[MOST_ROWS][MOST_BLOCKS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < blocks; j++) sum[i][j] = adds ? *(const block *)(c + i * c_row + j * WIDTH) : (block)0.0f;
  }
  for (size_t k = 0; k < f->inner; k++) {
    const float *b = f->b + k * f->b_row, *a = f->a + k * f->a_inner;
    block right[MOST_BLOCKS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < blocks; j++) right[j] = *(const block *)(b + j * WIDTH);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const block left = a[i * f->a_row];
#pragma clang loop unroll(full)
      for (size_t j = 0; j < blocks; j++) sum[i][j] = __builtin_elementwise_fma(left, right[j], sum[i][j]);
    }
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
    for (size_t j = 0; j < blocks; j++) *(block *)(c + i * c_row + j * WIDTH) = sum[i][j];
  }
}

/// Tiles of `height` rows, a constant where this is inlined, as long as there are so many.
INLINE void tiles(struct factors *f, size_t *rows, size_t height, size_t blocks, float **c, size_t c_row, int adds) {
  for (; *rows >= height; *rows -= height) {
    tile(f, height, blocks, *c, c_row, adds);
    f->a += height * f->a_row;
    *c += height * c_row;
  }
}

/// All rows of a panel of 16·`blocks` columns, `most` at a time, then what is left.
INLINE void panel(struct factors f, size_t rows, size_t most, size_t blocks, float *c, size_t c_row, int adds) {
  tiles(&f, &rows, most, blocks, &c, c_row, adds);
  if (most > 4) tiles(&f, &rows, 4, blocks, &c, c_row, adds);
  tiles(&f, &rows, 2, blocks, &c, c_row, adds);
  tiles(&f, &rows, 1, blocks, &c, c_row, adds);
}

/// The last columns, fewer than 16: B and C pass through buffers that are whole blocks. C holds what the registers would, so a sum may pause in it.
INLINE void edge(struct factors f, size_t rows, size_t most, size_t columns, float *c, size_t c_row, int adds) {
  float right[DEPTH * WIDTH] __attribute__((aligned(64)));
  float sums[MOST_ROWS * WIDTH] __attribute__((aligned(64)));
  memset(right, 0, sizeof right);
  memset(sums, 0, sizeof sums);
  const size_t inner = f.inner;
  for (size_t first = 0; first == 0 || first < inner; first += DEPTH) {
    const size_t depth = inner - first < DEPTH ? inner - first : DEPTH;
    for (size_t k = 0; k < depth; k++) {
      for (size_t j = 0; j < columns; j++) right[k * WIDTH + j] = f.b[(first + k) * f.b_row + j];
    }
    struct factors part = {f.a + first * f.a_inner, f.a_row, f.a_inner, right, WIDTH, depth};
    const int goes_on = adds || first > 0;
    for (size_t row = 0; row < rows; row += most) {
      const size_t count = rows - row < most ? rows - row : most;
      float *target = c + row * c_row;
      if (goes_on) {
        for (size_t i = 0; i < count; i++) {
          for (size_t j = 0; j < columns; j++) sums[i * WIDTH + j] = target[i * c_row + j];
        }
      }
      panel(part, count, most, 1, sums, WIDTH, goes_on);
      for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < columns; j++) target[i * c_row + j] = sums[i * WIDTH + j];
      }
      part.a += most * f.a_row;
    }
  }
}

/// `most` rows and `blocks` blocks of columns are a tile: as many sums as the machine's registers hold.
INLINE void product(struct factors f, size_t most, size_t blocks, float *c, size_t c_row, size_t rows, size_t columns, int adds) {
  for (; columns >= blocks * WIDTH; columns -= blocks * WIDTH) {
    panel(f, rows, most, blocks, c, c_row, adds);
    f.b += blocks * WIDTH;
    c += blocks * WIDTH;
  }
  if (blocks > 1 && columns >= WIDTH) {
    panel(f, rows, most, 1, c, c_row, adds);
    f.b += WIDTH;
    c += WIDTH;
    columns -= WIDTH;
  }
  if (columns > 0) edge(f, rows, most, columns, c, c_row, adds);
}

#define PARAMETERS struct factors f, float *c, size_t c_row, size_t rows, size_t columns, int adds

static void narrow(PARAMETERS) { product(f, 4, 1, c, c_row, rows, columns, adds); }

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void wide(PARAMETERS) { product(f, 6, 1, c, c_row, rows, columns, adds); }
__attribute__((target("avx512f"))) static void widest(PARAMETERS) { product(f, 8, 2, c, c_row, rows, columns, adds); }
#endif

void product_floats(
  const float *a, size_t a_row, size_t a_inner, const float *b, size_t b_row, float *c, size_t c_row, size_t rows, size_t inner,
  size_t columns, int adds) {
  const struct factors f = {a, a_row, a_inner, b, b_row, inner};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return widest(f, c, c_row, rows, columns, adds);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return wide(f, c, c_row, rows, columns, adds);
#endif
  narrow(f, c, c_row, rows, columns, adds);
}

void product_transpose(const float *values, size_t rows, size_t columns, float *result) {
  // In squares that stay in the nearest cache.
  for (size_t top = 0; top < rows; top += WIDTH) {
    const size_t bottom = top + WIDTH < rows ? top + WIDTH : rows;
    for (size_t left = 0; left < columns; left += WIDTH) {
      const size_t right = left + WIDTH < columns ? left + WIDTH : columns;
      for (size_t j = left; j < right; j++) {
        for (size_t i = top; i < bottom; i++) result[j * rows + i] = values[i * columns + j];
      }
    }
  }
}
