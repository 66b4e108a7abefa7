"""Kills at random moments: the old file is there whole, or the new one is; only SIGKILL leaves a temporary file."""

import os
import signal
import time

from kept_files import KEPT, check_kept, flag_of, left, undisturbed
from running import Finding

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL]


def killed(trial):
    draw = trial.draw
    if not (drawn := undisturbed(trial)):
        return
    words, data, old, whole, new, elapsed = drawn
    for _ in range(draw.choice([2, 4, 6])):
        if old is not None:
            trial.write(KEPT, old)
        elif os.path.exists(KEPT):
            os.unlink(KEPT)
        number = draw.choice(SIGNALS)
        from_pipe = draw.random() < 0.3
        delay = draw.random() * elapsed * 1.1 if draw.random() < 0.7 else elapsed * draw.uniform(0.5, 1.1)
        trial.steps.append(f"# killed by {number.name} after {delay * 1000:.2f} ms" + (", or later, with half of its input" if from_pipe else ""))
        if from_pipe:
            reading, writing = os.pipe()
            child = trial.start([*words], stdin=reading, out="out")
            os.close(reading)
            os.set_blocking(writing, False)
            try:
                os.write(writing, data[: min(draw.randint(0, len(data)), 60000)])
            except OSError:
                pass
        else:
            child = trial.start([*words, "t"], out="out")
        time.sleep(delay)
        os.kill(child, number)
        if from_pipe:
            os.close(writing)
        outcome = trial.runner.finish()
        if outcome.is_late:
            raise Finding(f"{words[0]}: {number.name} does not end it")
        if outcome.status not in (0, -number) and not from_pipe:
            raise Finding(f"{words[0]}: {number.name}: status {outcome.status}")
        if from_pipe and outcome.status == 0:
            continue  # It ended before the signal, with as much as it got.
        now = check_kept(trial, words, outcome.status, old, new, number.name)
        rest = left()
        if number != signal.SIGKILL and rest:
            raise Finding(f"{words[0]} {flag_of(words)}: {number.name} leaves a temporary file: {len(rest)}")
        for name in rest:
            os.unlink(name)
        trial.law(f"{flag_of(words)}: killed by {number.name}")
        if "--state" in words and now == old and not from_pipe:
            again = trial.run(*words, "t")
            trial.expect(
                again.status == 0 and again.out == whole.out and trial.read(KEPT) == new,
                "qconformal --state: a run after a killed one goes on otherwise",
            )
            trial.law("--state: a run after a killed one goes on as if it had not been")


TRIALS = [(2.5, killed)]
