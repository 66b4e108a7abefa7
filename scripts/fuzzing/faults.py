"""Kills and full disks at random moments: the old file is there whole, or the new one is; no temporary file is left."""
import ctypes
import os
import signal
import time

from corpus import ONLINE
from running import Finding
from tables import Dialect, random_table

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL]
KEPT = "kept"


def writing_command(draw):
    """A command that keeps a file called kept, and the table it reads."""
    table = random_table(draw, rows=draw.choice([12, 40, 90]), plain=True, missing=0.02, infinite=0, texts=False, groups=["a", "b"], levels=["0.1", "0.5", "0.9"], target="y", fold=False, fixed_order=True)
    if draw.random() < 0.3:
        table = table.repeated(draw.choice([10, 40]))
    words = draw.choice([
        ["qfit", "-q", "-x", "x,place", "-l", "marginal", "--levels", "3", "--save", KEPT], ["qfit", "-q", "-x", "x,z", "-l", "knn", "--levels", "9", "--new-only", "--save", KEPT],
        ["qaggregate", "-q", "-m", "average", "--save", KEPT], ["qaggregate", "-q", "-m", "best", "--save", KEPT], ["qconformal", "-q", "--save", KEPT], ["qconformal", "-q", "-m", "asymmetric", "--new-only", "--save", KEPT],
        ["qconformal", "-q", "-m", draw.choice(ONLINE), "--by", "place", "--state", KEPT], ["qconformal", "-q", "-m", "aci", "--order", "day", "--id", "id", "--state", KEPT],
        ["qsort", "--stats", KEPT], ["qscore", "-q", "--stats", KEPT], ["qsort", "--on-error", "skip", "--rejects", KEPT], ["qconformal", "-q", "--on-error", "skip", "--rejects", KEPT],
        ["qreshape", "-q", "--from", "wide", "--to", "nested", "--stats", KEPT], ["qplot", "reliability", "--terminal", "--out", KEPT],
    ])
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
        trial.write("first", Dialect().data(random_table(draw, rows=5, plain=True, missing=0, infinite=0, texts=False, groups=["a", "b"], levels=["0.1", "0.5", "0.9"], target="y", fold=False, weight=False, fixed_order=True)))
        state = [word if word != KEPT else "old" for word in words]
        if trial.run(*state, "first").status != 0:
            return None
        return trial.read("old")
    return b"what was there before\n" * draw.choice([1, 1000])


def left(folder="."):
    """Names in a folder that no trial made."""
    known = {"t", KEPT, "first", "old", "ballast", "out", "t0"}
    return sorted(name for name in os.listdir(folder) if name not in known)


def check_kept(trial, words, outcome_status, old, new, what):
    """Old or new, whole; an empty file is no state, and a kill may leave one."""
    now = trial.read(os.path.join(trial.place, KEPT) if hasattr(trial, "place") else KEPT)
    is_placeholder = "--state" in words and now == b"" and old is None
    if outcome_status == 0:
        trial.expect_equal(new, now, f"{words[0]}: {what}: status 0, and the file is not the new one")
    elif now not in (old, new) and not (is_placeholder and outcome_status == -signal.SIGKILL):
        trial.fuzzer.detail = f"old {old!r:.100}\nnew {new!r:.100}\nnow {now!r:.100}"
        raise Finding(f"{words[0]} {flag_of(words)}: {what}: the file is neither the old nor the new one")
    return now


def flag_of(words):
    return words[words.index(KEPT) - 1]


