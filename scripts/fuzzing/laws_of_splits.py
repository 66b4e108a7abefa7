"""What is learnt or answered in parts is what the whole gives, byte for byte."""

from corpus import ONLINE
from tables import MISSING, Dialect, random_table, split

SCORE_FLAGS = [
    [],
    [],
    ["--per-level"],
    ["--crps"],
    ["--reliability"],
    ["--pit"],
    ["--pit", "--bins", "7"],
    ["--intervals", "50,80"],
    ["--above", "0"],
    ["--transform", "log_shift:100"],
]


def merged_scores(trial):
    """qscore --partial of any split, merged in one or two steps, is qscore of the whole, and the order of rows without --by does not matter."""
    draw = trial.draw
    table = random_table(draw)
    if draw.random() < 0.01:
        table = table.repeated(draw.choice([20, 100]))
    dialect = Dialect(draw, kind=draw.choice(["csv", "tsv", "ndjson"]))
    flags = (
        draw.choice(SCORE_FLAGS)
        + (["--by", draw.choice(["place", "z", "place,z"])] if draw.random() < 0.4 else [])
        + (["-w", "w"] if "w" in table.names else [])
    )
    common = [*flags, "-y", table.roles["target"], "-q"]
    trial.write("t", dialect.data(table, draw))
    whole = trial.run("qscore", *common, "t")
    if whole.status != 0:
        trial.law("(refused tables)")
        return
    in_order = "--by" in flags or draw.random() < 0.5
    parts = []
    for i, rows in enumerate(split(draw, table.rows, in_order=in_order)):
        if not rows and dialect.kind == "ndjson":
            continue
        trial.write(f"t{i}", dialect.data(table.of(rows), draw))
        trial.write(
            f"p{i}", trial.answers("qscore", "--partial", *common, *draw.choice([[], ["--threads", "1"], ["--threads", "3"]]), f"t{i}", out=None)
        )
        parts.append(f"p{i}")
    if not parts:
        return
    if draw.random() < 0.3 and len(parts) > 2:
        merged = trial.answers("qscore", "--merge", "--partial", "-q", *parts[:2])
        trial.write("m", merged)
        parts = ["m", *parts[2:]]
    result = trial.run("qscore", "--merge", "-q", *parts)
    trial.expect_equal(whole, result, "qscore: merged parts are not the whole")
    trial.law("qscore: parts merged are the whole")
    if draw.random() < 0.3:
        one = trial.answers("qscore", "--partial", *common, "t")
        other = trial.answers("qscore", "--merge", "--partial", "-q", *parts)
        trial.expect_equal(one, other, "qscore: merged sums are not those of the whole")
        trial.law("qscore: parts merged are the part of the whole")


def merged_calibration(trial):
    """qconformal --partial of any split, merged: the model file of the whole table."""
    draw = trial.draw
    table = random_table(draw, rows=draw.choice([5, 12, 40]), infinite=0 if draw.random() < 0.7 else 0.03, texts=draw.random() < 0.5, fold=False)
    method = draw.choice(["cqr", "cqr", "cqr-m", "cqr-r", "asymmetric", "residual", "distributional", "asymmetric:bound=upper"])
    flags = ["-m", method] + (["--by", "place"] if draw.random() < 0.35 else [])
    common = [*flags, "-y", table.roles["target"], "-q"]
    dialect = Dialect(draw, kind=draw.choice(["csv", "tsv"]))
    trial.write("t", dialect.data(table, draw))
    whole = trial.run("qconformal", *common, "--new-only", "--save", "whole", "t")
    if whole.status != 0:
        trial.law("(refused tables)")
        return
    parts = []
    for i, rows in enumerate(split(draw, table.rows, in_order="--by" in flags or draw.random() < 0.5)):
        trial.write(f"t{i}", dialect.data(table.of(rows), draw))
        outcome = trial.run("qconformal", "--partial", *common, f"t{i}", out=f"p{i}")
        if outcome.status != 0:
            trial.law("(refused tables)")
            return
        parts.append(f"p{i}")
    trial.answers("qconformal", "--partial", *common, "t", out="p")
    if draw.random() < 0.3 and len(parts) > 2:
        trial.answers("qconformal", "--merge", "--partial", "-q", *parts[:2], out="m")
        parts = ["m", *parts[2:]]
    trial.answers("qconformal", "--merge", "--partial", "-q", *parts, out="q")
    trial.expect_equal(trial.read("p"), trial.read("q"), "qconformal: merged scores are not those of the whole")
    trial.law("qconformal: parts merged are the part of the whole")
    outcome = trial.run("qconformal", "--merge", "-q", "--save", "merged", *parts)
    trial.expect(outcome.status == 0, "qconformal: --merge --save fails")
    trial.expect_equal(trial.read("whole"), trial.read("merged"), "qconformal: the model of merged parts is not that of the whole")
    trial.law("qconformal: the model of merged parts is that of the whole")


