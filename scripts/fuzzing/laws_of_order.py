"""qsort rearranges and leaves every other byte; answers rise with the level; columns that a tool does not own pass through."""

from tables import Dialect, members, parsed, random_table, records, unpacked, unquoted, value


def rows_of(data, dialect, table):
    """For each line of data: the raw text of each column, by name, and the line with the columns of `names` cut out."""
    data = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
    if dialect.kind == "ndjson":
        lines = data.splitlines(keepends=True)
        return [({name: line[start:end] for name, (start, end) in members(line).items()}, line) for line in lines]
    raw = records(data, dialect.delimiter)
    names = [unquoted(field).decode() for field in raw[0][0]]
    return [(dict(zip(names, fields)), dialect.delimiter.encode().join(fields) + end) for fields, end in raw]


def without(line, dialect, fields, names):
    """What a line holds beside the fields of some columns."""
    if dialect.kind == "ndjson":
        spans = sorted(span for name, span in members(line).items() if name in names)
        kept, place = [], 0
        for start, end in spans:
            kept.append(line[place:start])
            place = end
        return b"\0".join(kept + [line[place:]])
    end = line[len(line.rstrip(b"\r\n")) :] if not fields else line[-2:] if line.endswith(b"\r\n") else line[-1:] if line.endswith(b"\n") else b""
    return [field for name, field in fields.items() if name not in names], end


def number(raw):
    return value(raw.decode())


def sorted_rows(trial):
    """qsort: a permutation, in order, nothing else touched; sorting again changes nothing."""
    draw = trial.draw
    table = random_table(draw)
    if draw.random() < 0.01:
        table = table.repeated(draw.choice([20, 100]))
    dialect = Dialect(draw)
    data = dialect.data(table, draw)
    method = draw.choice(["sort", "sort", "sort", "pava", "minmax"])
    some = draw.random() < 0.2
    groups = [draw.choice(sorted(table.groups))] if some else sorted(table.groups)
    trial.write("t", data)
    flags = ["-m", method] if method != "sort" or draw.random() < 0.2 else []
    flags += dialect.flags + (["-g", groups[0]] if some else []) + draw.choice([[], ["--threads", "1"], ["--threads", "3"]])
    out = trial.answers("qsort", *flags, *(["t"] if draw.random() < 0.5 else []), stdin="t")
    before = rows_of(unpacked(data, dialect.packing), dialect, table)
    after = rows_of(out, dialect, table)
    trial.expect(len(before) == len(after), "qsort: another number of rows")
    places = {group: [table.names[place] for place in table.quantiles(group)] for group in groups}
    owned = {name for names in places.values() for name in names}
    for number_of_row, ((was, line), (now, written)) in enumerate(zip(before, after), 1):
        trial.expect(
            without(line, dialect, was, owned) == without(written, dialect, now, owned), f"qsort: other bytes of row {number_of_row} changed"
        )
        if dialect.kind != "ndjson" and number_of_row == 1:
            trial.expect(line == written, "qsort: the header changed")
            continue
        for names in places.values():
            old, new = [was[name] for name in names], [now[name] for name in names]
            left, right = [number(field) for field in old], [number(field) for field in new]
            trial.expect([x is None for x in left] == [x is None for x in right], f"qsort: other quantiles of row {number_of_row} are missing")
            values = [x for x in right if x is not None]
            trial.expect(values == sorted(values), f"qsort: row {number_of_row} is not in order")
            present = [x for x in left if x is not None]
            if present == sorted(present):
                trial.expect(old == new, f"qsort: row {number_of_row} was in order and changed")
            elif method == "sort":
                trial.expect(sorted(old) == sorted(new), f"qsort: row {number_of_row} is no permutation")
    trial.law("qsort: a permutation in order, other bytes as they were")
    if draw.random() < 0.3:
        trial.write("s", out)
        again = trial.answers("qsort", *flags, "s")
        trial.expect_equal(out, again, "qsort: sorting again changes something")
        trial.law("qsort: sorting again changes nothing")


