"""CSV to NDJSON and back, and the formats of qreshape there and back, keep every field."""

import re

from tables import Dialect, parsed, random_table, value


def passing(draw):
    """A tool that changes nothing of a table that is in order."""
    return draw.choice([["qsort"], ["qreshape", "--from", "wide"], ["qsort", "-m", "pava"], ["qsort", "--threads", "3"]])


def in_order(table):
    """The same table with the quantiles of each row sorted, missing ones in their places."""
    rows = []
    for row in table.rows:
        row = list(row)
        for group in table.groups:
            places = [i for i in table.quantiles(group) if value(row[i]) is not None]
            for place, text in zip(places, sorted((row[i] for i in places), key=value)):
                row[place] = text
        rows.append(row)
    return table.of(rows)


def there_and_back(trial):
    """CSV, TSV → NDJSON → the same again: fields are as they were, but what is missing is empty."""
    draw = trial.draw
    table = in_order(random_table(draw))
    dialect = Dialect(draw, kind=draw.choice(["csv", "csv", "tsv", "semicolon"]))
    output = {"csv": "csv", "tsv": "tsv", "semicolon": "csv"}[dialect.kind]
    trial.write("t", dialect.data(table, draw))
    trial.write("n", trial.answers(*passing(draw), "-q", "--output", "ndjson", "t"))
    back = trial.answers(*passing(draw), "-q", "--output", output, "n")
    names, rows = parsed(back, "\t" if output == "tsv" else ",")
    expected = [["" if field in ("NA", "NaN", "null") else field for field in row] for row in table.rows]
    if dialect.quotes != "needed":  # A word in quotes is a text.
        rows = [["" if field in ("NA", "NaN", "null") else field for field in row] for row in rows]
    if table.rows:
        trial.expect_equal(table.names, names, "CSV → NDJSON → CSV: other columns")
        trial.expect_equal(expected, rows, "CSV → NDJSON → CSV: other fields")
    trial.law("CSV → NDJSON → CSV keeps every field")
    if draw.random() < 0.3 and dialect.quotes == "needed":  # A number in quotes is a text in NDJSON.
        trial.write("b", back)
        again = trial.answers(*passing(draw), "-q", "--output", "ndjson", "b")
        trial.expect_equal(trial.read("n"), again, "NDJSON → CSV → NDJSON changes")
        trial.law("NDJSON → CSV → NDJSON keeps every byte")


def decimal_commas(trial):
    """A table with decimal commas is answered as the same table with points, with commas."""
    draw = trial.draw
    table = random_table(draw, rows=draw.choice([2, 12, 40]), plain=True, infinite=0, texts=False, weight=False)
    words = draw.choice(
        [
            ["qsort", "-m", "pava"],
            ["qscore"],
            ["qscore", "--per-row"],
            ["qconformal"],
            ["qaggregate", "-m", "average"],
            ["qaggregate", "-m", "best"],
            ["qfit", "-x", "x,z", "-l", "linear", "--levels", "3"],
            ["qscore", "--per-level"],
        ]
    )
    if words[0] != "qsort" and "average" not in words:
        words = [*words, "-y", table.roles["target"]]
    numeric = {table.column("x"), table.column(table.roles["target"])} | {place for group in table.groups for place in table.quantiles(group)}
    commas = table.of([[field.replace(".", ",") if place in numeric else field for place, field in enumerate(row)] for row in table.rows])
    trial.write("t", Dialect(kind="tsv").data(table))
    trial.write("c", Dialect(kind="tsv").data(commas))
    one, other = trial.run(*words, "-q", "t"), trial.run(*words, "-q", "--decimal", ",", "c")
    trial.expect_equal(one.status, other.status, f"{words[0]}: decimal commas: another status")
    if one.status != 0:
        trial.law("(refused tables)")
        return
    names, rows = parsed(one.out, "\t")
    others, back = parsed(other.out, "\t")
    trial.expect_equal(names, others, f"{words[0]}: decimal commas: other columns")
    point = re.compile(r"-?\d+\.\d+(e[-+]?\d+)?")
    kept = {"place", "level"}
    for place, name in enumerate(names):
        if name not in kept:
            for row in rows:
                if point.fullmatch(row[place]):
                    row[place] = row[place].replace(".", ",")
        elif name == "level":
            for row in rows + back:
                row[place] = row[place].replace(".", ",")
    trial.expect_equal(rows, back, f"{words[0]}: decimal commas: another answer")
    trial.law("decimal commas and points are the same")


