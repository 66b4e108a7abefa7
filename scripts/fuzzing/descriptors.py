"""Tools that start without descriptors 0, 1 or 2: nothing that is meant for one of them goes into a file."""
import os

from faults import KEPT, flag_of, left, old_file, reference, writing_command

COMBINATIONS = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]


def closed(trial):
    draw = trial.draw
    words, data = writing_command(draw)
    old = old_file(trial, words)
    whole, new, _ = reference(trial, words, data, old)
    if whole.status != 0:
        trial.law("(refused tables)")
        return
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
        trial.expect(trial.read(KEPT) in (old, new) and (outcome.status != 0 or trial.read(KEPT) == new), f"{words[0]} {flag_of(words)} {what}: the file is neither the old nor the new one")
    trial.expect(trial.read("t") == data, f"{words[0]} {what}: the input changed")
    trial.expect(not left(), f"{words[0]} {what}: a file is left")
    trial.law("closed descriptors")


TRIALS = [(2, closed)]