AGGREGATES = ["average", "average", "median", "pool", "best", "qra", "fqra", "global-coarse", "global-medium", "global-fine:shrinkage=1"]
CONFORMAL = [
    "cqr",
    "cqr",
    "cqr-m",
    "cqr-r",
    "asymmetric",
    "residual",
    "distributional",
    "asymmetric:bound=upper",
    "aci",
    "dtaci",
    "agaci",
    "sf-ogd",
    "saocp",
    "pid",
    "weighted",
    "conditional",
]


def ordered_answers(trial):
    """Answers rise with the level, and every column that the tool does not own keeps its bytes."""
    draw = trial.draw
    is_aggregate = draw.random() < 0.5
    table = random_table(
        draw,
        rows=draw.choice([3, 12, 40, 40]),
        texts=draw.random() < 0.5,
        groups=draw.choice([["a", "b"], ["a", "b", "c"], ["a"]]),
        same_levels=not is_aggregate or draw.random() < 0.7,
        infinite=0.03 if draw.random() < 0.4 else 0,
    )
    dialect = Dialect(draw, kind=draw.choice(["csv", "tsv", "semicolon"]), quotes="needed", packing=None)
    trial.write("t", dialect.data(table, draw))
    target = ["-y", table.roles["target"]]
    digits = draw.choice([[], [], [], ["--digits", "2"], ["--digits", "0"]])
    if is_aggregate:
        method = draw.choice(AGGREGATES)
        tool, answered, flags = (
            "qaggregate",
            [""],
            ["-m", method] + draw.choice([[], [], ["--keep"], ["--isotonic", "pava"], ["--isotonic", "minmax"]]),
        )
    else:
        method = draw.choice(CONFORMAL)
        tool, answered = "qconformal", sorted(table.groups)
        flags = (
            ["-m", method]
            + (["-w", "w"] if method == "weighted" and "w" in table.names else ["--decay", "0.9"] if method == "weighted" else [])
            + (["--given", "x"] if method == "conditional" else [])
        )
        flags += draw.choice([[], [], ["--by", "place"], ["--bounds", "-3,5"]]) if method != "conditional" else []
    outcome = trial.run(tool, *flags, *target, *digits, "-q", "t")
    if outcome.status != 0:
        trial.law("(refused tables)")
        return
    names, rows = parsed(outcome.out, dialect.delimiter)
    for group in answered:
        prefix = group + "_q" if group else "q"
        columns = [i for i, name in enumerate(names) if name.startswith(prefix) and name[len(prefix) :].replace(".", "", 1).isdigit()]
        columns.sort(key=lambda i: float(names[i][len(prefix) :]))
        if is_aggregate:
            trial.expect(columns, "qaggregate: no answer")
        for number_of_row, row in enumerate(rows, 2):
            values = [x for x in (value(row[i]) for i in columns) if x is not None]
            trial.expect(
                values == sorted(values), f"{tool} -m {method.partition(':')[0]}: line {number_of_row}: the answer of {group!r} falls: {values}"
            )
    trial.law(f"{tool}: answers rise with the level")
    owned = {table.names[place] for group in table.groups for place in table.quantiles(group)}
    before, after = rows_of(dialect.text(table), dialect, table), rows_of(outcome.out, dialect, table)
    trial.expect(len(before) == len(after), f"{tool}: another number of rows")
    for number_of_row, ((was, _), (now, _)) in enumerate(zip(before, after), 1):
        for name, field in was.items():
            trial.expect(name in owned or now.get(name) == field, f"{tool}: line {number_of_row}: column {name} changed")
    order = [name for name in names if name in table.names and name not in owned]
    trial.expect(order == [name for name in table.names if name not in owned], f"{tool}: columns changed their order")
    trial.law(f"{tool}: other columns pass through")


TRIALS = [(10, sorted_rows), (7, ordered_answers)]
