"""Scores and times qaggregate's methods on tables of out-of-fold predictions; scripts/bench aggregation says how."""

import os, re, statistics, subprocess, sys
import numpy as np
from common import *
from tables import *

directory, scratch, root = sys.argv[1], os.environ["SCRATCH"], os.environ["ROOT"]
methods = os.environ.get("METHODS", "").split(",") if os.environ.get("METHODS") else method_names()
RUNS = int(os.environ.get("RUNS", 3))
# WIS and seconds of Fakoor et al.'s procedure in PyTorch on one core, of the first of its splits of these tables.
REFERENCE = {
    "energy": {"average": (.0361,), "median": (.0291,), "qra": (.0273,), "global-coarse": (.0272, 42), "global-medium": (.0271, 71),
               "global-fine": (.0275, 158), "local-coarse": (.0262, 10), "local-medium": (.0257, 21), "local-fine": (.0250, 424)},
    "concrete": {"average": (.1618,), "median": (.1578,), "qra": (.1436,), "global-coarse": (.1504, 48), "global-medium": (.1494, 68),
                 "global-fine": (.1494, 200), "local-coarse": (.1539, 7), "local-medium": (.1408, 15), "local-fine": (.1402, 352)},
    "kin8nm": {"average": (.2106,), "median": (.2014,), "qra": (.1484,), "global-coarse": (.1484, 221), "global-medium": (.1484, 228),
               "global-fine": (.1506, 320), "local-coarse": (.1482, 12), "local-medium": (.1479, 15), "local-fine": (.1484, 353)},
}
# How many times faster than PyTorch, whole runs and single steps.
RUN_LIMIT, STEP_LIMIT = {"local-fine": 15}, {"local-fine": 10}
missed = []


def judge(holds, what):
    if not holds:
        missed.append(what)
    return "ok" if holds else "misses"


def scored(y, table, group):
    """WIS of a group, in order, the coverage of its central 80 % interval and its mean width."""
    levels, q = quantiles(table, group)
    q = np.sort(q, axis=1)
    low, high = q[:, np.isclose(levels, 0.1)], q[:, np.isclose(levels, 0.9)]
    if low.shape[1] + high.shape[1] < 2:
        return wis(y, q, levels), np.nan, np.nan
    return wis(y, q, levels), np.mean((low[:, 0] <= y) & (y <= high[:, 0])), np.mean(high - low)