LEVELS = {
    "hub": [["0.1", "0.5", "0.9"], ["0.025", "0.5", "0.975"], ["0.333333333"]],
    "scoringutils": [["0.1", "0.5", "0.9"], ["0.025", "0.975"], ["0.123456789", "0.5"]],
    "autogluon": [["0.1", "0.5", "0.9"], ["0.025", "0.975"]],
    "nixtla": [["0.1", "0.5", "0.9"], ["0.05", "0.95"], ["0.025", "0.5", "0.975"]],
    "darts": [["0.1", "0.5", "0.9"], ["0.05", "0.5", "0.95"], ["0.025", "0.5", "0.975"]],
    "percent": [["0.1", "0.5", "0.9"], ["0.05", "0.25", "0.5", "0.75", "0.95"]],
    "nested": [["0.1", "0.5", "0.9"], ["0.025", "0.5"], ["0.5"]],
    "wide": [["0.1", "0.5", "0.9"], ["0.025", "0.975"]],
}


def reshaped(trial):
    """wide → a format → wide: every unit, model, level and text comes back."""
    draw = trial.draw
    form = draw.choice(sorted(LEVELS))
    levels = draw.choice(LEVELS[form])
    groups = draw.choice([["a"], ["a", "b"], ["my_model", "b"], ["m-1", "é"]]) if form != "autogluon" else [""]
    if form in ("hub", "scoringutils", "nested", "darts", "percent", "wide") and draw.random() < 0.15:
        groups = [""]
    table = random_table(
        draw,
        groups=groups,
        levels=levels,
        missing=0,
        infinite=0 if form in ("nested",) else 0.03,
        fold=False,
        weight=False,
        target="y",
        fixed_order=draw.random() < 0.5,
        plain=True,
    )
    for row in table.rows:
        for group in table.groups:
            for place in table.quantiles(group):
                if row[place] == "":
                    row[place] = "0"
    note = table.column("note")
    kind = draw.choice(["csv", "csv", "tsv", "semicolon", "ndjson"])
    for row in table.rows:
        if row[note] in ("NA", "null", "NaN"):
            row[note] = "none"
    dialect = Dialect(draw, kind=kind, packing=None)
    trial.write("t", dialect.data(table, draw))
    there = trial.run(
        "qreshape",
        "-q",
        "--from",
        "wide",
        "--to",
        form,
        *([] if form != "hub" or draw.random() < 0.5 else ["--exclude", "y"]),
        *(["--level-style", "underscore"] if form == "wide" else []),
        *draw.choice([[], [], ["--threads", "1"], ["--memory", "0"]]),
        "t",
    )
    if there.status == 64:
        trial.law("(refused tables)")
        return
    trial.expect(there.status == 0, f"qreshape --to {form}: {there.err[:200]}")
    trial.write("f", there.out)
    excluded = "--exclude y" in trial.steps[-1]
    sorted_flags = [["--sorted"]] if form in ("hub", "scoringutils", "nested") else []
    back = trial.run(
        "qreshape",
        "-q",
        "--from",
        form,
        *(["-y", "y"] if form in ("scoringutils", "nixtla") else []),
        "--output",
        "csv",
        *draw.choice([[], [], ["--memory", "0"], *sorted_flags]),
        "f",
    )
    trial.expect(back.status == 0, f"qreshape --from {form}: cannot read what it wrote: {back.err[:200]}")
    names, rows = parsed(back.out, ";" if kind == "semicolon" and form not in ("nested",) else ",")
    kept = [name for name in table.names if not (excluded and name == "y")]
    trial.expect_equal(sorted(kept), sorted(names), f"wide → {form} → wide: other columns")
    trial.expect_equal(len(table.rows), len(rows), f"wide → {form} → wide: another number of rows")
    for number, (row, now) in enumerate(zip(table.rows, rows), 1):
        was, now = dict(zip(table.names, row)), dict(zip(names, now))
        for name in kept:
            trial.expect_equal(was[name], now[name], f"wide → {form} → wide: row {number}, column {name}")
    trial.law(f"wide → {form} → wide")


TRIALS = [(8, there_and_back), (8, reshaped), (3, decimal_commas)]
