#!/usr/bin/env python3
"""Global weights of small random tables by scipy.optimize.linprog (HiGHS).

The figures in Tests/AggregationTests/Global*Tests.swift come from here; the tables are drawn there by the same congruential
generator. Prints method, rows, models, levels, seed, whether rows are weighted, what the penalty is, the optimum and, for
coarse, its weights.
"""
from statistics import NormalDist

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_diag, csr_matrix, hstack, identity, lil_matrix, vstack


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


def crossing_base(predictions):
    """Quantiles of every third row in the wrong order, so that base models cross."""
    crossed = predictions.copy()
    crossed[::3] = crossed[::3, :, ::-1]
    return crossed


def solve(design, target, tau, weights, groups, cost=None, hinges=None):
    """min Σ weights ψ_tau(target − design w) + cost w + Σ hinge (row w + margin)_+ over simplices of the groups of variables."""
    terms, variables = design.shape
    count = 0 if hinges is None else hinges[0].shape[0]
    objective = np.concatenate([
        np.zeros(variables) if cost is None else cost, weights * tau, weights * (1 - tau),
        np.zeros(0) if hinges is None else hinges[2]])
    sums = lil_matrix((len(groups), variables))
    for g, group in enumerate(groups):
        sums[g, group] = 1
    equal = vstack([
        hstack([csr_matrix(design), identity(terms), -identity(terms), csr_matrix((terms, count))]),
        hstack([sums, csr_matrix((len(groups), 2 * terms + count))])])
    unequal = bounds = None
    if count:
        unequal = hstack([csr_matrix(hinges[0]), csr_matrix((count, 2 * terms)), -identity(count)])
        bounds = -hinges[1]
    found = linprog(
        objective, A_eq=equal, b_eq=np.concatenate([target, np.ones(len(groups))]), A_ub=unequal, b_ub=bounds, bounds=(0, None),
        method="highs-ds", options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10})
    return found.fun, found.x[:variables]


def crossings(predictions, weights, strength, margin, coarse):
    """Hinges of every row and pair of levels: rows over the variables, margins, weights."""
    rows, models, count = predictions.shape
    hinges, sizes = [], []
    for i in range(rows):
        for t in range(count):
            for u in range(t + 1, count):
                row = np.zeros(models if coarse else models * count)
                if coarse:
                    row += predictions[i, :, t] - predictions[i, :, u]
                else:
                    row[t * models:(t + 1) * models] = predictions[i, :, t]
                    row[u * models:(u + 1) * models] = -predictions[i, :, u]
                hinges.append(row)
                sizes.append(strength * weights[i])
    return np.array(hinges), np.full(len(hinges), margin), np.array(sizes)


def coarse(target, predictions, levels, weights, strength=0, margin=0):
    rows, models, count = predictions.shape
    hinges = crossings(predictions, weights, strength, margin, True) if strength else None
    return solve(
        predictions.transpose(0, 2, 1).reshape(rows * count, models), np.repeat(target, count), np.tile(levels, rows),
        np.repeat(weights, count), [range(models)], hinges=hinges)


def medium(target, predictions, levels, weights, strength=0, margin=0):
    rows, models, count = predictions.shape
    hinges = crossings(predictions, weights, strength, margin, False) if strength else None
    return solve(
        block_diag([predictions[:, :, t] for t in range(count)]).tocsr(), np.tile(target, count), np.repeat(levels, rows),
        np.tile(weights, count), [range(t * models, (t + 1) * models) for t in range(count)], hinges=hinges)


def fine(target, predictions, levels, weights, shrinkage):
    rows, models, count = predictions.shape
    residual = target[:, None, None] - predictions
    least = (np.maximum(levels * residual, (levels - 1) * residual).mean(2) * weights[:, None]).sum(0).min()
    score = np.array([NormalDist().inv_cdf(level) for level in levels])
    total = 0
    for t, level in enumerate(levels):
        total += solve(
            predictions.reshape(rows, models * count), target, np.full(rows, level), weights, [range(models * count)],
            cost=shrinkage * least * np.tile(abs(score - score[t]), models))[0]
    return total, None


def show(name, arguments, weighted=False, crossed=False, **settings):
    rows, models, count, seed = arguments
    levels = np.array([(k + 1) / (count + 1) for k in range(count)])
    target, predictions = table(rows, models, levels, seed)
    if crossed:
        predictions = crossing_base(predictions)
    weights = np.array([1.0 + i % 5 for i in range(rows)]) if weighted else np.ones(rows)
    optimum, found = {"coarse": coarse, "medium": medium, "fine": fine}[name](target, predictions, levels, weights / weights.sum(), **settings)
    print(name, *arguments, weighted, crossed, settings, repr(float(optimum)), [float(w) for w in found] if name == "coarse" else "", flush=True)


for arguments, weighted in [((30, 4, 3, 1), False), ((200, 6, 9, 2), False), ((200, 6, 9, 2), True), ((3, 8, 2, 3), False)]:
    show("coarse", arguments, weighted)
    show("medium", arguments, weighted)
for shrinkage in [0, 0.05]:
    show("fine", (30, 4, 3, 1), shrinkage=shrinkage)
    show("fine", (200, 6, 9, 2), shrinkage=shrinkage)
    show("fine", (200, 6, 9, 2), weighted=True, shrinkage=shrinkage)
for crossed, strength, margin in [(False, 1, 0), (True, 1, 0), (True, 0.1, 0), (False, 2, 0.05), (True, 0.5, 0.05)]:
    show("coarse", (40, 4, 4, 5), crossed=crossed, strength=strength, margin=margin)
    show("medium", (40, 4, 4, 5), crossed=crossed, strength=strength, margin=margin)
show("medium", (60, 5, 5, 6), weighted=True, crossed=True, strength=1, margin=0.01)
