#pragma once
#include <stddef.h>

/// Kernels over single precision numbers in blocks of 16: a count is rounded up to whole blocks, and buffers must hold those. They use only
/// additions, products, quotients, roots and bit patterns, in a fixed order and never fused, so every machine gives the same bits, whatever
/// the width of its vectors.

/// ELU in place, max(z, 0) + e^min(z, 0) − 1; its derivative e^min(z, 0) goes to `slopes` unless that is null.
void elementwise_elu(float *values, float *slopes, size_t count);

/// values *= factors.
void elementwise_multiply(float *values, const float *factors, size_t count);

/// Σ x², over padding that is zero: 16 sums side by side, added in pairs.
float elementwise_squared_norm(const float *values, size_t count);

/// Writes the places i, in order, where 2·values[i] − offsets[i] is not below `least`, no numbers among them, and returns how many there are.
size_t elementwise_select_near(const float *values, const float *offsets, float least, size_t count, int *places);

/// What a step of Adam with AMSGrad needs beside its buffers; the comments at `elementwise_adam` say how each is used.
struct elementwise_adam_step {
  float shrink, gain_mean, gain_square, small, step_size, keep, gain_average;
};

/// g' = shrink·g, m += gain_mean·(g' − m), v += gain_square·(g'² − v), v̂ = max(v̂, v), θ = keep·θ − step_size·m/√(v̂ + small),
/// θ̄ += gain_average·(θ − θ̄).
void elementwise_adam(
  float *parameters, const float *gradients, float *mean, float *square, float *largest, float *average, size_t count,
  const struct elementwise_adam_step *step);

/// Softmax over sources and the mixture of their values at each of `count` places, q_t = Σ_s w_st g_st. Value (s, t) is at s·stride + t, the stride
/// a multiple of 16. `weights` holds logits before and weights after.
void elementwise_mixture_forward(float *weights, const float *values, size_t sources, size_t count, size_t stride, float *mixtures);

/// Derivatives in the logits, in place of the weights: w_st (g_st − q_t) d_t with d the derivatives in the mixtures.
void elementwise_mixture_backward(
  float *weights, const float *values, const float *mixtures, const float *derivatives, size_t sources, size_t count, size_t stride);
