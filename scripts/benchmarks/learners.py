"""Times qfit's learners beside their peers on made tables; scripts/bench learners says how."""

import importlib.util, os, subprocess, sys
import numpy as np
from sklearn.neighbors import KNeighborsRegressor
from common import *

scratch, root, RUNS = os.environ["SCRATCH"], os.environ["ROOT"], int(os.environ.get("RUNS", 3))
failed = False


def least(work, runs=RUNS):
    """The results of several runs; long work is done once."""
    results = []
    total = 0.0
    while len(results) < runs and total < 20:
        result, (seconds, _) = timed(work)
        results.append(result)
        total += seconds
    return results


def line(what, peer, ours, theirs, wanted, note="", holds=True):
    """Prints the least seconds and CPU seconds of runs of either, the ratio of seconds, the limit for it, and what stands beside."""
    global failed
    ours, theirs = np.min(ours, axis=0), np.min(theirs, axis=0)
    ratio = theirs[0] / ours[0]
    verdict = "ok" if ratio >= wanted and holds else "misses"
    failed |= verdict != "ok"
    cells = "".join(f"{'' if np.isnan(value) else format(value, '.4g'):>10}" for value in [ours[0], theirs[0], ours[1], theirs[1]])
    print(f"{what:35}{cells} {ratio:7.1f} {wanted:6g}  {verdict:6}  {peer}{'; ' + note if note else ''}", flush=True)


def fits(runs):
    """Seconds of the fits; CPU seconds of the whole commands, reading and answers included."""
    return [(run.fitted, run.cpu) for run in runs]


def answers(runs):
    return [(run.answered, np.nan) for run in runs]


def normal_table(n, p, seed):
    """Normal features and a target linear in them, as is its spread."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, p))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    slopes = np.where(np.arange(p) < 10, 1 / (1 + np.arange(p)), 0)
    return x, 1 + x @ slopes + (1 + 0.5 * np.abs(x[:, 0])) * random.normal(size=n)


def wavy_table(n, asked, seed):
    """Friedman's function of five of ten uniform features (1991), its spread depends on a sixth. Teaching rows, then test rows."""
    random = np.random.default_rng(seed)
    x = random.uniform(size=(n + asked, 10))
    centre = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    y = centre + (0.5 + 2 * x[:, 5]) * random.normal(size=n + asked)
    path = os.path.join(scratch, f"wavy-{n}.csv")
    write_table(path, x[:n], y[:n], x[n:])
    return path, x[:n], y[:n], x[n:], y[n:]


def objective(x, y, coefficients, levels, penalties=None):
    """Pinball loss, and the penalty where there is one, over all rows and levels."""
    total = 0.0
    for t, level in enumerate(levels):
        u = y - coefficients[0, t] - x @ coefficients[1:, t]
        total += np.sum(np.maximum(level * u, (level - 1) * u))
        if penalties is not None:
            total += penalties[t] * np.abs(coefficients[1:, t]).sum()
    return total


def linear_run(x, y, learner, levels):
    """Runs of qfit, and the coefficients: its answers at the origin and at the unit vectors."""
    p = x.shape[1]
    path = os.path.join(scratch, "linear.csv")
    write_table(path, x, y, np.vstack([np.zeros(p), np.eye(p)]))
    runs = least(lambda: Run(path, learner, levels))
    os.remove(path)
    origin, units = runs[0].answers[0], runs[0].answers[1:]
    return runs, np.vstack([origin, units - origin])


def excess(ours, theirs):
    return f"objective {ours / theirs - 1:+.1e} of R's"


def linear(n):
    x, y = normal_table(n, 10, seed=1)
    runs, ours = linear_run(x, y, "linear", PERCENTILES)
    peers = least(lambda: quantreg("process", x, y, PERCENTILES))
    losses = objective(x, y, ours, PERCENTILES), objective(x, y, peers[0][0], PERCENTILES)
    table = 8 * n * 11
    memory, peer_memory = min(run.memory for run in runs) / table, peers[0][2] / table
    note = f"{excess(*losses)}; peak memory of the command {memory:.2f} × the numbers, R {peer_memory:.1f} ×"
    note += f"; whole command {min(run.command for run in runs):.2f} s"
    holds = losses[0] <= losses[1] * (1 + 1e-9) and (n < 1_000_000 or memory <= 3)
    line(f"linear fit, {n} × 10, 99 levels", "rq.fit.pfnb", fits(runs), [peer[1] for peer in peers], 10, note, holds)


