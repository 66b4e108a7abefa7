"""Full disks and outputs, and small limits of memory, of files and of their size: a status and a line, and the old file or the new one."""

import ctypes
import os

from kept_files import KEPT, flag_of, left, undisturbed
from running import judge

LIBC = ctypes.CDLL(None, use_errno=True)


def mounted(size):
    """Mounts a small disk in the folder `disk`, where that may be done."""
    os.makedirs("disk", exist_ok=True)
    return LIBC.mount(b"none", os.path.abspath("disk").encode(), b"tmpfs", 0, b"size=%dk" % size) == 0


def full_disk(trial):
    """A disk that is full at a random place of the file, or of the spooled table, or of the output."""
    draw = trial.draw
    if not (drawn := undisturbed(trial)):
        return
    words, data, old, whole, new, _ = drawn
    if new is None:
        return
    size = draw.choice([64, 128, 256, 512])
    if len(old or b"") + len(new) > size * 1024 - 8192:
        return
    spooled = (
        words[0] in ("qfit", "qaggregate", "qconformal", "qreshape") and "average" not in words and "--state" not in words and draw.random() < 0.3
    )
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
        trial.expect(
            now in (old, new) and (outcome.status != 0 or now == new),
            f"{words[0]} {flag_of(words)}: {what}: the file is neither the old nor the new one",
        )
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
    # The message itself may not fit into a file of that size.
    judge(trial.runner, words[0], outcome, is_talkative=limiter[-1].startswith("--fsize"), may_be_silent=limiter[-1].startswith("--fsize"))
    trial.expect(outcome.status in (0, 65, 66, 69, 73, 74), f"{words[0]}: {what}: status {outcome.status}")
    if outcome.status == 0:
        trial.expect_equal(whole.out, outcome.out, f"{words[0]}: {what}: status 0 with another answer")
    now = trial.read(KEPT)
    trial.expect(
        now in (old, new) and (outcome.status != 0 or now == new), f"{words[0]} {flag_of(words)}: {what}: the file is neither the old nor the new one"
    )
    trial.expect(not left(), f"{words[0]} {flag_of(words)}: {what} leaves a temporary file")
    trial.law(f"{flag_of(words)}: {what}")
    return outcome


def small_limits(trial):
    """Limits of file size, of open files and of address space."""
    draw = trial.draw
    if not (drawn := undisturbed(trial)):
        return
    words, data, old, whole, new, _ = drawn
    kind = draw.randrange(3 if trial.runner.limits_memory else 2)
    if kind == 0:
        limiter, what = [f"--fsize={draw.randint(0, max(len(new or b''), len(whole.out)) + 100)}"], "a limit of the file's size"
    elif kind == 1:
        limiter, what = [f"--nofile={draw.randint(3, 14)}"], "a limit of open files"
    else:
        limiter, what = [
            f"--as={int(least_space(trial, words[0]) * 2 ** draw.choice([draw.uniform(0, 0.5), draw.uniform(0, 4)]))}"
        ], "a limit of address space"
    if kind == 1 and words[0] != "qplot" and draw.random() < 0.3:
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
    if not (drawn := undisturbed(trial)):
        return
    words, data, old, whole, new, _ = drawn
    if old is not None:
        trial.write(KEPT, old)
    threads = [] if words[0] == "qplot" else draw.choice([[], ["--threads", "1"], ["--threads", "3"]])
    outcome = trial.run(*words, *threads, "t", out="/dev/full")
    trial.expect(outcome.status == (74 if whole.out else 0), f"{words[0]}: a full output: status {outcome.status}")
    trial.expect(trial.read(KEPT) in (old, new), f"{words[0]} {flag_of(words)}: a full output: the file is neither the old nor the new one")
    trial.expect(not left(), f"{words[0]} {flag_of(words)}: a full output leaves a temporary file")
    trial.law(f"{flag_of(words)}: a full standard output")


TRIALS = [(2, full_disk), (2, small_limits), (1, full_output)]
