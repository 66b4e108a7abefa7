#!/usr/bin/env python3
"""Tries by simulation what qconformal promises of coverage, on its own and in the pipe from qfit.

    scripts/promises/calibration.py [TABLES [SEED]]      default 2000 1

Each promise is tried on TABLES tables drawn anew, through the tools in TOOLS (.build/release). A count of tables is held against the exact binomial
distribution: the promise is broken where as many or more would come up less than once in a thousand times if it were kept. What is not promised
is printed beside it. Prints a line a promise with its figure; status 1 where one is broken. Needs nothing but Python.
"""

import math, random, sys

from simulation import at_least, at_most, run, settings

TABLES, SEED = settings(__doc__, 2000)
broken = 0


def judge(promise, count, trials, least=None, most=None):
    global broken
    kept = (least is None or at_most(count, trials, least) > 0.001) and (most is None or at_least(count, trials, most) > 0.001)
    broken += not kept
    limits = " to ".join(f"{share:.3f}" for share in (least, most) if share is not None) or "not promised"
    print(f"{'ok    ' if kept else 'BROKEN'} {promise}: {count / trials:.3f} ({limits})", flush=True)


def keyed(n, levels, draw):
    """TABLES tables of n labelled rows and a new one, each a key, and the truths of the new rows."""
    lines, truths = ["key,t,w,y," + ",".join(f"q{level}" for level in levels)], []
    quantiles = ",".join(f"{level - 0.35:.3f}" for level in levels)
    for key in range(TABLES):
        for i in range(n + 1):
            weight, target = draw(i)
            if i == n:
                truths.append(target)
            lines.append(f"{key},{i},{weight!r},{'' if i == n else repr(target)},{quantiles}")
    return "\n".join(lines) + "\n", truths


def covered(text, truths, *flags):
    answers = run("qconformal", "-q", "-y", "y", "--by", "key", "--new-only", *flags, table=text).split("\n")[1:-1]
    ends = [[float(field) for field in line.split(",")[4:]] for line in answers]
    assert len(ends) == TABLES
    return sum(row[0] <= truth <= row[-1] for row, truth in zip(ends, truths))


def split():
    text, truths = keyed(19, [0.1, 0.5, 0.9], lambda i: (1, random.gauss(0, 1)))
    for method, most in [("cqr", 0.85), ("cqr-m", 0.85), ("cqr-r", 0.85), ("residual", 0.85), ("asymmetric", None), ("distributional", None)]:
        judge(f"{method}: 80 % intervals of 19 rows", covered(text, truths, "-m", method), TABLES, 0.8, most)
    judge("cqr --digits 0", covered(text, truths, "--digits", "0"), TABLES, 0.8)


def shift():
    def draw(i):
        x = random.random() ** (0.5 if i == 60 else 1)
        return 2 * x, 4 * x * random.gauss(0, 1)
    text, truths = keyed(60, [0.1, 0.9], draw)
    judge("weighted: a shifted mix with its likelihood ratio", covered(text, truths, "-m", "weighted", "-w", "w"), TABLES, 0.8)
    judge("cqr under the same shift", covered(text, truths), TABLES)


def drift():
    text, truths = keyed(30, [0.1, 0.9], lambda i: (1, random.gauss(0, 1) + (0 if i < 25 else 6)))
    for decay in (0.5, 0.8, 0.9):
        weights = [decay ** (30 - i) for i in range(30)]
        loss = 2 * sum(weights[:25]) / (sum(weights) + 1)
        judge(f"--decay {decay} five rows after a jump", covered(text, truths, "--decay", str(decay), "--order", "t"), TABLES, max(0.8 - loss, 1e-9))


def pipe(tables, n, p, new, *flags):
    """Coverage of 80 % intervals of linear fits by n rows of p features, over all new rows of all tables, and its spread over tables."""
    shares = []
    for _ in range(tables):
        rows = [[random.gauss(0, 1) for _ in range(p)] for _ in range(n + new)]
        targets = [row[0] + random.gauss(0, 1) for row in rows]
        text = "y," + ",".join(f"x{j}" for j in range(p)) + "\n"
        for i, row in enumerate(rows):
            text += (repr(targets[i]) if i < n else "") + "," + ",".join(f"{x:.5f}" for x in row) + "\n"
        fitted = run("qfit", "-q", "-y", "y", "-l", "a=linear", "--levels", "0.1,0.9", *(["--cv-plus"] if flags else []), table=text)
        lines = run("qconformal", "-q", "-y", "y", "--new-only", *flags, table=fitted).split("\n")
        place = lines[0].split(",").index("a_q0.1")
        ends = [[float(field) for field in line.split(",")[place:place + 2]] for line in lines[1:-1]]
        shares.append(sum(low <= y <= high for (low, high), y in zip(ends, targets[n:])) / new)
    mean = sum(shares) / tables
    return mean, (sum((share - mean) ** 2 for share in shares) / tables) ** 0.5


def models():
    for n, p in [(200, 5), (40, 5), (40, 20), (40, 34), (40, 40)]:
        mean, spread = pipe(max(10, TABLES // 50), n, p, 100)
        print(f"       qfit -l linear | qconformal, n = {n}, p = {p}: {mean:.3f}, {spread:.3f} between tables (not promised where p is near n)", flush=True)
    for n, p in [(40, 5), (40, 34)]:
        tables = max(10, TABLES // 50)
        mean, spread = pipe(tables, n, p, 1, "-m", "cv+")
        judge(f"qfit --cv-plus -l linear | qconformal -m cv+, n = {n}, p = {p}", round(mean * tables), tables, 1 - 2 * 0.2 - math.sqrt(2 / n))


def online():
    def misses(method, series):
        text = "t,y,q0.05,q0.5,q0.95\n" + "".join(f"{i},{y!r},-1,0,1\n" for i, y in enumerate(series))
        lines = run("qconformal", "-q", "-y", "y", "-m", method, "--order", "t", table=text).split("\n")[1:-1]
        return sum(not float(low) <= float(y) <= float(high) for _, y, low, _, high in (line.split(",") for line in lines))
    n = 3000
    for name, series in [("a jump", [random.gauss(0, 1 if i < n / 2 else 5) for i in range(n)]), ("the median", [0.0] * n),
                         ("growing", [i * 0.01 * random.choice([-1, 1]) for i in range(n)])]:
        count = misses("aci:gamma=0.05", series)
        bound = 0.1 * n + (0.9 + 0.05) / 0.05
        global broken
        broken += count > bound
        print(f"{'ok    ' if count <= bound else 'BROKEN'} aci, {name}: {count / n:.4f} misses (at most {bound / n:.4f})", flush=True)
        for method in ("pid", "sf-ogd"):
            print(f"       {method}, {name}: {misses(method, series) / n:.4f} misses (0.1 in the long run, or fewer)", flush=True)


random.seed(SEED)
for part in (split, shift, drift, models, online):
    part()
sys.exit(1 if broken else 0)
