"""Runs that keep a file beside their output, and what must be there of it however they end: the old file or the new one, whole."""

import os
import signal
import time

from corpus import ONLINE
from running import Finding
from tables import Dialect, random_table

KEPT = "kept"


def plain_table(draw, rows, **parts):
    """A table that every tool reads without a remark."""
    return random_table(
        draw,
        rows=rows,
        plain=True,
        infinite=0,
        texts=False,
        groups=["a", "b"],
        levels=["0.1", "0.5", "0.9"],
        target="y",
        fold=False,
        fixed_order=True,
        **parts,
    )


def writing_command(draw):
    """A command that keeps a file called kept, and the table it reads."""
    table = plain_table(draw, draw.choice([12, 40, 90]), missing=0.02)
    if draw.random() < 0.3:
        table = table.repeated(draw.choice([10, 40]))
    words = draw.choice(
        [
            ["qfit", "-q", "-x", "x,place", "-l", "marginal", "--levels", "3", "--save", KEPT],
            ["qfit", "-q", "-x", "x,z", "-l", "knn", "--levels", "9", "--new-only", "--save", KEPT],
            ["qaggregate", "-q", "-m", "average", "--save", KEPT],
            ["qaggregate", "-q", "-m", "best", "--save", KEPT],
            ["qconformal", "-q", "--save", KEPT],
            ["qconformal", "-q", "-m", "asymmetric", "--new-only", "--save", KEPT],
            ["qconformal", "-q", "-m", draw.choice(ONLINE), "--by", "place", "--state", KEPT],
            ["qconformal", "-q", "-m", "aci", "--order", "day", "--id", "id", "--state", KEPT],
            ["qsort", "--stats", KEPT],
            ["qscore", "-q", "--stats", KEPT],
            ["qsort", "--on-error", "skip", "--rejects", KEPT],
            ["qconformal", "-q", "--on-error", "skip", "--rejects", KEPT],
            ["qreshape", "-q", "--from", "wide", "--to", "nested", "--stats", KEPT],
            ["qplot", "reliability", "--terminal", "--out", KEPT],
        ]
    )
    data = Dialect().data(table)
    if "--rejects" in words:
        lines = data.split(b"\n")
        for _ in range(draw.choice([1, 5, 200])):
            lines.insert(draw.randrange(1, len(lines)), b"bad," * draw.choice([1, 2, 50]))
        data = b"\n".join(lines)
    return words, data


def reference(trial, words, data, old):
    """The files before and after a run that nothing disturbs, and how long it takes."""
    trial.write("t", data)
    start = time.monotonic()
    if old is not None:
        trial.write(KEPT, old)
    outcome = trial.run(*words, "t")
    elapsed = time.monotonic() - start
    new = trial.read(KEPT)
    if os.path.exists(KEPT):
        os.unlink(KEPT)
    return outcome, new, elapsed


def old_file(trial, words):
    """What the file held before: nothing, another file of its kind, or, where any will do, text."""
    draw = trial.draw
    if draw.random() < 0.3:
        return None
    if "--state" in words:
        trial.write("first", Dialect().data(plain_table(draw, 5, missing=0, weight=False)))
        state = [word if word != KEPT else "old" for word in words]
        if trial.run(*state, "first").status != 0:
            return None
        return trial.read("old")
    return b"what was there before\n" * draw.choice([1, 1000])


def undisturbed(trial):
    """Draws a command, its table and the old file: words, data, old, the run that nothing disturbs, the new file and how long it took. None where
    the table is refused, which is told as a law of its own."""
    words, data = writing_command(trial.draw)
    old = old_file(trial, words)
    whole, new, elapsed = reference(trial, words, data, old)
    if whole.status != 0:
        trial.law("(refused tables)")
        return None
    return words, data, old, whole, new, elapsed


def left(folder="."):
    """Names in a folder that no trial made."""
    known = {"t", KEPT, "first", "old", "ballast", "out", "t0"}
    return sorted(name for name in os.listdir(folder) if name not in known)


def check_kept(trial, words, outcome_status, old, new, what):
    """Old or new, whole; an empty file is no state, and a kill may leave one."""
    now = trial.read(KEPT)
    is_placeholder = "--state" in words and now == b"" and old is None
    if outcome_status == 0:
        trial.expect_equal(new, now, f"{words[0]}: {what}: status 0, and the file is not the new one")
    elif now not in (old, new) and not (is_placeholder and outcome_status == -signal.SIGKILL):
        trial.fuzzer.detail = f"old {old!r:.100}\nnew {new!r:.100}\nnow {now!r:.100}"
        raise Finding(f"{words[0]} {flag_of(words)}: {what}: the file is neither the old nor the new one")
    return now


def flag_of(words):
    return words[words.index(KEPT) - 1]
