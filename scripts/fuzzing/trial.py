"""One trial: a folder of its own, files, runs of tools, and what is kept of them where something is wrong."""

import os
import random
import shutil

from running import Finding, Outcome, command_line, judge


class Trial:
    def __init__(self, fuzzer, number):
        self.fuzzer, self.runner, self.number = fuzzer, fuzzer.runner, number
        self.draw = random.Random(f"{fuzzer.seed} {number}")
        self.steps = []
        self.files = {}
        self.written = set()

    def write(self, name, content):
        """An input; kept with the finding, where there is one."""
        with open(name, "wb") as file:
            file.write(content)
        self.files[name] = content
        self.written.add(name)
        return name

    def read(self, name):
        """A file's content, or nothing where it is not there."""
        try:
            with open(name, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def start(self, words, **places):
        self.steps.append(command_line(words, **places))
        return self.runner.start(words, **places)

    def run(self, *words, may_fail=True, judged=True, is_talkative=False, may_be_silent=False, **places):
        """A whole run, judged by what every run must keep."""
        self.start(list(words), **places)
        outcome = self.runner.finish()
        if judged:
            judge(self.runner, words[0], outcome, may_fail, is_talkative, may_be_silent)
        return outcome

    def answers(self, *words, **places):
        """What a run writes that must not fail."""
        return self.run(*words, may_fail=False, **places).out

    def law(self, name, count=1):
        """Counts a trial of a law, or of a kind of fault."""
        self.fuzzer.counts[name] = self.fuzzer.counts.get(name, 0) + count

    def expect(self, holds, what):
        if not holds:
            raise Finding(what)

    def expect_equal(self, one, other, what):
        """Both as bytes, or as outcomes; the place where they part is told."""
        if one == other:
            return
        if isinstance(one, Outcome):
            if one.status != other.status:
                raise Finding(f"{what}: status {one.status} and {other.status}")
            part = "out" if one.out != other.out else "err"
            what, one, other = f"{what}: std{part}", getattr(one, part), getattr(other, part)
        self.fuzzer.detail = parting(one, other)
        raise Finding(what)

    def keep(self, folder, what, detail):
        """Everything that is needed to see it again. `command` has the inputs as they were: later files are those of the run itself."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(".", folder, symlinks=True, ignore_dangling_symlinks=True)
        inputs = os.path.join(folder, "inputs")
        os.mkdir(inputs)
        for name, content in self.files.items():
            with open(os.path.join(inputs, os.path.basename(name)), "wb") as file:
                file.write(content)
        limit = [] if not self.runner.limits_memory else ["ulimit -v 4194304"]
        with open(os.path.join(folder, "command"), "w") as file:
            lines = [
                "#!/bin/bash",
                f"# {what}",
                *(f"# {line}" for line in detail.splitlines()),
                f"# again: scripts/fuzz 0 {self.fuzzer.seed} --trial {self.number}",
            ]
            file.write("\n".join([*lines, 'cd "$(dirname "$0")/inputs"', *limit, *self.steps]) + "\n")
        os.chmod(os.path.join(folder, "command"), 0o755)


def parting(one, other):
    """The first lines that differ."""
    while isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        one, other = next((a, b) for a, b in zip(one, other) if a != b)
    if not isinstance(one, bytes) or not isinstance(other, bytes):
        return f"{one!r:.300}\n{other!r:.300}"
    left, right = one.split(b"\n"), other.split(b"\n")
    for number, (a, b) in enumerate(zip(left, right), 1):
        if a != b:
            place = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            start = max(0, place - 60)
            return f"line {number}, byte {place + 1}:\n  {a[start:start + 200]!r}\n  {b[start:start + 200]!r}"
    return f"{len(left)} and {len(right)} lines"
