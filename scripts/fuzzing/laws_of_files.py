"""One table is one table, in however many files, pieces, dialects and orders of columns it comes, and with bad rows that are skipped."""

import os

from running import judge
from tables import Dialect, Table, random_table, split


def files_and_pipes(trial):
    """One table in several files, from standard input, packed or with CRLF, is one table."""
    draw = trial.draw
    table = random_table(draw, rows=draw.choice([2, 12, 40]), plain=True, infinite=0)
    words = draw.choice(
        [
            ["qsort"],
            ["qscore", "-q"],
            ["qscore", "-q", "--per-row"],
            ["qconformal", "-q"],
            ["qaggregate", "-q", "-m", "average"],
            ["qreshape", "-q", "--from", "wide"],
            ["qscore", "-q", "--partial"],
            ["qfit", "-q", "-x", "x,z", "-l", "marginal", "--levels", "3"],
        ]
    )
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
            other = trial.run(*words, *names[:place], "-", *names[place + 1 :], stdin=names[place])
        else:
            other = trial.run(*words, *names)
        what = "files that are one table"
    elif kind == 1:
        other, what = trial.run(*words, *draw.choice([[], ["-"]]), stdin="t"), "standard input and a file"
    elif kind == 2:
        other, what = (
            trial.run(*words, trial.write("p", Dialect(packing=draw.choice(["gzip", "members", "zstd"])).data(table))),
            "a packed file and its text",
        )
    elif kind == 6:
        names = []
        for i, piece in enumerate(split(draw, table.rows)):
            order = list(range(len(table.names)))
            if i:
                draw.shuffle(order)
            names.append(
                trial.write(
                    f"t{i}", plain.data(Table([table.names[j] for j in order], [[row[j] for j in order] for row in piece], table.groups, table.roles))
                )
            )
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
            place += os.write(writing, data[place : place + size])
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
    table = random_table(
        draw, rows=draw.choice([5, 12, 40]), plain=True, infinite=0, texts=False, groups=["a", "b"], same_levels=True, fixed_order=True
    )
    dialect = Dialect(draw, kind=draw.choice(["csv", "tsv", "semicolon"]), quotes="needed", packing=None, mark=False, has_last_end=True)
    words = draw.choice(
        [
            ["qsort"],
            ["qscore"],
            ["qscore", "--per-row"],
            ["qconformal"],
            ["qaggregate", "-m", "average"],
            ["qaggregate", "-m", "best"],
            ["qfit", "-x", "x,z", "--numeric", "x,z", "-l", "linear", "--levels", "3"],
            ["qscore", "--partial"],
            ["qconformal", "-m", "aci"],
        ]
    )
    if words[0] not in ("qsort",) and words[1:3] != ["-m", "average"]:
        words += ["-y", table.roles["target"]]
    lines = dialect.text(table).decode().split(dialect.end)[:-1]
    bad, mixed = [], [lines[0]]
    last = table.column("a_q" + table.groups["a"][0])
    for line, row in zip(lines[1:], table.rows):
        while draw.random() < 0.15:
            kind = draw.randrange(3)
            wrong = dialect.delimiter.join(
                row[: draw.randint(2, len(row) - 1)] if kind == 0 else row + ["1"] if kind == 1 else row[:last] + ["abc"] + row[last + 1 :]
            )
            if words[0] == "qfit" and kind == 2:
                place = table.column("x")
                wrong = dialect.delimiter.join(row[:place] + ["abc"] + row[place + 1 :])
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


TRIALS = [(11, files_and_pipes), (6, skipped_rows)]
