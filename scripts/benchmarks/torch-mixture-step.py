#!/usr/bin/env python3
"""Times one training step of qaggregate's local and global weights in PyTorch: forward, loss, backward, Adam.

    torch-mixture-step.py [METHOD …]

The networks of Fakoor et al. 2023 as they stand: batch 64, 8 features, three hidden layers of 128 ELU units, softmax weights over the
inputs of every output level, 6 models at 99 levels: 6 outputs for local-coarse, 6 × 99 for local-medium, 99 × 6 × 99 for local-fine;
global weights are a table of parameters in the network's place. The loss is the mean pinball loss of all levels and the penalty of all
pairs of levels nearer than a margin. Prints a line a method, its name, milliseconds a step, the least of REPEATS runs on one thread and on
all, and CPU milliseconds a step on one thread, which a busy machine disturbs less.
"""
import os
import sys
import time

import torch

BATCH, HIDDEN, FEATURES, MODELS, LEVELS, MARGIN, PENALTY, REPEATS = 64, 128, 8, 6, 99, 0.005, 1.0, 5
OUTPUTS = {"coarse": MODELS, "medium": MODELS * LEVELS, "fine": LEVELS * MODELS * LEVELS}


class Table(torch.nn.Module):
    """The same logits for every row."""

    def __init__(self, outputs):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(1, outputs))

    def forward(self, rows):
        return self.logits


def network(outputs):
    layers = []
    for width in (FEATURES, HIDDEN, HIDDEN):
        layers += [torch.nn.Linear(width, HIDDEN), torch.nn.ELU()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(HIDDEN, outputs))


def mixture(resolution, logits, predictions):
    """Quantiles, rows × levels, of predictions, rows × models × levels."""
    if resolution == "coarse":
        return (torch.softmax(logits, 1)[:, :, None] * predictions).sum(1)
    if resolution == "medium":
        return (torch.softmax(logits.view(-1, MODELS, LEVELS), 1) * predictions).sum(1)
    weights = torch.softmax(logits.view(-1, LEVELS, MODELS * LEVELS), 2)
    inputs = predictions.reshape(len(predictions), -1)
    if len(weights) == 1:
        return inputs @ weights[0].T
    return torch.bmm(weights, inputs[:, :, None])[:, :, 0]


def seconds_a_step(method):
    torch.manual_seed(1)
    place, resolution = method.split("-")
    rows, target = torch.randn(1 << 12, FEATURES), torch.randn(1 << 12)
    predictions = torch.randn(1 << 12, MODELS, LEVELS).sort(2).values
    grid = torch.arange(1, LEVELS + 1) / (LEVELS + 1)
    lower, upper = torch.triu_indices(LEVELS, LEVELS, 1)
    model = network(OUTPUTS[resolution]) if place == "local" else Table(OUTPUTS[resolution])
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def run(steps):
        start = time.perf_counter(), time.process_time()
        for step in range(steps):
            first = step * BATCH % len(target)
            part = slice(first, first + BATCH)
            optimiser.zero_grad()
            quantiles = mixture(resolution, model(rows[part]), predictions[part])
            error = target[part, None] - quantiles
            pinball = torch.maximum(grid * error, (grid - 1) * error).mean()
            crossing = torch.relu(quantiles[:, lower] - quantiles[:, upper] + MARGIN).sum(1).mean()
            (pinball + PENALTY * crossing).backward()
            optimiser.step()
        return (time.perf_counter() - start[0]) / steps, (time.process_time() - start[1]) / steps

    steps = max(3, min(100, int(0.5 / run(3)[0])))
    wall, cpu = zip(*(run(steps) for _ in range(REPEATS)))
    return min(wall), min(cpu)


def main():
    methods = sys.argv[1:] or [f"{place}-{resolution}" for place in ("local", "global") for resolution in OUTPUTS]
    for method in methods:
        torch.set_num_threads(1)
        one, cpu = seconds_a_step(method)
        torch.set_num_threads(os.cpu_count() or 1)
        best = min(one, seconds_a_step(method)[0])
        print(method, f"{best * 1e3:.3f} {cpu * 1e3:.3f}", flush=True)


main()