def killed(trial):
    draw = trial.draw
    words, data = writing_command(draw)
    old = old_file(trial, words)
    whole, new, elapsed = reference(trial, words, data, old)
    if whole.status != 0:
        trial.law("(refused tables)")
        return
    for _ in range(draw.choice([2, 4, 6])):
        if old is not None:
            trial.write(KEPT, old)
        elif os.path.exists(KEPT):
            os.unlink(KEPT)
        number = draw.choice(SIGNALS)
        from_pipe = draw.random() < 0.3
        delay = draw.random() * elapsed * 1.1 if draw.random() < 0.7 else elapsed * draw.uniform(0.5, 1.1)
        trial.steps.append(f"# killed by {number.name} after {delay * 1000:.2f} ms" + (", or later, with half of its input" if from_pipe else ""))
        if from_pipe:
            reading, writing = os.pipe()
            child = trial.start([*words], stdin=reading, out="out")
            os.close(reading)
            os.set_blocking(writing, False)
            try:
                os.write(writing, data[:min(draw.randint(0, len(data)), 60000)])
            except OSError:
                pass
        else:
            child = trial.start([*words, "t"], out="out")
        time.sleep(delay)
        os.kill(child, number)
        if from_pipe:
            os.close(writing)
        outcome = trial.runner.finish()
        if outcome.is_late:
            raise Finding(f"{words[0]}: {number.name} does not end it")
        if outcome.status not in (0, -number) and not from_pipe:
            raise Finding(f"{words[0]}: {number.name}: status {outcome.status}")
        if from_pipe and outcome.status == 0:
            continue  # It ended before the signal, with as much as it got.
        now = check_kept(trial, words, outcome.status, old, new, number.name)
        rest = left()
        if number != signal.SIGKILL and rest:
            raise Finding(f"{words[0]} {flag_of(words)}: {number.name} leaves a temporary file: {len(rest)}")
        for name in rest:
            os.unlink(name)
        trial.law(f"{flag_of(words)}: killed by {number.name}")
        if "--state" in words and now == old and not from_pipe:
            again = trial.run(*words, "t")
            trial.expect(again.status == 0 and again.out == whole.out and trial.read(KEPT) == new, "qconformal --state: a run after a killed one goes on otherwise")
            trial.law("--state: a run after a killed one goes on as if it had not been")


def mounted(size):
    """Mounts a small disk in the folder `disk`, where that may be done."""
    os.makedirs("disk", exist_ok=True)
    return LIBC.mount(b"none", os.path.abspath("disk").encode(), b"tmpfs", 0, b"size=%dk" % size) == 0


LIBC = ctypes.CDLL(None, use_errno=True)


