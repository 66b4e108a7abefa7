#!/usr/bin/env python3
"""Minima of the fused quantile process that Tests/RegressionTests/FusedQuantileProcessTests.swift compares with, by scipy's HiGHS.

    python3 scripts/reference/fused-lasso.py

minimises  sum_t [ sum_i psi_t(y_i - a_t - x_i b_t) + penalty sum_j |b_tj| ] + fusion sum_t sum_j |b_(t+1)j - b_tj|
as a linear program: residuals, slopes and differences are each split into a positive and a negative part."""
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import eye, hstack, kron, lil_matrix, vstack

n, p = 80, 4
levels = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
m = len(levels)
i = np.arange(1, n + 1)
x = np.array([[np.sin(r * c * 1.37 + c) for c in range(1, p + 1)] for r in i])
y = 2 * x[:, 0] - x[:, 2] + np.sin(i**2 * 0.61) * (1 + 0.5 * x[:, 1])

for penalty, fusion in [(0.5, 0.5), (3, 2), (1, 20), (1, 1e6), (15, 4)]:
    # a (m), b+ (m p), b- (m p), u+ (m n), u- (m n), d+ ((m-1) p), d- ((m-1) p)
    intercepts = kron(eye(m), np.ones((n, 1)))
    slopes = kron(eye(m), x)
    between = lil_matrix((m - 1, m))
    for t in range(m - 1):
        between[t, t], between[t, t + 1] = -1, 1
    difference = kron(between, eye(p))
    rows, pairs = eye(m * n), eye((m - 1) * p)
    zero = lambda r, c: lil_matrix((r, c))
    fit = hstack([intercepts, slopes, -slopes, rows, -rows, zero(m * n, 2 * (m - 1) * p)])
    tie = hstack([zero((m - 1) * p, m), difference, -difference, zero((m - 1) * p, 2 * m * n), -pairs, pairs])
    cost = np.concatenate([
        np.zeros(m), np.full(2 * m * p, penalty), np.repeat(levels, n), np.repeat(1 - levels, n), np.full(2 * (m - 1) * p, fusion)])
    free = [(None, None)] * m + [(0, None)] * (len(cost) - m)
    answer = linprog(cost, A_eq=vstack([fit, tie]).tocsc(), b_eq=np.concatenate([np.tile(y, m), np.zeros((m - 1) * p)]), bounds=free, method="highs")
    print(f"({penalty}, {fusion:g}, {answer.fun:.10f}),")