def lasso():
    levels = np.arange(1, 10) / 10
    x, y = normal_table(2000, 500, seed=2)
    runs, ours = linear_run(x, y, "lasso", levels)
    penalties = runs[0].told(r"penalty ([0-9.e+-]+)") * np.sqrt(levels * (1 - levels))
    peers = least(lambda: quantreg("lasso", x, y, levels, penalties))
    losses = objective(x, y, ours, levels, penalties), objective(x, y, peers[0][0], levels, penalties)
    note = f"{excess(*losses)}; whole command {min(run.command for run in runs):.2f} s"
    line("lasso fit, 2000 × 500, 9 levels", "rq.fit.lasso", fits(runs), [peer[1] for peer in peers], 10, note, losses[0] <= losses[1] * (1 + 1e-9))


def beside(ours, theirs):
    """A score within 1 %, the noise of one seed, is no worse."""
    return f"WIS {ours:.4f}, peer {theirs:.4f}", ours <= 1.01 * theirs


def forests():
    path, x, y, asked, truth = wavy_table(20_000, 5_000, seed=3)
    for kind in ["forest", "extratrees"]:
        runs = least(lambda: Run(path, f"{kind}:trees=100", PERCENTILES))
        peers = least(lambda: quantile_forest(kind, x, y, asked, PERCENTILES))
        note, holds = beside(wis(truth, runs[0].answers, PERCENTILES), wis(truth, peers[0][0], PERCENTILES))
        note += f"; whole command {min(run.command for run in runs):.2f} s"
        line(f"{kind} fit, 20000 × 10, 100 trees", "quantile-forest", fits(runs), [peer[1] for peer in peers], 5, note, holds)
        line(f"{kind} answer, 5000 × 99", "quantile-forest", answers(runs), [peer[2] for peer in peers], 2)


def boost():
    path, x, y, asked, truth = wavy_table(20_000, 5_000, seed=3)
    runs = least(lambda: Run(path, "boost:trees=100", PERCENTILES))
    peers = least(lambda: lightgbm(x, y, asked, PERCENTILES))
    note, holds = beside(wis(truth, runs[0].answers, PERCENTILES), wis(truth, peers[0][0], PERCENTILES))
    note += f"; whole command {min(run.command for run in runs):.2f} s"
    line("boost fit, 20000 × 10, 99 levels", "99 LightGBM models", fits(runs), [peer[1] for peer in peers], 20, note, holds)


def neighbours():
    path, x, y, asked, truth = wavy_table(50_000, 10_000, seed=4)
    k = 50

    def peer():
        model = KNeighborsRegressor(k, n_jobs=-1)
        return timed(lambda: model.fit(x, y).kneighbors(asked))

    runs = least(lambda: Run(path, f"knn:k={k},kernel=uniform", HUB))
    peers = least(peer)
    theirs = np.quantile(y[peers[0][0][1]], HUB, axis=1, method="inverted_cdf").T
    note, holds = beside(wis(truth, runs[0].answers, HUB), wis(truth, theirs, HUB))
    line(
        f"knn fit and answer, 50000, k = {k}", "KNeighborsRegressor fit, kneighbors of 10000 rows", [(run.fitted + run.answered, run.cpu) for run in runs],
        [seconds for _, seconds in peers], 1, note, holds)


def networks():
    """Milliseconds of a training step, our share of the checks on held-out rows included. Few rows make these checks short."""
    if importlib.util.find_spec("torch") is None:
        return print("networks: PyTorch is not to be had")
    said = subprocess.run([sys.executable, os.path.join(root, "scripts", "benchmarks", "torch-step.py")], stdout=subprocess.PIPE, check=True, text=True).stdout
    theirs = {name: float(milliseconds) for name, milliseconds in (told.split()[:2] for told in said.splitlines())}
    path = wavy_table(640, 1, seed=5)[0]
    for name in ["cgn", "sqr", "dqr"]:
        settings = "networks=1,batch=64,hidden=128,layers=3,steps=10000,patience=1000"
        runs = least(lambda: Run(path, f"{name}:{settings}", PERCENTILES, "--threads", "1"))
        ours = [(1000 * run.fitted / run.told(r"steps ([0-9]+)"), np.nan) for run in runs]
        line(f"{name} step of 64, 3 × 128, ms", "PyTorch", ours, [(theirs[name], np.nan)], 5)


cpu = next((entry.split(":")[1].strip() for entry in open("/proc/cpuinfo") if entry.startswith("model name")), "")
print(f"learners, {CORES} cores of {cpu}, load {os.getloadavg()[0]:.2f}; the least of up to {RUNS} runs: seconds inside the processes, CPU seconds of the whole qfit")
print(f"{'what':35}{'qfit':>10}{'peer':>10}{'qfit cpu':>10}{'peer cpu':>10} {'ratio':>7} {'wanted':>6}  {'':6}  peer; beside")
parts = {"linear": lambda: [linear(100_000), linear(1_000_000)], "lasso": lasso, "forest": forests, "boost": boost, "knn": neighbours, "networks": networks}
for name in os.environ.get("LEARNERS", " ".join(parts)).split():
    parts[name]()
sys.exit(failed)
