#include "elementwise.h"

#include "every_machine.h"

enum { WIDTH = 16 };
typedef float block __attribute__((ext_vector_type(16), aligned(4)));
typedef int bits __attribute__((ext_vector_type(16), aligned(4)));

static inline size_t blocks(size_t count) { return (count + WIDTH - 1) / WIDTH; }

/// x ← eˣ for x ≤ 0, below −87 as at −87, to an absolute 2e-7: x·log₂e = k + f, a polynomial for 2ᶠ − 1 (least relative error on |f| ≤ ½), and k
/// into the exponent. Through a pointer: how wide vectors are passed differs by machine.
static inline __attribute__((always_inline)) void exponential(block *x) {
  // Adding 1.5 · 2²³ rounds to a whole number without an instruction for it.
  const block magic = 12582912.0f;
  const block power = (*x > -87.0f ? *x : (block)-87.0f) * 1.44269504f;
  const block shifted = power + magic;
  const block f = power - (shifted - magic);
  block sum = f * 1.32647272e-3f + 9.67151281e-3f;
  sum = sum * f + 5.55073374e-2f;
  sum = sum * f + 2.40222421e-1f;
  sum = sum * f + 6.93146978e-1f;
  const bits exponent = ((bits)shifted - (bits)magic + 127) << 23;
  *x = (sum * f + 1.0f) * (block)exponent;
}

EVERY_MACHINE void elementwise_elu(float *values, float *slopes, size_t count) {
  block *x = (block *)values;
  for (size_t i = 0; i < blocks(count); i++) {
    const block z = x[i];
    block e = z < 0.0f ? z : (block)0.0f;
    exponential(&e);
    x[i] = (z > 0.0f ? z : (block)0.0f) + (e - 1.0f);
    if (slopes) ((block *)slopes)[i] = e;
  }
}

EVERY_MACHINE void elementwise_multiply(float *values, const float *factors, size_t count) {
  for (size_t i = 0; i < blocks(count); i++) ((block *)values)[i] *= ((const block *)factors)[i];
}

EVERY_MACHINE float elementwise_squared_norm(const float *values, size_t count) {
  block sums = 0.0f;
  for (size_t i = 0; i < blocks(count); i++) {
    const block x = ((const block *)values)[i];
    sums += x * x;
  }
  float sum[WIDTH];
  *(block *)sum = sums;
  for (size_t half = WIDTH / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; i++) sum[i] += sum[i + half];
  }
  return sum[0];
}

EVERY_MACHINE size_t elementwise_select_near(const float *values, const float *offsets, float least, size_t count, int *places) {
  size_t found = 0;
  for (size_t i = 0; i < blocks(count); i++) {
    const bits far = ((const block *)values)[i] * 2.0f - ((const block *)offsets)[i] < least;
    if (__builtin_reduce_and(far)) continue;
    int lanes[WIDTH];
    *(bits *)lanes = far;
    for (size_t j = 0; j < WIDTH && i * WIDTH + j < count; j++) {
      if (!lanes[j]) places[found++] = (int)(i * WIDTH + j);
    }
  }
  return found;
}

EVERY_MACHINE void elementwise_adam(
  float *parameters, const float *gradients, float *mean, float *square, float *largest, float *average, size_t count,
  const struct elementwise_adam_step *step) {
  const struct elementwise_adam_step s = *step;
  block *theta = (block *)parameters, *m = (block *)mean, *v = (block *)square, *top = (block *)largest, *bar = (block *)average;
  for (size_t i = 0; i < blocks(count); i++) {
    const block g = ((const block *)gradients)[i] * s.shrink;
    const block mi = m[i] + s.gain_mean * (g - m[i]);
    const block vi = v[i] + s.gain_square * (g * g - v[i]);
    const block ti = vi > top[i] ? vi : top[i];
    const block next = theta[i] * s.keep - s.step_size * (mi / __builtin_elementwise_sqrt(ti + s.small));
    m[i] = mi;
    v[i] = vi;
    top[i] = ti;
    theta[i] = next;
    bar[i] += s.gain_average * (next - bar[i]);
  }
}

EVERY_MACHINE void elementwise_mixture_forward(
  float *weights, const float *values, size_t sources, size_t count, size_t stride, float *mixtures) {
  const size_t row = stride / WIDTH;
  for (size_t t = 0; t < blocks(count); t++) {
    block *w = (block *)weights + t;
    const block *g = (const block *)values + t;
    block top = w[0];
    for (size_t s = 1; s < sources; s++) top = w[s * row] > top ? w[s * row] : top;
    block total = 0.0f, sum = 0.0f;
    for (size_t s = 0; s < sources; s++) {
      block e = w[s * row] - top;
      exponential(&e);
      total += e;
      sum += e * g[s * row];
      w[s * row] = e;
    }
    const block share = 1.0f / total;
    for (size_t s = 0; s < sources; s++) w[s * row] *= share;
    ((block *)mixtures)[t] = sum * share;
  }
}

EVERY_MACHINE void elementwise_mixture_backward(
  float *weights, const float *values, const float *mixtures, const float *derivatives, size_t sources, size_t count, size_t stride) {
  const size_t row = stride / WIDTH;
  for (size_t t = 0; t < blocks(count); t++) {
    const block q = ((const block *)mixtures)[t], d = ((const block *)derivatives)[t];
    block *w = (block *)weights + t;
    const block *g = (const block *)values + t;
    for (size_t s = 0; s < sources; s++) w[s * row] *= (g[s * row] - q) * d;
  }
}
