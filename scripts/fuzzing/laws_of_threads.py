"""One thread and three give the same bytes on both outputs, the same status and the same files, for every tool, on good tables and bad ones."""

import os
import re

from corpus import AGGREGATORS, CALIBRATORS, LEARNERS, ONLINE
from damage import damage
from tables import Dialect, copied, random_table

QUICK = ["linear", "marginal", "knn", "lasso", "linear", "marginal", "knn", "forest", "extratrees", "boost", "rff", "cgn", "sqr", "dqr"]
AVERAGES = ["average", "median", "pool", "best", "global-coarse", "qra", "global-medium"] * 2 + [
    "fqra",
    "global-fine",
    "local-coarse",
    "local-medium",
    "local-fine",
]


def command(draw, table):
    """A random use of a tool that fits the table, and what it leaves in files."""
    has_copies = "held" in table.names
    target = ["-y", table.roles["target"]]
    weight = ["-w", "w"] if "w" in table.names and draw.random() < 0.5 else []
    by = ["--by", draw.choice(["place", "z"])] if draw.random() < 0.3 else []
    some = ["-g", draw.choice(sorted(table.groups))] if draw.random() < 0.15 else []
    tool = draw.choice(["qsort", "qscore", "qscore", "qreshape", "qconformal", "qconformal", "qaggregate", "qfit", "qfit"])
    kept = draw.choice([[], [], ["--save"]])
    if tool == "qsort":
        return ["qsort", *some, "-m", draw.choice(["sort", "pava", "minmax"]), *draw.choice([[], ["--report"]])], []
    if tool == "qscore":
        mode = draw.choice(
            [
                [],
                ["--per-level"],
                ["--per-row"],
                ["--partial"],
                ["--reliability"],
                ["--pit"],
                ["--decompose"],
                ["--compare", "--permutations", "20"],
                ["--compare", "--bootstrap", "9", "--permutations", "9"],
                ["--crps"],
                ["--compare", "--order", "day", "--permutations", "9"],
            ]
        )
        return ["qscore", *target, *weight, *some, *(by if "--per-row" not in mode else []), *mode], []
    if tool == "qreshape":
        return [
            "qreshape",
            "--from",
            "wide",
            "--to",
            draw.choice(["wide", "hub", "scoringutils", "nested", "nixtla", "darts", "percent"]),
            *draw.choice([[], ["--memory", "0"]]),
        ], []
    if tool == "qconformal":
        if has_copies and draw.random() < 0.7:
            return ["qconformal", "-m", "cv+", *target, *some, *by, *kept], kept
        if draw.random() < 0.4:
            online = ["qconformal", "-m", draw.choice(ONLINE), *target, *some, *by]
            return (online + ["--state"], ["--state"]) if draw.random() < 0.4 else (online, [])
        method = draw.choice(CALIBRATORS)
        more = ["--decay", "0.95"] if method == "weighted" else ["--given", "x,place"] if method == "conditional" else by
        return ["qconformal", "-m", method, *target, *some, *more, *draw.choice([[], ["--new-only"], ["--report"], ["--digits", "2"]]), *kept], kept
    if tool == "qaggregate":
        return [
            "qaggregate",
            "-m",
            AGGREGATORS[draw.choice(AVERAGES)],
            *target,
            *weight,
            *draw.choice([[], ["--new-only"], ["--keep"], ["-x", "x"]]),
            *kept,
        ], kept
    learner = LEARNERS[draw.choice(QUICK)]
    if draw.random() < 0.3:
        learner += "," + LEARNERS[draw.choice(QUICK[:4])]
    shape = draw.choice([[], [], ["--new-only"], ["--cv-plus"], ["--nested"], ["--folds", "2"], ["--group", "place", "--folds", "2"]])
    return [
        "qfit",
        "-l",
        learner,
        "-x",
        draw.choice(["x", "x,z", "x,place", "x,z,place,day"]),
        *target,
        *weight,
        "--levels",
        draw.choice(["3", "0.1,0.9", "0.5", "9"]),
        *shape,
        *kept,
    ], kept


def same_bytes(trial):
    draw = trial.draw
    table = random_table(draw, rows=draw.choice([2, 12, 40, 40, 90]), groups=draw.choice([["a", "b"], ["a", "b"], ["a", "b", "c"], ["a"], [""]]))
    if "fold" in table.names and draw.random() < 0.2:
        table = copied(draw, table, draw.random() < 0.7)
    words, kept = command(draw, table)
    if draw.random() < 0.015 and words[0] in ("qsort", "qscore", "qreshape") and not {"--compare", "--decompose"} & set(words):
        table = table.repeated(draw.choice([60, 300]))
    dialect = Dialect(draw)
    data = dialect.data(table, draw)
    if draw.random() < 0.25:
        data = damage(draw, data)
    trial.write("t", data)
    flags = dialect.flags + draw.choice(
        [
            [],
            [],
            ["--on-error", "skip"],
            ["--on-error", "skip", "--rejects", "r"],
            ["--output", draw.choice(["csv", "tsv", "ndjson"])],
            ["-v"],
            ["-q"],
            ["--digits", "1"],
        ]
    )
    if draw.random() < 0.2:
        flags += ["--stats", "s"]
    is_talkative = "-v" in flags or "--report" in words
    runs = []
    for threads in ("1", "3"):
        outcome = trial.run(*words, *(["m"] if kept else []), *flags, "--threads", threads, "t", is_talkative=is_talkative)
        files = []
        for name in ("m", "r", "s"):
            files.append(trial.read(name))
            if files[-1] is not None:
                os.unlink(name)
                if os.path.exists(name + ".lock"):
                    os.unlink(name + ".lock")
        if "-v" in flags:  # Which tells how long things took.
            outcome.err = re.sub(rb"\d[\d.e-]* (ms|s)\b", b"some time", outcome.err)
        runs.append((outcome, files))
    (one, left), (three, right) = runs
    trial.expect_equal(one, three, f"{words[0]}: --threads 1 and 3")
    for name, a, b in zip(("--save or --state", "--rejects", "--stats"), left, right):
        trial.expect_equal(a, b, f"{words[0]}: --threads 1 and 3: the file of {name}")
    trial.law(f"{words[0]}: one thread and three are the same")


TRIALS = [(22, same_bytes)]
