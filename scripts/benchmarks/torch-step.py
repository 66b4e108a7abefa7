#!/usr/bin/env python3
"""Times one training step of qfit's networks in PyTorch: forward, loss, backward, Adam.

    torch-step.py [--fused]

Batch 64, three hidden layers of 128 ELU units, 10 features; cgn has 2 outputs and the Gaussian negative log-likelihood, sqr the level as one
more input and the pinball loss, dqr 99 outputs and the mean of their pinball losses. Prints a line a network, its name and milliseconds a step:
the least of REPEATS runs on one thread and on all. Adam is torch.optim.Adam as it comes; --fused adds lines cgn-fused, sqr-fused and dqr-fused
for its form with fused=True.
"""
import os
import sys
import time

import torch

BATCH, HIDDEN, FEATURES, STEPS, REPEATS = 64, 128, 10, 100, 7


def network(inputs, outputs):
    layers = []
    for width in (inputs, HIDDEN, HIDDEN):
        layers += [torch.nn.Linear(width, HIDDEN), torch.nn.ELU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(HIDDEN, outputs))


def gaussian(out, y, levels):
    return (out[:, 1] + 0.5 * ((y - out[:, 0]) * torch.exp(-out[:, 1])) ** 2).mean()


def pinball(out, y, levels):
    error = y[:, None] - out
    return torch.maximum(levels * error, (levels - 1) * error).mean()


def seconds_a_step(kind, adam):
    torch.manual_seed(1)
    x, y = torch.randn(1 << 14, FEATURES), torch.randn(1 << 14)
    outputs = {"cgn": 2, "sqr": 1, "dqr": 99}[kind]
    model = network(FEATURES + (kind == "sqr"), outputs)
    loss_of = gaussian if kind == "cgn" else pinball
    grid = torch.arange(1, 100) / 100
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, **adam)

    def run(steps):
        start = time.perf_counter()
        for step in range(steps):
            first = step * BATCH % len(y)
            rows, target, levels = x[first : first + BATCH], y[first : first + BATCH], grid
            if kind == "sqr":
                levels = torch.rand(BATCH, 1)
                rows = torch.cat([rows, levels], 1)
            optimiser.zero_grad()
            loss_of(model(rows), target, levels).backward()
            optimiser.step()
        return (time.perf_counter() - start) / steps

    run(20)
    return min(run(STEPS) for _ in range(REPEATS))


def main():
    forms = {"": {}}
    if "--fused" in sys.argv[1:]:
        forms["-fused"] = {"fused": True}
    for suffix, adam in forms.items():
        for kind in ("cgn", "sqr", "dqr"):
            best = float("inf")
            for threads in sorted({1, os.cpu_count() or 1}):
                torch.set_num_threads(threads)
                best = min(best, seconds_a_step(kind, adam))
            print(kind + suffix, f"{best * 1e3:.3f}", flush=True)


main()