def loaded_pieces(trial):
    """--load on the pieces of a table, one after the other, is --load on the table."""
    draw = trial.draw
    key = draw.choice(trial.fuzzer.corpus.models)
    tool, size, name = key
    trial.write("model", trial.fuzzer.corpus.file(key))
    sample = trial.fuzzer.corpus.table(size, name == "copies" and tool == "qaggregate" or name == "cv+")
    rows = [draw.choice(sample.rows) for _ in range(draw.choice([1, 5, 30]))]
    units = None
    if "held" in sample.names:
        ids = []
        for row in rows:
            if row[0] not in ids:
                ids.append(row[0])
        rows = [row for i in ids for row in sample.rows if row[0] == i]
        units = [row[0] for row in rows]
    else:
        rows = [list(row) for row in rows]
        for row in rows:
            if draw.random() < 0.3:
                row[draw.choice([3, 4, *range(8, len(row))])] = (
                    draw.choice(["", "NA", "0", "1e3", "-7.25", "inf" if tool == "qaggregate" else "9"]) if draw.random() < 0.8 else ""
                )
    table = sample.of(rows)
    dialect = Dialect(draw, kind=draw.choice(["csv", "csv", "tsv", "ndjson"]), packing=None, has_last_end=True, mark=False)
    flags = ["-q"] + draw.choice([[], [], ["--digits", "2"], ["--on-error", "skip"]])
    bare = dialect.kind != "ndjson" and draw.random() < 0.3
    trial.write("t", dialect.data(table, draw))
    whole = trial.run(tool, "--load", "model", *flags, "t")
    if whole.status != 0:
        trial.law("(refused tables)")
        return
    pieces = [piece for piece in split(draw, rows, units=units) if piece]
    out = b""
    for i, piece in enumerate(pieces):
        more = draw.choice([[], ["--threads", "1"], ["--threads", "3"]])
        if bare:
            trial.write(f"t{i}", dialect.data(table.of(piece), draw, header=False))
            out += trial.answers(
                tool, "--load", "model", *flags, "--no-header", *(["--input", dialect.kind] if dialect.kind == "tsv" else []), *more, f"t{i}"
            )
        else:
            trial.write(f"t{i}", dialect.data(table.of(piece), draw))
            answer = trial.answers(tool, "--load", "model", *flags, *more, f"t{i}")
            out += answer if dialect.kind == "ndjson" or i == 0 else answer.partition(b"\n")[2]
    expected = whole.out.partition(b"\n")[2] if bare else whole.out
    if dialect.quotes == "some":  # Other quotes were drawn for the pieces.
        expected, out = expected.replace(b'"', b""), out.replace(b'"', b"")
    if dialect.kind == "ndjson":
        expected, out = expected.replace(b" ", b""), out.replace(b" ", b"")
    if dialect.kind != "ndjson" or not any(ord(c) > 127 for n in table.names for c in n):
        trial.expect_equal(expected, out, f"{tool} --load: the pieces are not the whole")
        trial.law(f"{tool} --load: pieces are the whole")


