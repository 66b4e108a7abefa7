"""The driver of scripts/fuzz. Trial i of a seed is always the same: what it runs, and on what, follow from both numbers."""

import argparse
import itertools
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback

import descriptors
import kills
import laws_of_files
import laws_of_formats
import laws_of_order
import laws_of_splits
import laws_of_threads
import limits
import random_damage
from corpus import Corpus
from running import ADDRESS_LIMIT, Finding, Runner
from trial import Trial

MODULES = (random_damage, laws_of_order, laws_of_splits, laws_of_files, laws_of_formats, laws_of_threads, kills, limits, descriptors)
KINDS = [kind for module in MODULES for kind in module.TRIALS]
KEPT = 3


class Fuzzer:
    """A worker: its trials, its folder and what it has counted."""

    def __init__(self, options):
        self.options, self.seed = options, options.seed
        self.runner = Runner(options.tools, not options.any_memory)
        self.corpus = Corpus(self.runner, options.seed)
        self.counts, self.found, self.detail, self.trials = {}, {}, "", 0
        self.least_space = {}
        self.kinds = [(weight, kind) for weight, kind in KINDS if not options.kind or options.kind in kind.__name__]
        self.weights, self.choices = [weight for weight, _ in self.kinds], [kind for _, kind in self.kinds]

    def run(self, number):
        """A trial; a finding is kept, the first few of each kind."""
        kind = random.Random(f"kind {self.seed} {number}").choices(self.choices, self.weights)[0]
        self.trials += 1
        self.detail = ""
        home = os.getcwd()
        os.mkdir(f"{number}")
        os.chdir(f"{number}")
        trial = Trial(self, number)
        try:
            kind(trial)
        except Finding as finding:
            self.report(trial, kind, str(finding))
        except Exception:
            self.detail = traceback.format_exc()
            self.report(trial, kind, f"the fuzzer itself fails: {sys.exc_info()[1]!r:.200}")
        finally:
            os.chdir(home)
            shutil.rmtree(f"{number}", ignore_errors=True)

    def report(self, trial, kind, what):
        folder = os.path.join(os.path.abspath(self.options.findings), f"seed-{self.seed}-trial-{trial.number}")
        label = f"{kind.__name__}: " + "".join("#" if c.isdigit() else c for c in what)[:100]
        self.found[label] = self.found.get(label, 0) + 1
        if self.found[label] <= KEPT:
            trial.keep(folder, f"{kind.__name__}: {what}", self.detail)
            print(f"{kind.__name__}: {what}: {trial.steps[-1] if trial.steps else ''} in {folder}", flush=True)

    def summary(self):
        return {"trials": self.trials, "counts": self.counts, "statuses": self.runner.statuses, "found": self.found}


def work(options, numbers, end):
    """Trials until the time is up, in a scratch folder."""
    os.environ["LC_ALL"] = "C.UTF-8"
    if not options.any_memory:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_LIMIT, ADDRESS_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        os.chdir(folder)
        fuzzer = Fuzzer(options)
        for number in numbers:
            if end is not None and time.monotonic() >= end:
                break
            fuzzer.run(number)
        os.chdir("/")
    return fuzzer.summary()


def main():
    parser = argparse.ArgumentParser(prog="scripts/fuzz")
    parser.add_argument("--tools", required=True)
    parser.add_argument("--findings", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--trial", type=int, help="run this trial alone")
    parser.add_argument("--trials", type=int, help="run the trials below this number, whatever time they take")
    parser.add_argument("--kind", default="", help="only kinds of trials whose names hold this; numbers of trials then mean other trials")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--any-memory", action="store_true", help="limit no memory, of which a sanitizer reserves terabytes")
    options = parser.parse_args()
    options.tools, options.findings = os.path.abspath(options.tools), os.path.abspath(options.findings)
    if not os.access(os.path.join(options.tools, "qsort"), os.X_OK):
        parser.error(f"there are no tools in {options.tools}; build them")
    start = time.monotonic()
    end = None if options.trial is not None or options.trials is not None else start + options.seconds
    if options.trial is not None:
        options.workers = 1
    workers = []
    for worker in range(options.workers):
        numbers = (
            [options.trial]
            if options.trial is not None
            else range(worker, options.trials, options.workers) if options.trials is not None else itertools.count(worker, options.workers)
        )
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                summary = work(options, numbers, end)
            except KeyboardInterrupt:
                os._exit(1)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            with os.fdopen(writing, "w") as pipe:
                json.dump(summary, pipe)
            sys.stdout.flush()
            os._exit(0)
        os.close(writing)
        workers.append((child, reading))
    total = {"trials": 0, "counts": {}, "statuses": {}, "found": {}}
    is_whole = True
    for child, reading in workers:
        with os.fdopen(reading) as pipe:
            text = pipe.read()
        _, status = os.waitpid(child, 0)
        is_whole &= status == 0
        summary = json.loads(text) if text else {}
        total["trials"] += summary.get("trials", 0)
        for part in ("counts", "statuses", "found"):
            for key, count in summary.get(part, {}).items():
                total[part][key] = total[part].get(key, 0) + count
    for law in sorted(total["counts"]):
        print(f"{total['counts'][law]:9d}  {law}")
    statuses = ", ".join(f"{count} of status {status}" for status, count in sorted(total["statuses"].items(), key=lambda pair: int(pair[0])))
    print(
        f"{total['trials']} trials with seed {options.seed} in {time.monotonic() - start:.0f} s: {sum(total['counts'].values())} laws and faults tried, "
        f"{sum(total['statuses'].values())} runs of tools ({statuses})"
    )
    for what, count in sorted(total["found"].items()):
        print(f"{count:9d} times  {what}")
    print(f"{sum(total['found'].values())} findings" + ("" if is_whole else "; a worker of the fuzzer failed"))
    raise SystemExit(0 if is_whole and not total["found"] else 1)


if __name__ == "__main__":
    main()
