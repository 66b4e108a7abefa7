#!/usr/bin/env python3
"""Online conformal methods written plainly from their papers, over all past scores and experts, with numpy.

The figures in Tests/CalibrationTests/OnlineReferenceTests.swift come from here; the scores are drawn there by the same congruential
generator. Prints method, settings, alpha, how many of the rows missed, how many thresholds are infinite, the mean of the finite ones, and the
last: first of scores all different under the default settings, then of scores with many ties under others.
"""
import numpy as np

ROWS = 2000


def ends(tied, seed=7):
    """Scores of both ends: a target that is triangular around 0 against the interval [-1, 1], three times as wide from the middle on.
    Tied ones are those of the target's whole halves."""
    state = seed

    def uniform():
        nonlocal state
        state = (1103515245 * state + 12345) % 2**31
        return state / 2**31

    below, above = [], []
    for t in range(ROWS):
        y = (uniform() + uniform() - 1) * (2 if t < ROWS // 2 else 6)
        y = np.floor(2 * y) / 2 if tied else y
        below.append(-1 - y)
        above.append(y - 1)
    return np.array(below), np.array(above)


def conformal(past, level):
    """Threshold of the split conformal set at a level, and whether the set is empty."""
    n = len(past)
    rank = int(np.ceil((1 - level) * (n + 1) - 1e-9))
    if rank > n:
        return np.inf, False
    if rank < 1:
        return np.min(past), True
    return np.partition(past, rank - 1)[rank - 1], False


def is_missed(past, level, score):
    threshold, empty = conformal(past, level)
    return empty or score > threshold


def aci(below, above, alpha, gamma=0.005, window=1000):
    scores, level = np.maximum(below, above), alpha
    for t, score in enumerate(scores):
        past = scores[max(0, t - window):t]
        q, _ = conformal(past, level)
        yield q, q
        level += gamma * (alpha - is_missed(past, level, score))


GAMMAS = 0.001 * 2.0 ** np.arange(8)


def dtaci(below, above, alpha, horizon=500, window=1000):
    scores, count = np.maximum(below, above), len(GAMMAS)
    levels, weights = np.full(count, alpha), np.full(count, 1 / count)
    sigma = 1 / (2 * horizon)
    eta = np.sqrt(3 / horizon) * np.sqrt((np.log(count * horizon) + 2) / ((1 - alpha) ** 2 * alpha**3 + (1 - alpha) ** 3 * alpha**2))
    for t, score in enumerate(scores):
        past = scores[max(0, t - window):t]
        q, _ = conformal(past, weights @ levels / weights.sum())
        yield q, q
        beta = 1 - np.sum(past < score) / (len(past) + 1)
        losses = alpha * (beta - levels) - np.minimum(0, beta - levels)
        moved = weights * np.exp(-eta * losses)
        weights = (1 - sigma) * moved / moved.sum() + sigma / count
        levels = levels + GAMMAS * (alpha - np.array([is_missed(past, level, score) for level in levels]))


class Bernstein:
    def __init__(self, count):
        self.p = np.full(count, 1 / count)
        self.eta, self.squares, self.losses = np.zeros(count), np.zeros(count), np.zeros(count)
        self.largest = 0.0

    def mean(self, values):
        return values[0] if np.all(values == values[0]) else self.p @ values

    def learn(self, values, slope):
        if not np.all(np.isfinite(values)):
            return
        r = slope * (values - self.mean(values))
        self.largest = max(self.largest, np.max(np.abs(r)))
        if self.largest == 0:
            return
        reach = 2.0 ** (np.ceil(np.log2(self.largest)) + 1)
        self.losses += (r * (1 + self.eta * r) + reach * (self.eta * r > 0.5)) / 2
        self.squares += r**2
        with np.errstate(divide="ignore"):
            self.eta = np.minimum(1 / reach, np.sqrt(np.log(len(values)) / self.squares))
        exponents = -self.eta * self.losses
        weights = self.eta * np.exp(exponents - exponents.max())
        self.p = weights / weights.sum()


def agaci(below, above, alpha, window=1000):
    scores, count = np.maximum(below, above), len(GAMMAS)
    levels, lower, upper = np.full(count, alpha), Bernstein(count), Bernstein(count)
    for t, score in enumerate(scores):
        past = scores[max(0, t - window):t]
        candidates = np.array([conformal(past, level)[0] for level in levels])
        candidates[np.isinf(candidates)] = np.max(past) if t else np.inf
        q, r = lower.mean(candidates), upper.mean(candidates)
        yield q, r
        lower.learn(candidates, alpha / 2 - (below[t] > q))
        upper.learn(candidates, alpha / 2 - (above[t] > r))
        levels = levels + GAMMAS * (alpha - np.array([is_missed(past, level, score) for level in levels]))


def sf_ogd(below, above, alpha):
    scores, theta, squares = np.maximum(below, above), 0.0, 0.0
    for t, score in enumerate(scores):
        yield theta, theta
        gradient = alpha - (score > theta)
        squares += gradient**2
        theta -= np.max(np.abs(scores[: t + 1])) / np.sqrt(3) * gradient / np.sqrt(squares)


def saocp(below, above, alpha, lifetime=8):
    scores = np.maximum(below, above)

    def loss(theta, score):
        return max((1 - alpha) * (score - theta), alpha * (theta - score))

    experts, last = {}, 0.0
    for t, score in enumerate(scores, start=1):
        experts[t] = {"theta": last, "squares": 0.0, "weight": 0.0, "gains": [], "weights": []}
        experts = {i: e for i, e in experts.items() if t < i + lifetime * (i & -i)}
        prior = {i: 1 / (i**2 * (1 + np.floor(np.log2(i)))) for i in experts}
        share = {i: prior[i] * max(0, e["weight"]) for i, e in experts.items()}
        if sum(share.values()) == 0:
            share = prior
        last = sum(share[i] * e["theta"] for i, e in experts.items()) / sum(share.values())
        yield last, last
        radius = np.max(np.abs(scores[:t]))
        for i, e in experts.items():
            gain = np.clip((loss(last, score) - loss(e["theta"], score)) / radius, -1 if e["weight"] > 0 else 0, 1)
            e["gains"].append(gain)
            e["weights"].append(e["weight"])
            e["weight"] = sum(e["gains"]) * (1 + np.dot(e["weights"], e["gains"])) / (t - i + 1)
            gradient = alpha - (score > e["theta"])
            e["squares"] += gradient**2
            e["theta"] -= radius / np.sqrt(3) * gradient / np.sqrt(e["squares"])


def pid(below, above, alpha, rate=0.1, integrator=1, saturation=5, window=100):
    scores, theta, errors = np.maximum(below, above), 0.0, []
    for t, score in enumerate(scores):
        q = theta
        if t > 1:
            angle = (sum(errors) - alpha * t) * np.log(t) / (t * saturation)
            recent = scores[max(0, t - window):t]
            reach = max(recent.max(), 0) - min(recent.min(), 0)
            q = np.sign(angle) * np.inf if abs(angle) >= np.pi / 2 else theta + integrator * reach * np.tan(angle)
        yield (q, q) if q > -np.inf else (recent.min(),) * 2
        errors.append(score > q)
        recent = scores[max(0, t + 1 - window):t + 1]
        theta += rate * (max(recent.max(), 0) - min(recent.min(), 0)) * ((score > q) - alpha)


DEFAULTS = [(aci, {}), (dtaci, {}), (agaci, {}), (sf_ogd, {}), (saocp, {}), (pid, {})]
OTHERS = [
    (aci, {"gamma": 0.05, "window": 25}), (dtaci, {"horizon": 40, "window": 25}), (agaci, {"window": 25}), (saocp, {"lifetime": 2}),
    (pid, {"rate": 0.02, "integrator": 0.5, "saturation": 0.05, "window": 10}),
]
for tied, methods in [(False, DEFAULTS), (True, OTHERS)]:
    below, above = ends(tied)
    for method, settings in methods:
        name = method.__name__.replace("_", "-") + (":" + ",".join(f"{key}={value}" for key, value in settings.items()) if settings else "")
        for alpha in (0.02, 0.2, 0.9):
            answers = np.array(list(method(below, above, alpha, **settings)))
            missed = np.sum((below > answers[:, 0]) | (above > answers[:, 1]))
            finite = answers[np.isfinite(answers)]
            figures = f"{missed}, {np.sum(np.isinf(answers))}, {finite.mean():.12g}, {answers[-1, 0]:.12g}, {answers[-1, 1]:.12g}"
            print(f'  ("{name}", {alpha}, {figures}),')
