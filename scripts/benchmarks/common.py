"""What the parts of scripts/bench share: scores, runs of qfit, and the peers' fits."""

import collections, os, re, subprocess, tempfile, time
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
QFIT, QAGGREGATE = (os.path.join(os.environ["BIN"], tool) for tool in ("qfit", "qaggregate"))
CORES = len(os.sched_getaffinity(0))
HUB = np.array([0.01, 0.025] + [round(k / 20, 2) for k in range(1, 20)] + [0.975, 0.99])
PERCENTILES = np.arange(1, 100) / 100


def wis(y, q, levels):
    """Mean over rows and levels of twice the pinball loss."""
    return row_wis(y, q, levels).mean()


def row_wis(y, q, levels):
    u = y[:, None] - q
    return 2 * np.mean(np.where(u >= 0, levels * u, (levels - 1) * u), axis=1)


Ran = collections.namedtuple("Ran", "seconds said memory")


def command(arguments, output):
    """Runs a filter into a file: its wall and CPU seconds, what it said, its peak memory in bytes."""
    with tempfile.NamedTemporaryFile("r") as memory, open(output, "wb") as stdout:
        before = time.perf_counter()
        done = subprocess.run(["/usr/bin/time", "-o", memory.name, "-f", "%M %U %S", *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True)
        wall = time.perf_counter() - before
        if done.returncode:
            raise SystemExit(f"bench: {' '.join(arguments)}\n{done.stderr}")
        peak, user, system = map(float, memory.read().split())
    return Ran((wall, user + system), done.stderr, 1024 * peak)


def method_names():
    """Every method that qaggregate knows; it lists them where it is asked for another."""
    said = subprocess.run([QAGGREGATE, "--method", "?"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
    return said.strip().split("there are ")[1].split(", ")


def write_table(path, x, y, asked):
    """A CSV of x and y in full precision, then the rows asked, whose target is empty."""
    with open(path, "w") as table:
        table.write(",".join([f"x{j}" for j in range(x.shape[1])] + ["y"]) + "\n")
        for row, target in zip(x.tolist(), y.tolist()):
            table.write(",".join(map(repr, row)) + f",{target!r}\n")
        for row in asked.tolist():
            table.write(",".join(map(repr, row)) + ",\n")


class Run:
    """A run of qfit whose labelled rows only teach: its answers, what --verbose said, peak memory in bytes, seconds and CPU
    seconds of the whole command."""

    def __init__(self, table, learner, levels, *flags):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "out")
            flags = ["--new-only", "--verbose", "-l", "m=" + learner, "--levels", ",".join(map(repr, levels.tolist())), *flags]
            (self.command, self.cpu), self.said, self.memory = command([QFIT, *flags, table], out)
            with open(out) as answers:
                next(answers)
                self.answers = np.array([line.rstrip("\n").rsplit(",", len(levels))[1:] for line in answers], dtype=float)

    def told(self, pattern):
        found = re.search(pattern, self.said)
        if not found:
            raise SystemExit(f"bench: qfit --verbose does not say {pattern}:\n{self.said}")
        return float(found.group(1))

    fitted = property(lambda self: self.told(r"fitted in ([0-9.e-]+) s"))
    answered = property(lambda self: self.told(r"rows answered in ([0-9.e-]+) s"))


def quantreg(what, x, y, levels, penalties=None):
    """Coefficients of R's quantreg, (features + 1) × levels; seconds and CPU seconds; peak memory in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        for name, values in [("x", x.T), ("y", y), ("levels", levels), ("penalties", [] if penalties is None else penalties)]:
            np.ascontiguousarray(values, dtype=float).tofile(os.path.join(folder, name))
        memory = os.path.join(folder, "memory")
        done = subprocess.run(
            ["/usr/bin/time", "-o", memory, "-f", "%M", "Rscript", os.path.join(HERE, "peers.R"), what, folder, *map(str, x.shape)],
            stdout=subprocess.PIPE, check=True, text=True)
        coefficients = np.fromfile(os.path.join(folder, "coefficients")).reshape(len(levels), x.shape[1] + 1).T
        return coefficients, np.array(done.stdout.split(), dtype=float), 1024 * float(open(memory).read())


def timed(work):
    """What the work gives; its seconds and CPU seconds."""
    clocks = lambda: np.array([time.perf_counter(), time.process_time()])
    before = clocks()
    result = work()
    return result, clocks() - before


def lightgbm(x, y, asked, levels, trees=100):
    """Quantiles of one LightGBM model a level, put in order; seconds and CPU seconds to fit."""
    from lightgbm import LGBMRegressor

    models, seconds = timed(lambda: [
        LGBMRegressor(objective="quantile", alpha=level, n_estimators=trees, n_jobs=CORES, verbose=-1).fit(x, y) for level in levels])
    return np.sort(np.stack([model.predict(asked) for model in models], axis=1), axis=1), seconds


def quantile_forest(kind, x, y, asked, levels):
    """Quantiles of quantile-forest's "forest" or "extratrees" with 100 trees; seconds and CPU seconds to fit, and to answer."""
    import quantile_forest

    peer = {"forest": quantile_forest.RandomForestQuantileRegressor, "extratrees": quantile_forest.ExtraTreesQuantileRegressor}[kind]
    model, fitting = timed(lambda: peer(n_estimators=100, n_jobs=CORES, random_state=1).fit(x, y))
    answers, answering = timed(lambda: model.predict(asked, quantiles=levels.tolist()))
    return np.asarray(answers), fitting, answering
