"""What is learnt or answered in parts is what the whole gives, byte for byte."""
import os

from corpus import ONLINE
from running import judge
from tables import MISSING, Dialect, Table, random_table, split

SCORE_FLAGS = [[], [], ["--per-level"], ["--crps"], ["--reliability"], ["--pit"], ["--pit", "--bins", "7"], ["--intervals", "50,80"], ["--above", "0"], ["--transform", "log_shift:100"]]


def merged_scores(trial):
    """qscore --partial of any split, merged in one or two steps, is qscore of the whole, and the order of rows without --by does not matter."""
    draw = trial.draw
    table = random_table(draw)
    if draw.random() < 0.02:
        table = table.repeated(draw.choice([50, 200]))
    dialect = Dialect(draw, kind=draw.choice(["csv", "tsv", "ndjson"]))
    flags = draw.choice(SCORE_FLAGS) + (["--by", draw.choice(["place", "z", "place,z"])] if draw.random() < 0.4 else []) + (["-w", "w"] if "w" in table.names else [])
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
        trial.write(f"p{i}", trial.answers("qscore", "--partial", *common, *draw.choice([[], ["--threads", "1"], ["--threads", "3"]]), f"t{i}", out=None))
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
                row[draw.choice([3, 4, *range(8, len(row))])] = draw.choice(["", "NA", "0", "1e3", "-7.25", "inf" if tool == "qaggregate" else "9"]) if draw.random() < 0.8 else ""
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
            out += trial.answers(tool, "--load", "model", *flags, "--no-header", *(["--input", dialect.kind] if dialect.kind == "tsv" else []), *more, f"t{i}")
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
    table = random_table(draw, rows=draw.choice([12, 40]), plain=True, missing=0.02, infinite=0, texts=False, groups=["a", "b"], same_levels=True, fold=draw.random() < 0.5, crossing=0.2)
    words = {"qfit": ["qfit", "-x", "x,z,place", "-l", draw.choice(["linear", "marginal", "linear,marginal", "knn", "forest:trees=2", "extratrees:trees=2", "boost:trees=3", "lasso"]), "--levels", "0.1,0.5,0.9"],
             "qaggregate": ["qaggregate", "-m", draw.choice(["average", "median", "best", "qra", "global-coarse", "global-medium"])],
             "qconformal": ["qconformal", "-m", draw.choice(["cqr", "cqr-m", "cqr-r", "asymmetric", "residual", "distributional"]), *draw.choice([[], ["--by", "place", "--min-rows", "2"]])]}[tool]
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


def files_and_pipes(trial):
    """One table in several files, from standard input, packed or with CRLF, is one table."""
    draw = trial.draw
    table = random_table(draw, rows=draw.choice([2, 12, 40]), plain=True, infinite=0)
    words = draw.choice([["qsort"], ["qscore", "-q"], ["qscore", "-q", "--per-row"], ["qconformal", "-q"], ["qaggregate", "-q", "-m", "average"], ["qreshape", "-q", "--from", "wide"], ["qscore", "-q", "--partial"],
                         ["qfit", "-q", "-x", "x,z", "-l", "marginal", "--levels", "3"]])
    if words[0] not in ("qsort", "qaggregate", "qreshape"):
        words += ["-y", table.roles["target"]]
    plain = Dialect()
    trial.write("t", plain.data(table))
    whole = trial.run(*words, "t")
    kind = draw.randrange(8)
    if kind == 5:
        other, what = piped(trial, words, plain.data(table)), "a file and a pipe that is filled piece by piece"
    elif kind == 0:
        pieces = split(draw, table.rows)
        names = [trial.write(f"t{i}", plain.data(table.of(piece))) for i, piece in enumerate(pieces)]
        if draw.random() < 0.3:
            place = draw.randrange(len(names))
            other = trial.run(*words, *names[:place], "-", *names[place + 1:], stdin=names[place])
        else:
            other = trial.run(*words, *names)
        what = "files that are one table"
    elif kind == 1:
        other, what = trial.run(*words, *draw.choice([[], ["-"]]), stdin="t"), "standard input and a file"
    elif kind == 2:
        other, what = trial.run(*words, trial.write("p", Dialect(packing=draw.choice(["gzip", "members", "zstd"])).data(table))), "a packed file and its text"
    elif kind == 6:
        names = []
        for i, piece in enumerate(split(draw, table.rows)):
            order = list(range(len(table.names)))
            if i:
                draw.shuffle(order)
            names.append(trial.write(f"t{i}", plain.data(Table([table.names[j] for j in order], [[row[j] for j in order] for row in piece], table.groups, table.roles))))
        other, what = trial.run(*words, "--union", *names), "files whose columns are in another order, with --union, and one table"
    elif kind == 7:
        bare = trial.write("p", plain.data(table, header=False))
        other, what = trial.run(*words, "--no-header", "--columns", ",".join(table.names), bare), "a table without a header and one with it"
        if "--partial" not in words:
            whole.out = whole.out.partition(b"\n")[2]
    elif kind == 3:
        other, what = trial.run(*words, trial.write("p", Dialect(mark=True).data(table))), "a byte-order mark and none"
    else:
        other, what = trial.run(*words, trial.write("p", Dialect(end="\r\n").data(table))), "lines in CRLF and in LF"
        other.out, other.err = other.out.replace(b"\r\n", b"\n"), other.err
    if whole.status != 0:  # The place that a message tells differs.
        trial.expect(other.status == whole.status, f"{words[0]}: {what}: status {whole.status} and {other.status}")
    else:
        trial.expect(other.status == 0, f"{words[0]}: {what}: the one fails: {other.err[:200]}")
        trial.expect_equal(whole.out, other.out, f"{words[0]}: {what} are not the same")
    trial.law(what)