def rows_of(path, output):
    """Writes the table with the target of its test rows blank; these targets, and the base predictions of these rows."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table = table[table["split"].isin(["train", "val", "test"])]
    test = (table["split"] == "test").to_numpy()
    y = table["y"][test].to_numpy(float)
    table.loc[test, "y"] = ""
    table.drop(columns="split").to_csv(output, index=False)
    part = table[test]
    return y, part[[name for name in table.columns if QUANTILE.fullmatch(name)]].apply(pd.to_numeric)


def quality():
    """Prints the tables of each file; ratios over the reference by method: (file, WIS ratio, times faster)."""
    ratios = {}
    for name in files(directory):
        short = re.split(r"[._]", name)[0]
        taught, out = os.path.join(scratch, f"taught-{os.getpid()}.csv"), os.path.join(scratch, f"answered-{os.getpid()}.csv")
        y, base = rows_of(os.path.join(directory, name), taught)
        lines = []
        for method in methods:
            run = command([QAGGREGATE, "-y", "y", "--method", method, "--new-only", "--verbose", taught], out)
            scores = scored(y, read_table(out), "")
            wanted = REFERENCE.get(short, {}).get(method, ())
            # The reference has four decimals.
            over = round(scores[0], 4) / wanted[0] if wanted else None
            faster = wanted[1] / run.seconds[1] if len(wanted) > 1 else None
            if wanted:
                ratios.setdefault(method, []).append((short, over, faster))
            chose = re.search(r"auto: (\S+): .*chosen|tuned to (\S+)", run.said)
            note = next((text for text in chose.groups() if text), "") if chose else ""
            lines.append((method, *scores, *run.seconds, *(wanted[:1] or (None,)), over, *(wanted[1:] or (None,)), faster, note))
            print(f"{name}: {method} {scores[0]:.5f}, {run.seconds[0]:.1f} s", file=sys.stderr, flush=True)
        models = sorted((scored(y, base, model), model) for model in groups(base))
        for what, (scores, model) in [("base, best", models[0]), ("base, second", models[min(1, len(models) - 1)])]:
            lines.append((f"{what}", *scores, None, None, None, None, None, None, model + ", as hindsight has it"))
        print_table(f"{name}: {len(y)} test rows, {len(groups(base))} models; WIS, central 80 % interval, seconds and CPU seconds of the whole command; "
                    "the reference's WIS, ours over it; its seconds on one core, over our CPU seconds",
                    ["WIS", "coverage", "width", "seconds", "CPU", "wanted", "over", "wanted s", "faster", ""], lines)
        os.unlink(taught), os.unlink(out)
    return ratios


def judge_quality(ratios):
    print("\nover the reference: worst file, geometric mean (limits 1.02 and 1; local-fine 0.97 on average); CPU seconds, least times faster")
    for method, found in ratios.items():
        worst = max(found, key=lambda one: one[1])
        mean = np.exp(np.mean([np.log(over) for _, over, _ in found]))
        faster = [times for *_, times in found if times is not None]
        limit = RUN_LIMIT.get(method, 10)
        verdict = [judge(worst[1] <= 1.02, f"{method} on {worst[0]}"), judge(mean <= (0.97 if method == "local-fine" else 1 + 1e-9), f"{method} on average")]
        verdict += [judge(min(faster) >= limit, f"{method}'s seconds")] if faster else []
        print(f"{method:15} {worst[1]:7.4f} {verdict[0]:6} ({worst[0]})   {mean:7.4f} {verdict[1]:6}" + (f"   {min(faster):7.1f} × of {limit} {verdict[2]}" if faster else ""))


def made_table(path, rows, labelled, copies=1):
    """A table of 8 features and the percentiles of 6 models that err each in its own way; rows repeated as asked."""
    random = np.random.default_rng(1)
    x = random.normal(size=(rows, 8))
    centre, spread = np.sin(x[:, 0]) + 0.5 * x[:, 1] * x[:, 2], np.exp(0.3 * x[:, 3])
    y = centre + spread * random.normal(size=rows)
    normal = np.array([statistics.NormalDist().inv_cdf(level) for level in PERCENTILES])
    models = [centre[:, None] + 0.3 * random.normal(size=(rows, 1)) + 0.1 * j * x[:, j, None] + (0.7 + 0.1 * j) * spread[:, None] * normal for j in range(6)]
    names = ["y"] + [f"x{j}" for j in range(8)] + [f"m{j}_q{level:g}" for j in range(6) for level in PERCENTILES]
    with open(path, "w") as table:
        table.write(",".join(names) + "\n")
        lines = [(f"{y[i]:.6g}" if labelled else "") + "," + ",".join(f"{value:.6g}" for value in np.concatenate([x[i], *(model[i] for model in models)])) + "\n"
                 for i in range(rows)]
        for _ in range(copies):
            table.writelines(lines)


def answering(taught):
    """Rows a second and peak memory of answers from a model file, which must not grow with the rows."""
    counts = (5_000, 50_000)
    tables = [os.path.join(scratch, f"asked-{count}.csv") for count in counts]
    for count, path in zip(counts, tables):
        if not os.path.exists(path):
            made_table(path + ".new", 1000, False, count // 1000)
            os.replace(path + ".new", path)
    print("\nanswers from a model file, 6 models at 99 levels: rows a second of wall and of CPU time; MB at 5,000 and at 50,000 rows, which may grow by a tenth")
    for method in ("global-medium", "local-fine"):
        model = os.path.join(scratch, f"{method}.model")
        command([QAGGREGATE, "-y", "y", "--method", method, "--new-only", "--save", model, taught], "/dev/null")
        small, large = (command([QAGGREGATE, "--load", model, path], "/dev/null") for path in tables)
        verdict = judge(large.memory <= 1.1 * small.memory, f"{method}'s memory")
        print(f"{method:15} {counts[1] / large.seconds[0]:9.0f} {counts[1] / large.seconds[1]:9.0f} {small.memory / 1e6:7.1f} {large.memory / 1e6:7.1f}  {verdict}", flush=True)


def fitted(method, taught):
    """Least seconds in which qaggregate fits, of RUNS; the CPU seconds of the whole command."""
    runs = [command([QAGGREGATE, "-y", "y", "--method", method, "--new-only", "--verbose", taught], "/dev/null") for _ in range(RUNS)]
    return min(float(re.search(r"fitted in ([0-9.e-]+) s", run.said).group(1)) for run in runs), min(run.seconds[1] for run in runs)


def steps(taught):
    """A training step beside PyTorch's. Ours is the difference of two fits over the difference of their steps: the start falls out."""
    done = subprocess.run([sys.executable, os.path.join(root, "scripts", "benchmarks", "torch-mixture-step.py")], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit("bench: PyTorch's steps could not be timed")
    peers = {name: tuple(map(float, times)) for name, *times in map(str.split, done.stdout.splitlines())}
    network = "hidden=128,layers=3,batch=64,inputs=features,networks=1,noncrossing=penalty,margin=fixed,delta=0.005,dropout=0,own=none,shift=none,patience=1000"
    forms = {"local-coarse": ("", 2000), "local-medium": (",knots=0", 2000), "local-fine": (",knots=0,reach=all", 100)}
    print("\na training step, batch 64, 6 models at 99 levels, 8 features, the penalty of all pairs: milliseconds; CPU milliseconds; ours on one thread, PyTorch's on one or all, its CPU time on one")
    print(f"{'':15} {'ours':>9} {'PyTorch':>9} {'faster':>8} {'wanted':>7}         {'CPU, ours':>10} {'PyTorch':>9} {'faster':>8}")
    for method, (peer, peer_cpu) in peers.items():
        if method in forms:
            extra, more = forms[method]
            few = more // 10
            first, last = (fitted(f"{method}:{network}{extra},steps={count}", taught) for count in (few, few + more))
            ours = [1e3 * (b - a) / more for a, b in zip(first, last)]
            limit = STEP_LIMIT.get(method, 30)
            verdict = judge(min(peer / ours[0], peer_cpu / ours[1]) >= limit, method + " a step")
            print(f"{method:15} {ours[0]:9.3f} {peer:9.3f} {peer / ours[0]:8.1f} {limit:7}  {verdict:6} {ours[1]:10.3f} {peer_cpu:9.3f} {peer_cpu / ours[1]:8.1f}", flush=True)
        else:
            seconds, cpu = fitted(f"{method}:noncrossing=penalty,margin=fixed,delta=0.005" if method != "global-fine" else method, taught)
            print(f"{method:15} {'':9} {peer:9.3f}  no step; exact in {seconds:.3g} s, as long as {1e3 * seconds / peer:.0f} steps of PyTorch", flush=True)


parts = os.environ.get("PARTS", "quality,answering,steps").split(",")
if "quality" in parts:
    judge_quality(quality())
if "answering" in parts or "steps" in parts:
    taught = os.path.join(scratch, "made-predictions.csv")
    made_table(taught, 2000, True)
    if "answering" in parts:
        answering(taught)
    if "steps" in parts:
        steps(taught)
print(f"\n{'misses ' + ', '.join(missed) if missed else 'all limits hold'}")
sys.exit(bool(missed))
