"""Scores qfit -l all | qaggregate --method auto | qsort on every table of a directory; scripts/bench pipeline says how."""

import hashlib, json, os, re, sys
import numpy as np
from common import *
from tables import *

directory, most = sys.argv[1], int(os.environ.get("MAXROWS", 2000))
seeds = [int(seed) for seed in os.environ.get("SEEDS", "1").split()]
learners_asked = os.environ.get("LEARNERS", "all")
folds = ["--folds", os.environ["FOLDS"]] if os.environ.get("FOLDS") else []
methods = os.environ.get("METHODS", "").split(",") if os.environ.get("METHODS") else method_names()
kept = os.path.join(os.environ["SCRATCH"], "pipeline")
os.makedirs(kept, exist_ok=True)
digest = hashlib.sha256(open(QFIT, "rb").read()).hexdigest()[:12]


def losses(y, table, group):
    """Weighted interval scores of the rows; the group's quantiles in order, as qsort leaves them."""
    levels, q = quantiles(table, group)
    return row_wis(y, np.sort(q, axis=1), levels)


def predicted(name, table, test, seed):
    """The path of qfit's answer, with out-of-fold predictions of the labelled rows, which is kept; its seconds and CPU seconds."""
    asked = os.path.join(kept, f"asked-{os.getpid()}.csv")
    blanked(table, test, asked)
    content = "\n".join([digest, learners_asked, *folds, open(asked).read()])
    key = f"{name}-{most}-{seed}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    path = os.path.join(kept, key + ".csv")
    if not os.path.exists(path + ".seconds"):
        spent = command([QFIT, "-y", table.columns[-1], "-l", learners_asked, *folds, asked], path).seconds
        json.dump(spent, open(path + ".seconds", "w"))
    os.unlink(asked)
    return path, json.load(open(path + ".seconds"))


rows, spent, chosen, sizes, learners = {}, {}, {}, {}, []
for name in files(directory):
    short = name.split(".")[0]
    for seed in seeds:
        draw = drawn(os.path.join(directory, name), most, seed)
        if draw is None:
            break
        table, test, y, whole = draw
        sizes[short] = f"{len(table)} of {whole}"
        path, fitting = predicted(short, table, test, seed)
        answers = read_table(path)
        learners = groups(answers)
        at, spent_at = rows.setdefault(short, {}), spent.setdefault(short, {})
        for learner in learners:
            at.setdefault(learner, []).append(losses(y[test], answers[test], learner))
        spent_at.setdefault("qfit", []).append(fitting)
        for method in methods:
            out = os.path.join(kept, f"answered-{os.getpid()}.csv")
            run = command([QAGGREGATE, "-y", table.columns[-1], "--method", method, "--new-only", "--verbose", path], out)
            at.setdefault(method, []).append(losses(y[test], read_table(out), ""))
            spent_at.setdefault(method, []).append(run.seconds)
            if method == "auto":
                found = re.search(r"auto: ([a-z-]+)\S*: .*chosen", run.said)
                chosen.setdefault(short, []).append(found.group(1) if found else "average")
            os.unlink(out)
        means = {model: np.mean(at[model][-1]) for model in learners + methods}
        best = min(learners, key=means.get)
        print(f"{short}, seed {seed}: {sizes[short]} rows; best {best} {means[best]:.4g}; " + ", ".join(
            f"{method} {means[method] / means[best]:.3f}" for method in methods) + f"; qfit {fitting[0]:.0f} s (CPU {fitting[1]:.0f})", file=sys.stderr, flush=True)

if not rows:
    sys.exit("bench: no table has a numeric target")
scores = {name: {model: np.mean([values.mean() for values in at[model]]) for model in at} for name, at in rows.items()}
best = {name: min(learners, key=at.get) for name, at in scores.items()}


def error(name, method):
    """Standard error over the test rows of a method's WIS over the best learner's."""
    difference = [a - b for a, b in zip(rows[name][method], rows[name][best[name]])]
    return np.sqrt(np.mean([d.var(ddof=1) / len(d) for d in difference]) / len(difference)) / scores[name][best[name]]


print(f"WIS of a fifth of the rows, the others teach{', ' + ' '.join(folds) if folds else ''}; {len(seeds)} draws; tables above {most} rows are sampled: "
      + ", ".join(f"{name} {size}" for name, size in sizes.items()))
print_table("qfit, its quantiles in order", learners, [(name, *(scores[name][learner] for learner in learners)) for name in scores])
print_table("qaggregate over the best learner of the table, as hindsight has it; geometric means; the worst table; medians of wall and of CPU seconds",
    ["best", *methods], [
        *((name, best[name], *(scores[name][method] / scores[name][best[name]] for method in methods)) for name in scores),
        ("geometric mean", None, *(np.exp(np.mean([np.log(scores[name][method] / scores[name][best[name]]) for name in scores])) for method in methods)),
        ("worst table", None, *(max(scores[name][method] / scores[name][best[name]] for name in scores) for method in methods)),
        ("seconds", None, *(np.median([s[0] for name in spent for s in spent[name][method]]) for method in methods)),
        ("CPU seconds", None, *(np.median([s[1] for name in spent for s in spent[name][method]]) for method in methods)),
    ])
status = 0
if "auto" in methods:
    of = {learner: {name: scores[name]["auto"] / scores[name][learner] for name in scores} for learner in learners}
    mean = {learner: np.exp(np.mean(np.log(list(of[learner].values())))) for learner in learners}
    print_table("qfit | qaggregate --method auto | qsort: WIS over a learner's", learners, [
        *((name, *(of[learner][name] for learner in learners)) for name in scores), ("geometric mean", *(mean[learner] for learner in learners))])
    print_table("the pipe: its WIS, over the best learner's, the standard error of that over the test rows; seconds and CPU seconds of qfit and of qaggregate",
        ["WIS", "over best", "error", "qfit s", "CPU", "auto s", "CPU", "chose"], [
            (name, scores[name]["auto"], scores[name]["auto"] / scores[name][best[name]], error(name, "auto"),
             *np.mean(spent[name]["qfit"], axis=0), *np.mean(spent[name]["auto"], axis=0), " ".join(chosen[name])) for name in scores])
    no_better = [learner for learner in learners if not mean[learner] < 1]
    worse = [name for name in scores if not scores[name]["auto"] <= 1.02 * scores[name][best[name]]]
    print(f"\nbetter than every learner on average: {'misses ' + ', '.join(no_better) if no_better else 'ok'}")
    print(f"at most 2 % over the best learner of a table: {'misses ' + ', '.join(worse) if worse else 'ok'}")
    status = bool(no_better or worse)
sys.exit(status)