def piped(trial, words, data):
    """A run whose input comes in pieces, so that rows end anywhere in what it reads."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, False)
    trial.start(words, stdin=reading)
    os.close(reading)
    place = 0
    try:
        while place < len(data):
            size = trial.draw.choice([1, 7, 50, 500, 5000])
            place += os.write(writing, data[place:place + size])
            os.sched_yield()
    except BrokenPipeError:
        pass
    os.close(writing)
    outcome = trial.runner.finish()
    judge(trial.runner, words[0], outcome)
    return outcome


def skipped_rows(trial):
    """--on-error skip leaves bad rows out as if they were not there, and --rejects keeps their bytes."""
    draw = trial.draw
    table = random_table(draw, rows=draw.choice([5, 12, 40]), plain=True, infinite=0, texts=False, groups=["a", "b"], same_levels=True, fixed_order=True)
    dialect = Dialect(draw, kind=draw.choice(["csv", "tsv", "semicolon"]), quotes="needed", packing=None, mark=False, has_last_end=True)
    words = draw.choice([["qsort"], ["qscore"], ["qscore", "--per-row"], ["qconformal"], ["qaggregate", "-m", "average"], ["qaggregate", "-m", "best"], ["qfit", "-x", "x,z", "--numeric", "x,z", "-l", "linear", "--levels", "3"], ["qscore", "--partial"],
                         ["qconformal", "-m", "aci"]])
    if words[0] not in ("qsort",) and words[1:3] != ["-m", "average"]:
        words += ["-y", table.roles["target"]]
    lines = dialect.text(table).decode().split(dialect.end)[:-1]
    bad, mixed = [], [lines[0]]
    last = table.column("a_q" + table.groups["a"][0])
    for line, row in zip(lines[1:], table.rows):
        while draw.random() < 0.15:
            kind = draw.randrange(3)
            wrong = dialect.delimiter.join(row[:draw.randint(2, len(row) - 1)] if kind == 0 else row + ["1"] if kind == 1 else row[:last] + ["abc"] + row[last + 1:])
            if words[0] == "qfit" and kind == 2:
                place = table.column("x")
                wrong = dialect.delimiter.join(row[:place] + ["abc"] + row[place + 1:])
            if '"' in line or dialect.delimiter in "".join(row):
                break
            bad.append(wrong)
            mixed.append(wrong)
        mixed.append(line)
    end = dialect.end
    trial.write("good", (end.join(lines) + end).encode())
    trial.write("mixed", (end.join(mixed) + end).encode())
    one = trial.run(*words, "-q", "good")
    if one.status != 0:
        trial.law("(refused tables)")
        return
    other = trial.run(*words, "-q", "--on-error", "skip", "--rejects", "r", "--stats", "s", "mixed")
    trial.expect(other.status == 0, f"{words[0]}: --on-error skip fails: {other.err[:200]}")
    trial.expect_equal(one.out, other.out, f"{words[0]}: bad rows that are skipped change the answer")
    trial.expect_equal("".join(line + end for line in bad).encode(), trial.read("r"), f"{words[0]}: --rejects keeps other bytes")
    trial.law("bad rows that are skipped change nothing")


TRIALS = [(8, merged_scores), (6, merged_calibration), (9, loaded_pieces), (4, loaded_is_learnt), (7, states), (9, files_and_pipes), (6, skipped_rows)]
