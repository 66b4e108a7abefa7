"""Random damage to tables, models, states and parts: whatever a tool is given, it ends with a status of its own and a line that says why."""

import json
import zlib

from damage import damage
from envelopes import crafted, damaged
from laws_of_threads import command
from tables import Dialect, copied, random_table
from running import Finding

REPORTS = [
    ["qsort"],
    ["qsort", "--report", "-m", "pava"],
    ["qsort", "-g", "a"],
    ["qscore", "-w", "fold"],
    ["qscore", "--merge"],
    ["qconformal", "-g", "a", "--as", "c"],
    ["qconformal", "-m", "agaci", "--new-only"],
    ["qconformal", "-m", "pid", "--by", "place", "--order", "day"],
    ["qaggregate", "--describe"],
    ["qaggregate", "--keep", "-w", "fold"],
    ["qfit", "-x", "x,place", "-l", "linear", "--levels", "0.1,0.9"],
    ["qfit", "-l", "marginal", "--group", "place", "--exclude", "fold,note", "--folds", "2"],
    ["qfit", "-l", "linear,marginal", "--levels", "3", "--new-only"],
    ["qscore", "--compare", "--blocks", "place", "--score", "ae_median"],
    ["qscore", "--transform", "log_shift:1", "--append"],
    ["qscore", "--crps", "--above", "0", "--per-row"],
    ["qscore", "--fail-if", "wis > 1"],
    ["qreshape"],
    ["qreshape", "--from", "hub", "--to", "wide"],
    ["qreshape", "--from", "scoringutils", "--to", "nested"],
    ["qreshape", "--from", "nested", "--to", "hub"],
    ["qreshape", "--from", "nixtla"],
    ["qplot", "fan", "--terminal"],
    ["qplot", "reliability", "--terminal", "--by", "place"],
    ["qplot", "pit", "--terminal"],
    ["qplot", "scores", "--terminal"],
    ["qplot", "weights", "--terminal"],
]


def damaged_input(trial):
    draw, corpus = trial.draw, trial.fuzzer.corpus
    table = random_table(draw, groups=draw.choice([["a", "b"], ["a"], [""], ["a", "", "b"]]), target="y", texts=draw.random() < 0.5)
    if "fold" in table.names and draw.random() < 0.2:
        table = copied(draw, table, draw.random() < 0.5)
    dialect = Dialect(draw, packing=None)
    text, flags = dialect.text(table, draw), dialect.flags
    chance = draw.random()
    if chance < 0.35:
        key = draw.choice(corpus.models)
        words = [key[0], "--load", trial.write("m", damaged(draw, corpus.file(key)))]
        text = dialect.text(corpus.table(key[1], key[2] in ("copies", "cv+")))
        if draw.random() < 0.3:
            text = damage(draw, text)
    elif chance < 0.45:
        key = draw.choice(corpus.states)
        words = [*corpus.command(key)[0], "--state", trial.write("m", damaged(draw, corpus.file(key)))]
        text = dialect.text(corpus.table(key[1]))
    elif chance < 0.5:
        key = draw.choice(corpus.parts)
        words, text, flags = ["qscore", "--merge"], damage(draw, corpus.file(key)), []
    else:
        words, kept = command(draw, table) if draw.random() < 0.6 else (draw.choice(REPORTS), [])
        words = words + (["m"] if kept else [])
        if words == ["qscore", "--merge"]:
            text, flags = corpus.file(draw.choice(corpus.parts)), []
        elif words[:2] == ["qreshape", "--from"] and words[2] != "wide":
            trial.write("w", Dialect().data(table))
            outcome = trial.run("qreshape", "-q", "--from", "wide", "--to", words[2], "w")
            text, flags = outcome.out, []
            words = words + draw.choice([[], ["--sorted"], ["--memory", "0"], ["--models", "a,b"], ["--truth", "w", "--on", "place"]])
        text = damage(draw, text)
    for extra, share in [
        (["--output", draw.choice(["csv", "tsv", "ndjson"])], 0.25),
        (["--input", draw.choice(["csv", "tsv", "ndjson"])], 0.05),
        (["--on-error", "skip"], 0.3),
        (["--digits", draw.choice(["0", "3", "17"])], 0.1),
        (["--no-header", "--columns", ",".join(table.names)], 0.05),
        (["--explain"], 0.02),
        (["--threads", "2"], 0.3),
        (["--union"], 0.05),
        (["--decimal", ","], 0.05),
        (["--drop", "x"], 0.03),
    ]:
        if draw.random() < share and extra[0] not in words and not ("-d" in flags and "--input" in extra):
            flags = flags + extra
    if draw.random() < 0.05:
        text = zlib.compress(text, wbits=31)
        if draw.random() < 0.5:
            text = damage(draw, text)
    trial.write("t", text)
    files = ["t"] * draw.choice([1, 1, 1, 1, 2])
    outcome = trial.run(*words, *flags, *files, is_talkative="--report" in words and words[0] == "qconformal")
    # Objects that come in keep what Python writes of NaN; what is made of delimited text is JSON throughout.
    if (
        outcome.status == 0
        and flags[-2:] == ["--output", "ndjson"]
        and "--input" not in flags
        and "--explain" not in flags
        and files == ["t"]
        and not text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[", b"\x1f"))
    ):
        for line in outcome.out.split(b"\n")[:-1]:
            try:
                json.loads(line.decode("utf-8", "replace"), parse_constant=lambda name: 1 / 0)
            except (ValueError, ZeroDivisionError):
                raise Finding(f"{words[0]}: output that is no JSON") from None
    trial.law("damaged tables and files")


def crafted_file(trial):
    """A file put together from others, with a right length and checksum: an answer or a refusal, never a crash, and never much memory."""
    draw, corpus = trial.draw, trial.fuzzer.corpus
    chance = draw.random()
    family = corpus.models if chance < 0.6 else corpus.states if chance < 0.85 else corpus.scores
    key = draw.choice(family)
    # Half of the time of the same tool and another method or size, which has most in common.
    near = [other for other in family if other[0] == key[0] and other != key]
    other = draw.choice(near if draw.random() < 0.7 else corpus.models + corpus.states + corpus.scores)
    trial.write("m", crafted(draw, corpus.file(key), corpus.file(other)))
    owner = key if draw.random() < 0.7 else other
    if owner[0] not in ("qfit", "qaggregate", "qconformal", "state", "scores"):
        owner = key
    table = corpus.table(owner[1], owner[2] == "copies" and owner[0] == "qaggregate" or owner[2] == "cv+")
    trial.write("t", Dialect(kind=draw.choice(["csv", "csv", "ndjson"])).data(table))
    if key[0] == "state":
        words = [*corpus.command(key)[0], "--state", "m", "t"]
    elif key[0] == "scores":
        trial.write("n", corpus.file(key))
        words = ["qconformal", "--merge", *draw.choice([["--partial"], ["--save", "o"]]), "m", *draw.choice([[], ["n"], ["m"]])]
    else:
        words = [key[0], "--load", "m", *draw.choice([[], [], [], ["--describe"] if key[0] == "qaggregate" else ["--explain"]]), "t"]
    outcome = trial.run(*words)
    trial.expect(outcome.status in (0, 64, 65, 66), f"{words[0]}: status {outcome.status} for a crafted file")
    trial.law("crafted model files" if key[0].startswith("q") else f"crafted files of {key[0].replace('state', 'states')}")


TRIALS = [(26, damaged_input), (12, crafted_file)]
