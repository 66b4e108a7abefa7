"""Tools that start without descriptors 0, 1 or 2, or whose files are one another: nothing goes into a file that it is not meant for."""

import os

from kept_files import KEPT, flag_of, left, undisturbed, writing_command

COMBINATIONS = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]


def closed(trial):
    draw = trial.draw
    if not (drawn := undisturbed(trial)):
        return
    words, data, old, whole, new, _ = drawn
    combination = draw.choice(COMBINATIONS)
    if old is not None:
        trial.write(KEPT, old)
    from_stdin = draw.random() < 0.4
    outcome = trial.run(*words, *([] if from_stdin else ["t"]), stdin="t" if from_stdin else None, closed=combination, may_be_silent=2 in combination)
    what = "without descriptor" + ("s " if len(combination) > 1 else " ") + ", ".join(map(str, combination))
    is_answer = 1 in combination or outcome.out == whole.out or outcome.status != 0
    if from_stdin and 0 in combination:
        trial.expect(outcome.status in (65, 66, 74), f"{words[0]} {what}: status {outcome.status} without an input")
        trial.expect(trial.read(KEPT) == old, f"{words[0]} {flag_of(words)} {what}: the file changed")
    else:
        trial.expect(is_answer, f"{words[0]} {what}: another answer")
        trial.expect(outcome.status == (0 if 1 not in combination or not whole.out else 74), f"{words[0]} {what}: status {outcome.status}")
        trial.expect(
            trial.read(KEPT) in (old, new) and (outcome.status != 0 or trial.read(KEPT) == new),
            f"{words[0]} {flag_of(words)} {what}: the file is neither the old nor the new one",
        )
    trial.expect(trial.read("t") == data, f"{words[0]} {what}: the input changed")
    trial.expect(not left(), f"{words[0]} {what}: a file is left")
    trial.law("closed descriptors")


def spelt_otherwise(draw, name):
    """Another name of a file."""
    kind = draw.randrange(4)
    if kind == 0:
        return f"./{name}"
    if kind == 1:
        return f"{os.getcwd()}/./{name}"
    other = f"{name}0"
    (os.symlink if kind == 2 or not os.path.exists(name) else os.link)(name, other)
    return other


def same_file(trial):
    """An output that is an input, the standard output or another output is refused before anything is written."""
    draw = trial.draw
    words, data = writing_command(draw)
    trial.write("t", data)
    pair = draw.choice(["input", "input", "output", "other"])
    places = {}
    if pair == "input":
        words = [word if word != KEPT else spelt_otherwise(draw, "t") for word in words]
    elif pair == "output":
        trial.write("out", b"")
        words = [word if word != KEPT else spelt_otherwise(draw, "out") for word in words]
        places["out"] = "out"
    else:
        words = [word if word != KEPT else spelt_otherwise(draw, KEPT) for word in words] + (
            ["--stats", KEPT] if "--stats" not in words else ["--on-error", "skip", "--rejects", KEPT]
        )
        if words[0] == "qplot":
            return
    outcome = trial.run(*words, "t", **places)
    if pair == "output" and "qplot" in words[0]:
        return  # Its standard output stays empty.
    trial.expect(outcome.status != 0, f"{words[0]}: an output is the same file as the {pair}, and it goes on")
    trial.expect(trial.read("t") == data, f"{words[0]}: the input is overwritten")
    if pair == "other":
        trial.expect(not os.path.exists(KEPT), f"{words[0]}: a refused output is made")
    trial.law(f"an output that is {'an input' if pair == 'input' else 'the standard output' if pair == 'output' else 'another output'}")


TRIALS = [(2, closed), (1, same_file)]
