"""scripts/bench conformal: calibration at scale beside reading and writing the same table, MAPIE and crepes; rows a second online.

The made table has $ROWS rows (2,000,000), the first half labelled, 23 levels. Limits: what learns from the first half and answers
the second takes no longer than polars' read_csv and write_csv of the table; online methods take 200,000 rows a second a level pair.
"""

import os, subprocess, sys, time
from statistics import NormalDist

import numpy as np
import polars
from common import CORES, HUB, command, timed

BIN, SCRATCH, RUNS = os.environ["BIN"], os.environ["SCRATCH"], int(os.environ.get("RUNS", 3))
ROWS = int(os.environ.get("ROWS", 2_000_000))
PARTS = os.environ.get("PARTS", "split,online,peers").split(",")
QCONFORMAL = os.path.join(BIN, "qconformal")
ONLINE = ["aci", "dtaci", "agaci", "sf-ogd", "saocp", "pid"]
failed = False


def made(rows, levels, labelled):
    """Quantiles of a normal whose spread is a fifth too small, and draws from it."""
    random = np.random.default_rng(1)
    centre, spread = random.normal(size=rows), random.uniform(0.5, 2, size=rows)
    y = (centre + 1.2 * spread * random.normal(size=rows)).round(4)
    z = [NormalDist().inv_cdf(level) for level in levels]
    columns = {"id": np.arange(rows), "y": polars.Series(y).scatter(np.arange(labelled, rows), None)}
    columns |= {f"q{level!r}": (centre + spread * value).round(4) for level, value in zip(levels, z)}
    return polars.DataFrame(columns)


def table(name, rows, levels, labelled):
    path = os.path.join(SCRATCH, f"{name}-{rows}.csv")
    if not os.path.exists(path):
        made(rows, levels, labelled).write_csv(path + ".new")
        os.rename(path + ".new", path)
    return path


def least(work):
    return min((work() for _ in range(RUNS)), key=lambda ran: ran.seconds[0])


def line(name, seconds, cpu, memory, reference, limit=True):
    global failed
    verdict = "" if not limit else "  ok" if seconds <= reference else "  misses"
    failed |= verdict == "  misses"
    print(f"{name:42}{seconds:9.2f}{cpu:9.2f}{memory:8.0f}{seconds / reference:10.2f}{verdict}", flush=True)


READ_AND_WRITE = """
import sys, time
import polars
before = time.perf_counter()
polars.read_csv(sys.argv[1]).write_csv("/dev/null")
print(time.perf_counter() - before, file=sys.stderr)
"""


def split():
    path = table("conformal", ROWS, HUB.tolist(), ROWS // 2)
    subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
    print(f"\n{ROWS // 2} rows teach, {ROWS - ROWS // 2} are answered, {len(HUB)} levels, {os.path.getsize(path) // 10**6} MB, {CORES} cores, load {os.getloadavg()[0]:.2f}")
    print(f"{'what':42}{'seconds':>9}{'cpu':>9}{'MB':>8}{'/ polars':>10}")
    peer = min((command([sys.executable, "-c", READ_AND_WRITE, path], "/dev/null") for _ in range(RUNS)), key=lambda ran: float(ran.said))
    reference = float(peer.said)
    line("polars read_csv, write_csv (inside Python)", reference, peer.seconds[1], peer.memory / 2**20, reference, limit=False)
    for method in ["cqr", "cqr-m", "cqr-r", "asymmetric", "residual", "distributional"]:
        ran = least(lambda: command([QCONFORMAL, "-m", method, "--new-only", path], "/dev/null"))
        line(f"qconformal -m {method} --new-only", *ran.seconds, ran.memory / 2**20, reference)
    ran = least(lambda: command([QCONFORMAL, path], "/dev/null"))
    line("qconformal, labelled rows answered too", *ran.seconds, ran.memory / 2**20, reference, limit=False)


def online():
    rows = ROWS // 2
    path = table("online", rows, [0.05, 0.5, 0.95], rows)
    print(f"\n{rows} rows in time order, one level pair")
    print(f"{'what':42}{'seconds':>9}{'cpu':>9}{'MB':>8}{'/ limit':>10}")
    for method in ONLINE:
        ran = least(lambda: command([QCONFORMAL, "-m", method, path], "/dev/null"))
        line(f"qconformal -m {method}", *ran.seconds, ran.memory / 2**20, rows / 200_000)


def peers():
    """MAPIE and crepes with the arrays in memory, one interval at a time as they work; ours with the table read and written."""
    from crepes import ConformalRegressor
    from mapie.regression import SplitConformalRegressor
    from sklearn.base import BaseEstimator, RegressorMixin

    class Middle(RegressorMixin, BaseEstimator):
        def fit(self, x, y):
            self.fitted_ = True
            return self

        def predict(self, x):
            return np.asarray(x)[:, 0]

    path = table("conformal", ROWS, HUB.tolist(), ROWS // 2)
    print(f"\nthe residual method on the same table: reading, {len(HUB) // 2} intervals by residuals around the median, writing")
    print(f"{'what':42}{'seconds':>9}{'cpu':>9}{'MB':>8}{'/ MAPIE':>10}")
    coverages = (1 - 2 * HUB[: len(HUB) // 2]).tolist()

    def arrays():
        frame = polars.read_csv(path)
        x, y = frame["q0.5"].to_numpy()[:, None], frame["y"].to_numpy()
        return frame, x[: ROWS // 2], y[: ROWS // 2], x[ROWS // 2 :]

    def written(frame, x, intervals):
        columns = {"id": frame["id"].to_numpy()[ROWS // 2 :], "q0.5": x[:, 0]}
        for level, (lower, upper) in zip(HUB.tolist(), intervals):
            columns |= {f"q{level!r}": lower, f"q{round(1 - level, 9)!r}": upper}
        polars.DataFrame(columns).write_csv("/dev/null")

    def mapie():
        frame, x, y, new = arrays()
        regressor = SplitConformalRegressor(estimator=Middle().fit(x, y), confidence_level=coverages, prefit=True)
        ends = regressor.conformalize(x, y).predict_interval(new)[1]
        written(frame, new, [(ends[:, 0, k], ends[:, 1, k]) for k in range(len(coverages))])

    def crepes():
        frame, x, y, new = arrays()
        regressor = ConformalRegressor().fit(residuals=y - x[:, 0])
        written(frame, new, [regressor.predict_int(new[:, 0], confidence=coverage).T for coverage in coverages])

    (_, (reference, cpu)), (_, theirs) = timed(mapie), timed(crepes)
    line("MAPIE", reference, cpu, float("nan"), reference, limit=False)
    line("crepes", *theirs, float("nan"), reference, limit=False)
    ran = least(lambda: command([QCONFORMAL, "-m", "residual", "--new-only", path], "/dev/null"))
    line("qconformal -m residual --new-only", *ran.seconds, ran.memory / 2**20, reference)


for part in (split, online, peers):
    if part.__name__ in PARTS:
        part()
sys.exit(failed)
