#!/usr/bin/env python3
"""What the tests and intervals of qscore --compare and the gains of qscore --decompose --cross-fit promise, by simulation through the tool.

    scripts/promises/compare.py [REPETITIONS [SEED]]      default 4000 1

Each line is a promise, its condition, the figure found, and the range within which the true figure is promised to lie. A figure fails where a
true one anywhere in that range would bring it less than once in a thousand runs (exact binomial bounds). Status 1 where one fails. Conditions,
of which the manual says what happens where they are not met, stand with the figures they bring.

Environment: TOOLS, the directory of the tools (.build/release). Needs numpy and scipy.
"""
import csv, io, sys
import numpy as np
import scipy.stats

from simulation import run, settings

repetitions, seed = settings(__doc__, 4000)
random = np.random.default_rng(seed)
failed = False


def qscore(lines, *flags):
    return list(csv.DictReader(io.StringIO(run("qscore", "--quiet", *flags, table="\n".join(lines) + "\n"))))


def report(promise, condition, hits, trials, low, high):
    """Whether `hits` of `trials` are what a chance from `low` to `high` brings."""
    global failed
    least = scipy.stats.binom.ppf(0.0005, trials, low)
    most = scipy.stats.binom.ppf(0.9995, trials, high)
    passed = least <= hits <= most
    failed |= not passed
    print(f"{promise:34} {condition:48} {hits / trials:6.3f}  {low:.2f} to {high:.2f}  {'ok' if passed else 'FAILS'}", flush=True)


# Differences of scores with mean zero: a row a repetition, a column a time.


def independent(n):
    return random.standard_normal((repetitions, n))


def skewed(n):
    return random.exponential(size=(repetitions, n)) - 1


def moving(length):
    return lambda n: np.lib.stride_tricks.sliding_window_view(random.standard_normal((repetitions, n + length - 1)), length, axis=1).sum(axis=2)


def autoregressive(memory):
    def draw(n):
        values = random.standard_normal((repetitions, n))
        values[:, 0] /= np.sqrt(1 - memory**2)
        for t in range(1, n):
            values[:, t] += memory * values[:, t - 1]
        return values

    return draw


def rejections(differences, column, *flags, block=1):
    """How many of the tables reject equal models at 5 %."""
    lines = ["table,time,block,y,a_q0.5,b_q0.5"]
    for table, row in enumerate(differences):
        lines += [f"{table},{t},{t // block},0,{50 + d!r},50" for t, d in enumerate(row.tolist())]
    found = qscore(lines, "--compare=b", "--by", "table", "--score", "ae_median", *flags)
    return sum(float(line[column]) <= 0.05 for line in found if line["model"] == "a")


print(f"{'promise':34} {'condition':48} {'figure':>6}  {'promised':12}")

dm = "p_diebold_mariano keeps 5 %"
for name, draw, n, horizon, low, high in [
    ("independent, n = 20", independent, 20, 1, 0.03, 0.07),
    ("independent, n = 200", independent, 200, 1, 0.03, 0.07),
    ("skewed, n = 50", skewed, 50, 1, 0.03, 0.07),
    ("means of 4, n = 20, horizon not told", moving(4), 20, 1, 0.03, 0.07),
    ("means of 4, n = 20, horizon 4", moving(4), 20, 4, 0.03, 0.07),
    ("means of 8, n = 20, horizon 8", moving(8), 20, 8, 0.03, 0.07),
    ("means of 8, n = 50, horizon 8", moving(8), 50, 8, 0.03, 0.07),
    ("autocorrelation .5, n = 20", autoregressive(0.5), 20, 1, 0.03, 0.07),
    ("autocorrelation .5, n = 200", autoregressive(0.5), 200, 1, 0.03, 0.07),
    ("autocorrelation .8, n = 20: beyond the promise", autoregressive(0.8), 20, 1, 0.1, 0.2),
]:
    hits = rejections(draw(n), "p_diebold_mariano", "--order", "time", "--horizon", str(horizon), "--permutations", "9")
    report(dm, name, hits, repetitions, low, high)

