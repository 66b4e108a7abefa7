"""Starts the tools and judges what every run must keep: a known status, one line a message, no signal, no hang, bounded memory."""

import os
import re
import shlex
import signal

STATUSES = {0, 1, 64, 65, 66, 69, 73, 74}
TIME_LIMIT = 20
MEMORY_LIMIT = 1 << 30
ADDRESS_LIMIT = 4 << 30


class Finding(Exception):
    """What is wrong with a run, or with what several runs wrote."""


class Outcome:
    def __init__(self, status, out, err, memory, is_late):
        self.status, self.out, self.err, self.memory, self.is_late = status, out, err, memory, is_late

    def __eq__(self, other):
        return (self.status, self.out, self.err) == (other.status, other.out, other.err)

    @property
    def fault(self):
        """What kept a run from an end of its own, in one word."""
        if self.is_late:
            return f"no end after {TIME_LIMIT} s"
        return f"signal {signal.Signals(-self.status).name}" if self.status < 0 else None


class Runner:
    """Runs tools in the worker's folder. A worker is one thread, so its folder and its alarm are the process's own."""

    def __init__(self, tools, limits_memory):
        self.tools = os.path.abspath(tools)
        self.limits_memory = limits_memory
        self.environment = {key: value for key, value in os.environ.items() if key not in ("QTARGET", "QORDER", "QKNOWN", "QDECIMAL")}
        self.environment["PATH"] = self.tools + ":" + os.environ.get("PATH", "/usr/bin:/bin")
        self.out, self.err = os.memfd_create("out"), os.memfd_create("err")
        self.nothing = os.open("/dev/null", os.O_RDONLY)
        self.statuses = {}
        self.late = False
        self.child = 0
        signal.signal(signal.SIGALRM, self.end_late)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def end_late(self, *_):
        self.late = True
        os.kill(self.child, signal.SIGKILL)

    def path(self, tool):
        return os.path.join(self.tools, tool) if tool.startswith("q") else "/usr/bin/" + tool

    def start(self, words, stdin=None, out=None, err=None, closed=(), environment=None):
        """The process of a tool. `stdin`, `out` and `err` are names of files or descriptors; `closed` lists the descriptors it starts without."""
        actions = []
        for number, target, own in ((0, stdin, self.nothing), (1, out, self.out), (2, err, self.err)):
            if number in closed:
                continue
            if isinstance(target, str):
                actions.append((os.POSIX_SPAWN_OPEN, number, target, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644))
            else:
                actions.append((os.POSIX_SPAWN_DUP2, own if target is None else target, number))
        actions += [(os.POSIX_SPAWN_CLOSE, number) for number in closed]
        for descriptor in (self.out, self.err):
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
        self.late = False
        defaults = [signal.SIGPIPE, signal.SIGXFSZ]
        self.child = os.posix_spawn(self.path(words[0]), words, {**self.environment, **(environment or {})}, file_actions=actions, setsigdef=defaults)
        return self.child

    def finish(self):
        """Waits for the process that was started last."""
        signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT)
        _, status, usage = os.wait4(self.child, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        status = os.waitstatus_to_exitcode(status)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        return Outcome(status, content(self.out), content(self.err), usage.ru_maxrss << 10, self.late)


def content(descriptor):
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, size, 0) if size else b""


def command_line(words, stdin=None, out=None, err=None, closed=(), environment=None):
    """What a shell is told to start the same."""
    words = [f"{key}={value}" for key, value in (environment or {}).items()] + list(words)
    line = " ".join(shlex.quote(word) if not re.fullmatch(r"\w+=[\w./-]*", word) else word for word in words)
    for number, sign, target in ((0, "<", stdin), (1, ">", out), (2, "2>", err)):
        if number in closed:
            line += f" {'' if number < 2 else number}{sign[-1]}&-"
        elif isinstance(target, str):
            line += f" {sign} {shlex.quote(target)}"
    return line


def judge(runner, tool, outcome, may_fail=True, is_talkative=False, may_be_silent=False):
    """Raises what is wrong with a run by itself."""
    if outcome.fault:
        raise Finding(f"{tool}: {outcome.fault}")
    if outcome.status not in STATUSES:
        raise Finding(f"{tool}: status {outcome.status}")
    if runner.limits_memory and outcome.memory > MEMORY_LIMIT:
        raise Finding(f"{tool}: {outcome.memory >> 20} MB of memory")
    lines = outcome.err.split(b"\n")
    if not is_talkative and (lines[-1] != b"" or any(not line.startswith(tool.encode() + b": ") for line in lines[:-1])):
        raise Finding(f"{tool}: messages that are not one line each")
    if outcome.status != 0 and len(lines) < 2 and not may_be_silent:
        raise Finding(f"{tool}: status {outcome.status} without a message")
    if outcome.status != 0 and not may_fail:
        raise Finding(f"{tool}: status {outcome.status} where it should answer")