def loaded_is_learnt(trial):
    """The rows that were answered while learning are answered alike by the file that was kept; --new-only answers them alike too."""
    draw = trial.draw
    tool = draw.choice(["qfit", "qaggregate", "qconformal"])
    table = random_table(
        draw,
        rows=draw.choice([12, 40]),
        plain=True,
        missing=0.02,
        infinite=0,
        texts=False,
        groups=["a", "b"],
        same_levels=True,
        fold=draw.random() < 0.5,
        crossing=0.2,
    )
    words = {
        "qfit": [
            "qfit",
            "-x",
            "x,z,place",
            "-l",
            draw.choice(["linear", "marginal", "linear,marginal", "knn", "forest:trees=2", "extratrees:trees=2", "boost:trees=3", "lasso"]),
            "--levels",
            "0.1,0.5,0.9",
        ],
        "qaggregate": ["qaggregate", "-m", draw.choice(["average", "median", "best", "qra", "global-coarse", "global-medium"])],
        "qconformal": [
            "qconformal",
            "-m",
            draw.choice(["cqr", "cqr-m", "cqr-r", "asymmetric", "residual", "distributional"]),
            *draw.choice([[], ["--by", "place", "--min-rows", "2"]]),
        ],
    }[tool]
    words += ["-y", table.roles["target"], "-q"]
    trial.write("t", Dialect().data(table))
    whole = trial.run(*words, "--save", "m1", "t")
    if whole.status != 0:
        trial.law("(refused tables)")
        return
    target = table.column(table.roles["target"])
    asked = [row for row in table.rows if row[target] == ""]
    trial.write("asked", Dialect().data(table.of(asked)))
    only = trial.answers(*words, "--new-only", "--save", "m2", "t")
    loaded = trial.answers(tool, "--load", "m1", "-q", "asked")
    again = trial.answers(tool, "--load", "m2", "-q", "asked")
    # qfit adds a column fold where it drew folds, which a run that draws none has empty or not at all.
    header, *lines = whole.out.split(b"\n")[:-1]
    answered = [line for row, line in zip(table.rows, lines) if row[target] == ""]
    trial.expect_equal(loaded, again, f"{tool}: the model of --new-only answers otherwise")
    if tool != "qfit" or "fold" in table.names:
        trial.expect_equal([header, *answered], loaded.split(b"\n")[:-1], f"{tool}: the model file answers otherwise than the run that made it")
        trial.expect_equal(only, loaded, f"{tool}: --new-only answers otherwise")
    trial.law(f"{tool}: a model file answers as the run that made it")


def states(trial):
    """Runs with --state, of any split of the rows, are one run: the same answers and the same file."""
    draw = trial.draw
    groups = draw.choice([["a"], ["a", "b"], [""]])
    table = random_table(draw, rows=draw.choice([5, 12, 40]), groups=groups, texts=False, fold=False, infinite=0.02, target="y", fixed_order=True)
    flags, units = ["-m", draw.choice(ONLINE), "-y", "y"], None
    day = table.column("day")
    if draw.random() < 0.5:
        flags += ["--by", "place"]
    if draw.random() < 0.6:
        flags += ["--order", "day", "--id", "id"]
        if draw.random() < 0.5:  # Rows of one time need not stay together, but most users cut there.
            units = [row[day] for row in table.rows]
    rows = table.rows
    if "--order" in flags and draw.random() < 0.5:  # Truths that come late: the row again, with its target.
        rows = late_truths(draw, table)
        units = None
        table = table.of(rows)
    trial.write("t", Dialect().data(table))
    whole = trial.run("qconformal", "-q", *flags, "--state", "whole", "t")
    if whole.status != 0:
        trial.law("(refused tables)")
        return
    out = b""
    for i, piece in enumerate(split(draw, rows, units=units)):
        trial.write(f"t{i}", Dialect().data(table.of(piece)))
        answer = trial.run("qconformal", "-q", *flags, "--state", "parts", *draw.choice([[], ["--threads", "1"], ["--threads", "3"]]), f"t{i}")
        trial.expect(answer.status == 0, f"qconformal --state: a part fails: {answer.err[:200]}")
        out += answer.out if i == 0 else answer.out.partition(b"\n")[2]
    trial.expect_equal(whole.out, out, "qconformal --state: the parts are not answered as the whole")
    trial.expect_equal(trial.read("whole"), trial.read("parts"), "qconformal --state: the state after the parts is not that of the whole")
    trial.law("qconformal --state: runs in parts are one run")
    if "--order" not in flags and draw.random() < 0.3:
        bare = trial.run("qconformal", "-q", *flags, "t")
        trial.expect_equal(whole.out, bare.out, "qconformal --state: answers otherwise than without")
        trial.law("qconformal: an online run with and without a state")


def late_truths(draw, table):
    """Some rows without a target come again with one, after later rows."""
    target = table.column("y")
    rows, due = [], []
    for row in table.rows:
        rows.append(row)
        if row[target] in MISSING and draw.random() < 0.7:
            due.append([field if place != target else "%.2f" % draw.gauss(0, 3) for place, field in enumerate(row)])
        while due and draw.random() < 0.4:
            rows.append(due.pop(0))
    return rows + due


TRIALS = [(8, merged_scores), (6, merged_calibration), (9, loaded_pieces), (4, loaded_is_learnt), (7, states)]
