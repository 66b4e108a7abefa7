"""Brings a forecast hub's rows together; scripts/bench reshape says how."""

import os, re, sys, tempfile
import numpy as np
import polars as pl
from common import command, HUB
from tables import print_table

MODELS = 10
ROWS = int(os.environ.get("ROWS", 10_000_000))
RUNS = int(os.environ.get("RUNS", 3))
QRESHAPE = os.path.join(os.environ["BIN"], "qreshape")
SCRATCH = os.environ["SCRATCH"]
PIVOT = """
import sys, polars
table = polars.read_csv(sys.argv[1])
index = [name for name in table.columns if name not in ("model_id", "output_type_id", "value")]
table.pivot(on=["model_id", "output_type_id"], index=index, values="value").write_csv(sys.stdout.buffer)
"""


def made(path, shuffled):
    """A hub's model output: places, dates and horizons, all levels of all models."""
    if os.path.exists(path):
        return
    units, levels = ROWS // (MODELS * len(HUB)), len(HUB)
    unit = np.tile(np.repeat(np.arange(units), levels), MODELS)
    repeated = lambda texts, index: pl.Series(texts).gather(index)
    first = pl.date(2000, 1, 1)
    dates = pl.date_range(first, first + pl.duration(days=units // 212 + 2), eager=True).dt.to_string()
    table = pl.DataFrame({
        "model_id": repeated([f"team-model{i}" for i in range(MODELS)], np.repeat(np.arange(MODELS), units * levels)),
        "location": repeated([f"{i:02d}" for i in range(1, 54)], unit % 53), "reference_date": dates.gather(unit // 212), "horizon": unit // 53 % 4,
        "target": pl.Series(["wk inc flu hosp"]).extend_constant("wk inc flu hosp", len(unit) - 1),
        "output_type": pl.Series(["quantile"]).extend_constant("quantile", len(unit) - 1),
        "output_type_id": repeated(HUB, np.tile(np.arange(levels), MODELS * units)),
        "value": np.round(np.random.default_rng(1).gamma(2, 200, len(unit)), 2),
    })
    if shuffled:
        table = table.sample(fraction=1, shuffle=True, seed=1)
    table.write_csv(path + ".new")
    os.rename(path + ".new", path)


def measured(words, output):
    """Least wall seconds of the runs, mean CPU seconds, peak megabytes."""
    runs = [command(words, output) for _ in range(RUNS)]
    return min(run.seconds[0] for run in runs), np.mean([run.seconds[1] for run in runs]), max(run.memory for run in runs) / 1e6


missed = False
lines = []
with tempfile.TemporaryDirectory() as folder:
    for name, shuffled in [("models together", False), ("random order", True)]:
        table = os.path.join(SCRATCH, f"hub-{ROWS}-{'shuffled' if shuffled else 'grouped'}.csv")
        made(table, shuffled)
        out = os.path.join(folder, "out.csv")
        theirs = measured([sys.executable, "-c", PIVOT, table], out)
        peer = pl.read_csv(out).drop("output_type")
        ours = measured([QRESHAPE, "--quiet", table], out)
        # Both keep the order of first rows; the peer calls a column {"MODEL",LEVEL}, and reads its quotes as two.
        peer = peer.rename(lambda name: re.sub(r'^\{"+(.*?)"+,(.*)\}$', r"\1_q\2", name))
        answer = pl.read_csv(out)
        same = set(answer.columns) == set(peer.columns) and answer.equals(peer.select(answer.columns))
        ok = ours[0] <= theirs[0] and same
        missed |= not ok
        lines.append((name, *ours, *theirs, ours[0] / theirs[0], "ok" if ok else "misses" if same else "differs"))
print_table(f"qreshape of {ROWS} rows beside polars' read_csv, pivot and write_csv", ["seconds", "cpu", "MB", "polars", "cpu", "MB", "ratio", ""], lines)
sys.exit(int(missed))
