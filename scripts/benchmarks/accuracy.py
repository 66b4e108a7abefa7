"""Scores qfit's learners and their peers on every table of a directory; scripts/bench accuracy says how."""

import os, subprocess, sys, tempfile
import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors
from common import *
from tables import *

directory, most = sys.argv[1], int(os.environ.get("MAXROWS", 10_000))
tune = ["--tune", os.environ["TUNE"]] if os.environ.get("TUNE") else []
learners = subprocess.run(
    [QFIT, "--explain", "-l", os.environ.get("LEARNERS", "all,marginal")], input="x,y\n1,2\n", stdout=subprocess.PIPE, check=True, text=True).stdout
learners = [line.split()[1] for line in learners.splitlines() if line.startswith("learner ")]


def encoded(table, test):
    """Features as numbers: a column each of the 100 most frequent categories, missing numbers at the median of the teaching rows."""
    columns = []
    for name in table.columns[:-1]:
        values = numbers(table[name])
        if values is None:
            frequent = table[name][~test].value_counts().index[:100]
            columns += [(table[name] == category).to_numpy(float) for category in frequent]
        else:
            median = np.nanmedian(values[~test]) if not np.isnan(values[~test]).all() else 0
            columns.append(np.where(np.isnan(values), median, values))
    return np.stack(columns, axis=1)


def standardised(x, asked):
    centre, spread = x.mean(axis=0), x.std(axis=0)
    kept = spread > 0
    return (x[:, kept] - centre[kept]) / spread[kept], (asked[:, kept] - centre[kept]) / spread[kept]


def by_coefficients(what):
    def peer(x, y, asked):
        x, asked = standardised(x, asked)
        coefficients = quantreg(what, x, y, HUB)[0]
        return coefficients[0] + asked @ coefficients[1:]
    return peer


def neighbours(x, y, asked):
    """Quantiles of the k nearest rows, k the one of 5, 10, 20, … of least loss of leaving one row out."""
    x, asked = standardised(x, asked)
    search = NearestNeighbors(n_jobs=-1).fit(x)
    sizes = [k for k in 5 * 2 ** np.arange(8) if k < len(y) / 2] or [1]
    some = np.random.default_rng(1).permutation(len(y))[:2000]
    near = search.kneighbors(x[some], sizes[-1] + 1, return_distance=False)
    # A row is its own neighbour, unless as many others are equal to it.
    near = np.array([row[row != i][: sizes[-1]] for i, row in zip(some, near)])
    best = min(sizes, key=lambda k: wis(y[some], np.quantile(y[near[:, :k]], HUB, axis=1).T, HUB))
    return np.quantile(y[search.kneighbors(asked, best, return_distance=False)], HUB, axis=1).T


peers = {
    "linear": ("quantreg", by_coefficients("levels")),
    "lasso": ("rq-lasso", by_coefficients("lasso")),
    "forest": ("q-forest", lambda x, y, asked: quantile_forest("forest", x, y, asked, HUB)[0]),
    "extratrees": ("q-extra", lambda x, y, asked: quantile_forest("extratrees", x, y, asked, HUB)[0]),
    "boost": ("LightGBM", lambda x, y, asked: lightgbm(x, y, asked, HUB)[0]),
    "knn": ("sk-knn", neighbours),
    "marginal": ("quantiles", lambda x, y, asked: np.tile(np.quantile(y, HUB), (len(asked), 1))),
}
peers = {learner: peer for learner, peer in peers.items() if learner in learners}


def ours(table, test, learner):
    """Answers of qfit to the test rows."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        blanked(table, test, file.name)
        return Run(file.name, learner, HUB, "-y", table.columns[-1], *tune).answers


scores, seconds, sizes = {}, {}, {}
for name in files(directory):
    draw = drawn(os.path.join(directory, name), most)
    if draw is None:
        continue
    table, test, y, whole = draw
    x = encoded(table, test)
    sizes[name.split(".")[0]] = f"{len(table)} of {whole}"
    row, times = [], []
    work = [lambda learner=learner: ours(table, test, learner) for learner in learners]
    work += [lambda peer=peer: peer(x[~test], y[~test], x[test]) for _, peer in peers.values()]
    for job in work:
        answers, spent = timed(job)
        row.append(wis(y[test], answers, HUB))
        times.append(spent[0])
    scores[name.split(".")[0]], seconds[name.split(".")[0]] = row, times
    print(f"{name}: {sizes[name.split('.')[0]]} rows, {x.shape[1]} features, {sum(times):.0f} s", file=sys.stderr)

count = len(learners)
print(f"WIS at {len(HUB)} levels of a fifth of the rows, the others teach{', ' + ' '.join(tune) if tune else ''}; tables above {most} rows are sampled: "
      + ", ".join(f"{name} {size}" for name, size in sizes.items()))
print_table("qfit", learners, [(name, *row[:count]) for name, row in scores.items()])
print_table("peers", [f"{peer}" for peer, _ in peers.values()], [(name, *row[count:]) for name, row in scores.items()])
all_scores, all_seconds = np.array(list(scores.values())), np.array(list(seconds.values()))
of_peer = {learner: np.log(all_scores[:, learners.index(learner)] / all_scores[:, count + j]) for j, learner in enumerate(peers)}
ratio = lambda learner, of: np.exp(of(of_peer[learner])) if learner in peers else None
peer_seconds = {learner: all_seconds[:, count + j].sum() for j, learner in enumerate(peers)}
print_table("qfit over its peer, and seconds on all tables", learners, [
    ("geometric mean", *(ratio(learner, np.mean) for learner in learners)),
    ("worst table", *(ratio(learner, np.max) for learner in learners)),
    ("qfit, seconds", *all_seconds[:, :count].sum(axis=0)),
    ("peer, seconds", *(peer_seconds.get(learner) for learner in learners)),
])
worse = [learner for learner in peers if ratio(learner, np.mean) > 1.005]
print(f"\ngeometric means at most 1.005: {'misses ' + ', '.join(worse) if worse else 'ok'}")
sys.exit(bool(worse))
