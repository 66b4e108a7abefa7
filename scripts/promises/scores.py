#!/usr/bin/env python3
"""Tries by simulation what qscore, qsort and qaggregate promise of scores, bands, counts and weights.

    scripts/promises/scores.py [TABLES [SEED]]      default 1000 1

Each promise is tried on TABLES tables of perfect forecasts, drawn anew, through the tools in TOOLS (.build/release). A count of tables is held
against the exact binomial distribution: the promise is broken where as many or more would come up less than once in a thousand times if it were kept.
PARTS names some of: bands weighted_bands counts weights pool ordering skill. Prints a line a promise with its figure; status 1 where one is broken. Needs nothing but Python.
"""

import csv, io, math, os, random, sys
from statistics import NormalDist

from simulation import at_least, run, settings

TABLES, SEED = settings(__doc__, 1000)
HUB = [0.01, 0.025] + [round(k / 20, 2) for k in range(1, 20)] + [0.975, 0.99]
UNEVEN = [0.01, 0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975, 0.99]
normal = NormalDist()
broken = 0


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def table(columns, lines):
    return "\n".join(",".join(map(str, line)) for line in [columns] + lines) + "\n"


def report(promise, figure, kept):
    global broken
    broken += not kept
    print(f"{'kept  ' if kept else 'BROKEN'}  {promise}: {figure}", flush=True)


def no_more_than(promise, count, share):
    report(promise, f"{count} of {TABLES}, promised at most {share:.1%}", count == 0 or at_least(count, TABLES, share) > 1e-3)


def outside(rows_of_reports, lower, upper):
    """Tables some level of which lies outside."""
    both, below = set(), set()
    for row in rows_of_reports:
        coverage, low, high = float(row["coverage"]), float(row[lower]), float(row[upper])
        if coverage < low:
            below.add(row["table"])
        if coverage < low or coverage > high:
            both.add(row["table"])
    return len(both), len(below)


def quantile(chances, level):
    total = 0
    for y, chance in enumerate(chances):
        total += chance
        if total >= level:
            return y
    return len(chances) - 1


def poisson(mean):
    return [math.exp(-mean + y * math.log(mean) - math.lgamma(y + 1)) for y in range(int(mean + 12 * math.sqrt(mean) + 12))]


def bands():
    for n, levels in [(200, HUB), (30, HUB), (200, [k / 100 for k in range(1, 100)]), (500, [0.05, 0.5, 0.95])]:
        lines = []
        for t in range(TABLES):
            for _ in range(n):
                centre, scale = random.gauss(0, 3), random.choice([0.5, 1, 4])
                lines.append([t, round(random.gauss(centre, scale), 6)] + [round(centre + scale * normal.inv_cdf(l), 6) for l in levels])
            if len(lines) > 200_000:
                break
        found = rows(run("qscore", "--reliability", "--by", "table", table=table(["table", "y"] + [f"q{l:g}" for l in levels], lines)))
        tables = len({row["table"] for row in found})
        joint, below = outside(found, "joint_lower", "joint_upper")
        alone, _ = outside(found, "lower", "upper")
        for what, count, share in [("some level outside joint_lower .. joint_upper", joint, 0.05), ("coverage < joint_lower", below, 0.025)]:
            report(f"{len(levels)} levels, {n} rows: {what}", f"{count} of {tables}, promised at most {share:.1%}",
                   count == 0 or at_least(count, tables, share) > 1e-3)
        report(f"{len(levels)} levels, {n} rows: some level outside lower .. upper", f"{alone} of {tables}, promised of each level alone", True)


def weighted_bands():
    n, lines = 300, []
    for t in range(TABLES):
        for _ in range(n):
            centre = random.gauss(0, 3)
            lines.append([t, random.expovariate(1), random.gauss(centre, 1)] + [centre + normal.inv_cdf(l) for l in HUB])
        if len(lines) > 200_000:
            break
    found = rows(run("qscore", "-w", "w", "--reliability", "--by", "table", table=table(["table", "w", "y"] + [f"q{l:g}" for l in HUB], lines)))
    tables = len({row["table"] for row in found})
    count, _ = outside(found, "joint_lower", "joint_upper")
    # By the effective number of rows the band is an approximation: twice the share is what is held against.
    report("weights independent of the target: some level outside the joint band", f"{count} of {tables}, about 5 %", at_least(count, tables, 0.1) > 1e-3)


def counts():
    n = 200
    for mean in [0.3, 1, 8, 60]:
        chances = poisson(mean)
        quantiles = [quantile(chances, l) for l in HUB]
        lines = [[t, y] + quantiles for t in range(TABLES) for y in random.choices(range(len(chances)), chances, k=n)]
        text = table(["table", "y"] + [f"q{l:g}" for l in HUB], lines)
        count, _ = outside(rows(run("qscore", "--reliability", "--counts", "--by", "table", table=text)), "joint_lower", "joint_upper")
        no_more_than(f"Poisson({mean:g}) with --counts: some level outside the joint band", count, 0.05)
        if mean <= 1:
            count, _ = outside(rows(run("qscore", "--reliability", "--by", "table", table=text)), "joint_lower", "joint_upper")
            report(f"Poisson({mean:g}) without --counts: some level outside the joint band", f"{count} of {TABLES}, nearly all", count > 0.9 * TABLES)