def full_disk(trial):
    """A disk that is full at a random place of the file, or of the spooled table, or of the output."""
    draw = trial.draw
    words, data = writing_command(draw)
    old = old_file(trial, words)
    whole, new, _ = reference(trial, words, data, old)
    if whole.status != 0 or new is None:
        trial.law("(refused tables)")
        return
    size = draw.choice([64, 128, 256, 512])
    if len(old or b"") + len(new) > size * 1024 - 8192:
        return
    spooled = words[0] in ("qfit", "qaggregate", "qconformal", "qreshape") and "average" not in words and "--state" not in words and draw.random() < 0.3
    if not mounted(size):
        limit = draw.randint(0, max(len(new), len(whole.out)) + 4096)
        return limited(trial, words, old, new, whole, ["prlimit", f"--fsize={limit}"], "a limit of the file's size")
    try:
        os.mkdir("disk/d")
        if old is not None:
            with open(f"disk/d/{KEPT}", "wb") as file:
                file.write(old)
        to_disk = draw.random() < 0.3
        free = draw.randint(0, (len(new) + (len(whole.out) if to_disk else 0) + (len(data) if spooled else 0)) // 4096 + 2) * 4096
        with open("disk/ballast", "wb") as file:
            status = os.statvfs("disk")
            try:
                file.write(bytes(max(0, status.f_bavail * status.f_frsize - free)))
            except OSError:
                pass
        trial.steps.append(f"# {words[words.index(KEPT)]} is on a disk of {size} KB with {free} bytes free")
        placed = [word if word != KEPT else f"disk/d/{KEPT}" for word in words]
        more = ["--memory", "0"] if spooled and "--memory" not in words else []
        environment = {"TMPDIR": os.path.abspath("disk")} if spooled else None
        outcome = trial.run(*placed, *more, "t", out="disk/out" if to_disk else None, environment=environment)
        what = "a full disk"
        trial.expect(outcome.status in (0, 73, 74), f"{words[0]} {flag_of(words)}: {what}: status {outcome.status}")
        if outcome.status == 0:
            out = trial.read("disk/out") if to_disk else outcome.out
            trial.expect_equal(whole.out, out, f"{words[0]}: {what}: status 0 with another answer")
        now = trial.read(f"disk/d/{KEPT}")
        trial.expect(now in (old, new) and (outcome.status != 0 or now == new), f"{words[0]} {flag_of(words)}: {what}: the file is neither the old nor the new one")
        rest = left("disk/d") + [name for name in left("disk") if name != "d"]
        trial.expect(not rest, f"{words[0]} {flag_of(words)}: {what} leaves a temporary file")
        trial.law(f"{flag_of(words)}: a full disk" + (" of spooled rows too" if spooled else ""))
    finally:
        LIBC.umount2(os.path.abspath("disk").encode(), 2)


def limited(trial, words, old, new, whole, limiter, what):
    """A run under a limit: done right, or a status and a line, and the old file."""
    if old is not None:
        trial.write(KEPT, old)
    elif os.path.exists(KEPT):
        os.unlink(KEPT)
    command = [*limiter, *words, "t"]
    trial.start(command)
    outcome = trial.runner.finish()
    # What ends before the tool begins is not the tool's: the loader, or the kernel.
    if outcome.status == 127 or b"prlimit:" in outcome.err or b"error while loading" in outcome.err:
        return outcome
    from running import judge
    # The message itself may not fit into a file of that size.
    judge(trial.runner, words[0], outcome, is_talkative=limiter[-1].startswith("--fsize"), may_be_silent=limiter[-1] == "--fsize=0")
    trial.expect(outcome.status in (0, 65, 66, 69, 73, 74), f"{words[0]}: {what}: status {outcome.status}")
    if outcome.status == 0:
        trial.expect_equal(whole.out, outcome.out, f"{words[0]}: {what}: status 0 with another answer")
    now = trial.read(KEPT)
    trial.expect(now in (old, new) and (outcome.status != 0 or now == new), f"{words[0]} {flag_of(words)}: {what}: the file is neither the old nor the new one")
    trial.expect(not left(), f"{words[0]} {flag_of(words)}: {what} leaves a temporary file")
    trial.law(f"{flag_of(words)}: {what}")
    return outcome


def small_limits(trial):
    """Limits of file size, of open files and of address space."""
    draw = trial.draw
    words, data = writing_command(draw)
    old = old_file(trial, words)
    whole, new, _ = reference(trial, words, data, old)
    if whole.status != 0:
        trial.law("(refused tables)")
        return
    kind = draw.randrange(3 if trial.runner.limits_memory else 2)
    if kind == 0:
        limiter, what = [f"--fsize={draw.randint(0, max(len(new or b''), len(whole.out)) + 100)}"], "a limit of the file's size"
    elif kind == 1:
        limiter, what = [f"--nofile={draw.randint(3, 14)}"], "a limit of open files"
    else:
        limiter, what = [f"--as={int(least_space(trial, words[0]) * 2 ** draw.choice([draw.uniform(0, 0.5), draw.uniform(0, 4)]))}"], "a limit of address space"
    if kind == 1 and draw.random() < 0.3:
        words = [*words, "--threads", "3"]
    limited(trial, words, old, new, whole, ["prlimit", *limiter], what)


def least_space(trial, tool):
    """The address space in which a tool can tell its version, in whole megabytes: with less, the kernel cannot start it."""
    known = trial.fuzzer.least_space
    if tool not in known:
        low, high = 1, 512
        while low < high:
            middle = (low + high) // 2
            trial.runner.start(["prlimit", f"--as={middle << 20}", tool, "--version"])
            outcome = trial.runner.finish()
            low, high = (low, middle) if outcome.status == 0 else (middle + 1, high)
        known[tool] = low << 20
    return known[tool]


def full_output(trial):
    """Standard output on a full device: status 74 and a line, and the old file or the new one."""
    draw = trial.draw
    words, data = writing_command(draw)
    old = old_file(trial, words)
    whole, new, _ = reference(trial, words, data, old)
    if old is not None:
        trial.write(KEPT, old)
    outcome = trial.run(*words, *draw.choice([[], ["--threads", "1"], ["--threads", "3"]]), "t", out="/dev/full")
    if whole.status != 0:
        trial.law("(refused tables)")
        return
    trial.expect(outcome.status == (74 if whole.out else 0), f"{words[0]}: a full output: status {outcome.status}")
    trial.expect(trial.read(KEPT) in (old, new), f"{words[0]} {flag_of(words)}: a full output: the file is neither the old nor the new one")
    trial.expect(not left(), f"{words[0]} {flag_of(words)}: a full output leaves a temporary file")
    trial.law(f"{flag_of(words)}: a full standard output")


TRIALS = [(2.5, killed), (2, full_disk), (2, small_limits), (1, full_output)]