permutation = "p_permutation keeps 5 %"
for name, draw, n, block, low, high in [
    ("independent rows, n = 30", independent, 30, 1, 0.03, 0.06),
    ("skewed rows, n = 100", skewed, 100, 1, 0.03, 0.07),
    ("autocorrelation .5, --blocks of 10, n = 200", autoregressive(0.5), 200, 10, 0.03, 0.08),
    ("autocorrelation .5, n = 100: beyond the promise", autoregressive(0.5), 100, 1, 0.2, 0.35),
    ("autocorrelation .8, n = 100: beyond the promise", autoregressive(0.8), 100, 1, 0.45, 0.65),
]:
    flags = ["--blocks", "block"] if block > 1 else []
    report(permutation, name, rejections(draw(n), "p_permutation", "--permutations", "199", *flags, block=block), repetitions, low, high)

wilcoxon = "p_wilcoxon keeps 5 %"
report(wilcoxon, "symmetric, n = 100", rejections(independent(100), "p_wilcoxon", "--permutations", "9"), repetitions, 0.04, 0.06)
report(wilcoxon, "skewed, mean 0, n = 100: beyond the promise", rejections(skewed(100), "p_wilcoxon", "--permutations", "9"), repetitions, 0.35, 0.6)


# Intervals of a ratio whose true value is 1: rows of a block share a factor.


def held(tables, blocks, rows):
    lines = ["table,block,y,a_q0.5,b_q0.5"]
    for table in range(tables):
        for block in range(blocks):
            scores = np.exp(0.7 * random.standard_normal()) * random.exponential(size=(rows, 2))
            lines += [f"{table},{block},0,{a!r},{b!r}" for a, b in scores.tolist()]
    flags = ["--blocks", "block"] if rows > 1 else []
    found = qscore(lines, "--compare=b", "--by", "table", "--score", "ae_median", "--permutations", "9", "--bootstrap", "499", *flags)
    return sum(float(line["ratio_lower"]) <= 1 <= float(line["ratio_upper"]) for line in found if line["model"] == "a")


for name, blocks, rows, low, high in [
    ("10 rows", 10, 1, 0.93, 0.97),
    ("10 blocks of 7 rows", 10, 7, 0.93, 0.97),
    ("20 blocks of 3 rows", 20, 3, 0.93, 0.97),
    ("100 rows", 100, 1, 0.93, 0.97),
    ("3 blocks of 7 rows: 0 to infinity", 3, 7, 0.94, 1 - 1e-9),
]:
    tables = max(200, repetitions // 2)
    report("--bootstrap holds 95 %", name, held(tables, blocks, rows), tables, low, high)


# Gains of recalibration: targets are centres plus normal noise.


def gains(tables, n, shift):
    lines = ["table,y,q0.05,q0.5"]
    low = float(scipy.stats.norm.ppf(0.05))
    for table in range(tables):
        centres = 2 * random.standard_normal(n)
        targets = centres + random.standard_normal(n)
        lines += [f"{table},{y!r},{c + low + shift!r},{c + shift!r}" for y, c in zip(targets.tolist(), centres.tolist())]
    return qscore(lines, "--decompose", "--cross-fit", "--by", "table")


tables = max(100, repetitions // 20)
for n in (100, 400):
    found = gains(tables, n, 0)
    for level in ("0.05", "0.5"):
        lines = [line for line in found if line["level"] == level]
        share = np.mean([float(line["miscalibration"]) / float(line["pinball"]) for line in lines])
        negative = sum(float(line["recalibration_gain"]) < 0 for line in lines)
        condition = f"perfect, level {level}, n = {n} (in-sample {share:.0%})"
        report("--cross-fit gains nothing", condition, negative, tables, 0.85, 1 - 1e-9)
found = [line for line in gains(tables, 100, 1) if line["level"] == "0.5"]
loss = scipy.stats.norm.pdf(1) + scipy.stats.norm.cdf(1) - 0.5 - scipy.stats.norm.pdf(0)
mean = np.mean([float(line["recalibration_gain"]) for line in found])
passed = 0.1 < mean < loss
failed |= not passed
print(f"{'--cross-fit gains what there is':34} {'medians 1 too high, n = 100':48} {mean:6.3f}  0.10 to {loss:.2f}  {'ok' if passed else 'FAILS'}")
sys.exit(int(failed))
