#!/usr/bin/env python3
"""Global coarse weights of small random tables by scipy.optimize.linprog (HiGHS).

The figures in Tests/AggregationTests/GlobalCoarseTests.swift come from here; the tables are drawn there by the same
congruential generator. Prints rows, models, levels, whether rows are weighted, the optimum and its weights.
"""
import numpy as np
from scipy.optimize import linprog


def table(rows, models, levels, seed):
    state = seed

    def uniform():
        nonlocal state
        state = (1103515245 * state + 12345) % 2**31
        return state / 2**31

    target = np.zeros(rows)
    predictions = np.zeros((rows, models, len(levels)))
    for i in range(rows):
        target[i] = 10 * uniform()
        for j in range(models):
            centre = target[i] + (1 + 0.3 * j) * (uniform() - 0.5) + 0.4 * (j - 1.5)
            spread = 1 + uniform()
            predictions[i, j] = [centre + 4 * spread * (level - 0.5) for level in levels]
    return target, predictions


def solve(target, predictions, levels, weights):
    rows, models, count = predictions.shape
    terms = rows * count
    a = predictions.transpose(0, 2, 1).reshape(terms, models)
    b = np.repeat(target, count)
    tau = np.tile(levels, rows)
    c = np.repeat(weights / weights.sum(), count)
    cost = np.concatenate([np.zeros(models), c * tau, c * (1 - tau)])
    equal = np.vstack([
        np.hstack([a, np.eye(terms), -np.eye(terms)]),
        np.concatenate([np.ones(models), np.zeros(2 * terms)])[None],
    ])
    found = linprog(cost, A_eq=equal, b_eq=np.append(b, 1), bounds=(0, None), method="highs-ds",
                    options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10})
    return found.fun, found.x[:models]


for rows, models, count, seed, weighted in [(30, 4, 3, 1, False), (200, 6, 9, 2, False), (200, 6, 9, 2, True), (3, 8, 2, 3, False)]:
    levels = np.array([(k + 1) / (count + 1) for k in range(count)])
    target, predictions = table(rows, models, levels, seed)
    weights = np.array([1.0 + i % 5 for i in range(rows)]) if weighted else np.ones(rows)
    objective, found = solve(target, predictions, levels, weights)
    print(rows, models, count, seed, weighted, repr(float(objective)), [float(w) for w in found])
