"""Model, state and score files of every method, learnt of undamaged tables when they are first asked for. They follow from the seed alone."""

import os
import random
import tempfile

from tables import Dialect, copied, random_table

LEARNERS = {
    "linear": "linear",
    "lasso": "lasso",
    "marginal": "marginal",
    "knn": "knn",
    "rff": "rff:features=5",
    "forest": "forest:trees=3",
    "extratrees": "extratrees:trees=3",
    "boost": "boost:trees=4",
    "cgn": "cgn:networks=1,hidden=3,layers=1,steps=20",
    "sqr": "sqr:networks=1,hidden=3,layers=1,steps=20",
    "dqr": "dqr:networks=1,hidden=3,layers=1,steps=20",
}
LOCAL = ":networks=1,hidden=3,layers=1,steps=20"
AGGREGATORS = {
    "average": "average",
    "median": "median",
    "pool": "pool",
    "best": "best",
    "qra": "qra",
    "fqra": "fqra",
    "global-coarse": "global-coarse",
    "global-medium": "global-medium",
    "global-fine": "global-fine:shrinkage=1",
    "local-coarse": "local-coarse" + LOCAL,
    "local-medium": "local-medium" + LOCAL,
    "local-fine": "local-fine" + LOCAL + ",own=none,knots=2",
}
CALIBRATORS = ["cqr", "cqr-m", "cqr-r", "asymmetric", "residual", "distributional", "weighted", "conditional"]
ONLINE = ["aci:window=5", "dtaci:experts=3,window=9", "agaci:experts=2", "sf-ogd", "saocp", "pid"]
SIZES = {
    "small": (["a", "b"], ["0.1", "0.5", "0.9"]),
    "wide": (["a", "b", "c"], ["0.05", "0.25", "0.5", "0.75", "0.95"]),
    "odd": (["b", "a"], ["0.2", "0.5", "0.8"]),
}


class Corpus:
    def __init__(self, runner, seed):
        self.runner, self.seed, self.files = runner, seed, {}
        models = []
        for size in SIZES:
            models += [("qfit", size, name) for name in LEARNERS] + [("qaggregate", size, name) for name in AGGREGATORS]
            models += [("qconformal", size, name) for name in CALIBRATORS + [f"{name} by" for name in CALIBRATORS[:4]] + ["cv+"]]
            models += [("qfit", size, "several"), ("qfit", size, "copies"), ("qaggregate", size, "copies")]
        self.models = models
        self.states = [("state", size, name) for size in SIZES for name in ONLINE + [f"{name} open" for name in ONLINE]]
        self.scores = [("scores", size, name) for size in SIZES for name in ("cqr", "asymmetric", "cqr-r by", "compact")]
        self.parts = [("part", size, name) for size in SIZES for name in ("", "--by place", "--per-level", "--pit", "--crps")]

    def table(self, size, copies=False):
        draw = random.Random(f"corpus {self.seed} {size} {copies}")
        groups, levels = SIZES[size]
        table = random_table(
            draw,
            rows=48,
            groups=groups,
            levels=levels,
            fold=True,
            weight=True,
            target="y",
            missing=0,
            infinite=0,
            plain=True,
            texts=False,
            fixed_order=True,
        )
        return copied(draw, table, True) if copies else table

    def command(self, key):
        """The words that make a file, and whether of a table of copies."""
        kind, size, name = key
        name, _, more = name.partition(" ")
        by = ["--by", "place", "--min-rows", "2"] if more == "by" else []
        if kind == "qfit":
            levels = ["--levels", ",".join(SIZES[size][1])]
            if name == "copies":
                return ["qfit", "-x", "x,place", "-l", "linear,marginal", *levels, "--cv-plus"], False
            learners = "linear,marginal,forest:trees=2" if name == "several" else LEARNERS[name]
            return ["qfit", "-x", {"small": "x,place", "wide": "x,z,place,day", "odd": "x"}[size], "-l", learners, *levels, "--new-only"], False
        if kind == "qaggregate":
            if name == "copies":
                return ["qaggregate"], True
            return ["qaggregate", "-x", "x,place" if size != "odd" else "z", "-m", AGGREGATORS[name], "--new-only"], False
        if kind == "qconformal":
            if name == "cv+":
                return ["qconformal", "-m", "cv+", "-g", "a"], True
            return [
                "qconformal",
                "-m",
                name,
                *(["-w", "w"] if name == "weighted" else []),
                *(["--given", "x,place"] if name == "conditional" else []),
                *by,
                "--new-only",
            ], False
        if kind == "state":
            return ["qconformal", "-m", name, "--by", "place", *(["--order", "day", "--id", "id"] if more else [])], False
        if kind == "scores":
            return ["qconformal", "--partial", *(["--compact"] if name == "compact" else ["-m", name]), *(["--by", "place"] if by else [])], False
        return ["qscore", "--partial", *(name + " " + more).split()], False

    def file(self, key):
        if key not in self.files:
            words, copies = self.command(key)
            data = Dialect().data(self.table(key[1], copies))
            here = os.getcwd()
            with tempfile.TemporaryDirectory() as folder:
                os.chdir(folder)
                with open("t", "wb") as file:
                    file.write(data)
                flag = {"state": ["--state", "f"], "scores": [], "part": []}.get(key[0], ["--save", "f"])
                self.runner.start([*words, "-q", *flag, "t"])
                outcome = self.runner.finish()
                os.chdir(here)
                if outcome.status != 0:
                    raise RuntimeError(f"{' '.join(words)}: {outcome.err.decode(errors='replace')}")
                if flag:
                    with open(os.path.join(folder, "f"), "rb") as file:
                        self.files[key] = file.read()
                else:
                    self.files[key] = outcome.out
        return self.files[key]