def weights():
    lines = []
    for i in range(120):
        x = random.gauss(0, 1)
        y, w = round(x + random.gauss(0, 0.5), 4), random.choice([1, 2, 0.5, 3.25])
        lines.append([y if i < 100 else "", w, round(x, 4)] + [round(x + a, 4) for a in (-0.6, 0.02, 0.7)] + [round(x * 0.3 + a, 4) for a in (-1.4, 0.1, 1.6)])
    columns = ["y", "w", "x"] + [f"{m}_q{l}" for m in "ab" for l in (0.1, 0.5, 0.9)]
    commands = [["qscore", mode, *more] for mode, *more in [["--per-level"], ["--reliability"], ["--pit"], ["--decompose"], ["--compare", "--bootstrap", "20"], ["--crps"]]]
    commands += [["qaggregate", "-m", m] for m in ("global-coarse", "global-medium", "best", "qra", "local-coarse")]
    commands += [["qconformal", "-g", "a", "-m", m] for m in ("cqr", "asymmetric", "distributional")]
    commands += [["qfit", "-l", l, "--levels", "0.1,0.5,0.9"] for l in ("linear", "forest", "boost")]
    # What is left of a table after its weights and predictions are taken out.
    commands = [c if c[0] == "qscore" else c + ["--drop", ",".join(columns[1:2] + columns[3:] if c[0] == "qfit" else columns[1:2])] for c in commands]
    for tool, *arguments in commands:
        def answers(exponent):
            scaled = [[line[0], repr(math.ldexp(line[1], exponent))] + line[2:] for line in lines]
            return run(tool, "-w", "w", "-q", *arguments, table=table(columns, scaled))
        same = [exponent for exponent in (-1060, -1000, -600, 600, 1020) if answers(exponent) == answers(0)]
        report(f"{tool} {' '.join(arguments[:2])}: weights times 2^-1060, ..., 2^1020", f"{len(same)} of 5 with the same bytes", len(same) == 5)


def pool():
    levels = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
    columns = ["y"] + [f"{m}_q{l}" for m in "ab" for l in levels]
    line = [""] + [s * normal.inv_cdf(l) for s in (1, 10) for l in levels]
    for method, expected in [("pool", 1.54), ("average", 3.71)]:
        answer = rows(run("qaggregate", "-m", method, table=table(columns, [line])))[0]
        width = float(answer["q0.75"])
        report(f"{method} of N(0, 1) and N(0, 100): 50 % interval", f"+-{width:.3f}, said +-{expected}", abs(width - expected) < 0.02)


def ordering():
    lines = []
    for _ in range(5000):
        centre = random.gauss(0, 1)
        lines.append([centre + random.gauss(0, 1)] + [centre + normal.inv_cdf(l) + random.gauss(0, 1.5) for l in UNEVEN])
    text = table(["y"] + [f"q{l:g}" for l in UNEVEN], lines)
    before = rows(run("qscore", "--per-row", "--crps", table=text))
    for method in ("sort", "pava"):
        after = rows(run("qscore", "--per-row", "--crps", table=run("qsort", "-m", method, table=text)))
        def risen(score):
            return sum(float(b[score]) > float(a[score]) * (1 + 1e-12) for a, b in zip(before, after))
        report(f"qsort -m {method}: wis rises", f"in {risen('wis')} of {len(lines)} rows", risen("wis") == 0)
        report(f"qsort -m {method}: crps by quadrature over 9 uneven levels rises", f"in {risen('crps') / len(lines):.0%} of rows, not promised", risen("crps") > 0)


def skill():
    lines = [[0, 3, 3, ""]] * 8 + [[0, 1, "", 4]] * 8 + [[0, "", 2, 1]] * 8
    found = rows(run("qscore", "--compare", "--permutations", "9", table=table(["y", "a_q0.5", "b_q0.5", "c_q0.5"], lines)))
    values = {row["model"]: float(row["relative_skill"]) for row in found}
    report("two models equal wherever both answered", f"relative skill {values['a']:.2f} and {values['b']:.2f}, said 0.63 and 1.26",
           abs(values["a"] - 0.63) < 0.005 and abs(values["b"] - 1.26) < 0.005)


random.seed(SEED)
parts = {part.__name__: part for part in (bands, weighted_bands, counts, weights, pool, ordering, skill)}
for name in os.environ.get("PARTS", " ".join(parts)).split():
    parts[name]()
sys.exit(1 if broken else 0)
