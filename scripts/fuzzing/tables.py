"""Random tables by the grammar of quantile-table(5), and a reader of delimited text and NDJSON that shares nothing with the tools'."""

import datetime
import json
import re
import zlib

LEVEL_SETS = [
    ["0.5"],
    ["0.1", "0.9"],
    ["0.1", "0.5", "0.9"],
    ["0.25", "0.5", "0.75"],
    ["0.05", "0.25", "0.5", "0.75", "0.95"],
    ["0.025", "0.1", "0.5"],
    ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"],
    ["0.01", "0.5", "0.99", "0.975"],
    ["0.2", "0.4"],
]
TEXTS = [
    "north",
    "south",
    "o'er",
    'w, "e"',
    "a;b",
    "tab\there",
    "two\nlines",
    "é",
    "日本",
    " lead",
    "trail ",
    "01",
    "1.0",
    "1",
    "1e0",
    "NA",
    "",
    "#",
    "{",
    "=1+1",
    "-",
    "\\n",
    "x" * 300,
]
PLACES = ["n", "s", 'w, "e"', "01", "1", "1.0", "é", "2024-01-31", ""]
MISSING = ["", "", "NA", "NaN", "null"]


class Table:
    """Columns, fields as text, and what they are for: `target`, `groups` of levels, `features`, `keys`, `time`, `fold`, `held`, `weight`."""

    def __init__(self, names, rows, groups, roles):
        self.names, self.rows, self.groups, self.roles = names, rows, groups, roles

    def column(self, name):
        return self.names.index(name)

    def quantiles(self, group):
        """Places of a group's columns, by rising level."""
        prefix = group + "_q" if group else "q"
        return [self.names.index(prefix + level) for level in sorted(self.groups[group], key=float)]

    def of(self, rows):
        return Table(self.names, rows, self.groups, self.roles)

    def repeated(self, times):
        """A table of many rows whose times stay in order."""
        rows = []
        time = self.roles.get("time")
        place = self.names.index(time) if time else -1
        ids = [i for i, name in enumerate(self.names) if name == "id"]
        for turn in range(times):
            for row in self.rows:
                row = list(row)
                if place >= 0:
                    row[place] = later(row[place], turn * len(self.rows))
                for i in ids:
                    row[i] = f"{row[i]}.{turn}"
                rows.append(row)
        return self.of(rows)


def moment(days, is_date):
    """A time: a number, or a date."""
    return str(datetime.date(2024, 1, 1) + datetime.timedelta(days)) if is_date else str(days)


def later(time, days):
    return moment((datetime.date.fromisoformat(time) - datetime.date(2024, 1, 1)).days + days, True) if "-" in time else str(int(time) + days)


def spelt(draw, value, plain=False):
    """A number as people and programs write it."""
    style = draw.randrange(4 if plain else 9)
    if style == 0:
        return "%.1f" % value
    if style == 1:
        return "%d" % value
    if style == 2:
        return repr(value)
    if style == 3:
        return "%.3f" % value
    if style == 4:
        return "%.2e" % value
    if style == 5:
        return ("%.2f" % value).replace("0.", ".", 1) if 0 < value < 1 else "%.0f." % value
    if style == 6:
        return "+%.2f" % value if value >= 0 else "%.2f" % value
    if style == 7:
        return "%.2E" % value
    return "%.17g" % value


def random_table(
    draw,
    rows=None,
    labelled=0.75,
    missing=0.05,
    infinite=0.03,
    groups=None,
    levels=None,
    fold=None,
    weight=None,
    target=None,
    crossing=0.3,
    plain=None,
    same_levels=False,
    texts=True,
    fixed_order=False,
):
    """A table whose quantiles know something of its targets, so that everything can be learnt from it."""
    count = rows if rows is not None else draw.choice([1, 2, 5, 12, 12, 40, 40, 40])
    plain = draw.random() < 0.7 if plain is None else plain
    groups = (
        groups
        if groups is not None
        else draw.choice([["a", "b"], ["a", "b"], ["a"], [""], ["a", "", "b"], ["my_model", "z"], ["q", "a"], ["é", "a b"]])
    )
    shared = levels or draw.choice(LEVEL_SETS)
    level_sets = {group: list(shared) if same_levels or levels or draw.random() < 0.7 else list(draw.choice(LEVEL_SETS)) for group in groups}
    fold = draw.random() < 0.5 if fold is None else fold
    weight = draw.random() < 0.15 if weight is None else weight
    target = target or draw.choice(["y", "y", "y", "observed", "target", "price"])
    names = ["id", target, "place", "x", "z", "day"] + (["note"] if texts else []) + (["fold"] if fold else []) + (["w"] if weight else [])
    quantiles = [(group + "_q" if group else "q") + level for group in groups for level in level_sets[group]]
    if draw.random() < 0.2:
        draw.shuffle(quantiles)
    names += quantiles
    if not fixed_order and draw.random() < 0.25:
        draw.shuffle(names)
    places = draw.sample(PLACES, draw.choice([1, 2, 3]))
    gap = (lambda: draw.choice(MISSING)) if not plain else (lambda: "")
    folds = draw.choice([2, 3])
    has_dates = draw.random() < 0.2
    table = []
    for i in range(count):
        x, noise = draw.gauss(0, 1), draw.gauss(0, 1)
        has_target = draw.random() < labelled
        row = {
            "id": str(i),
            target: spelt(draw, 3 * x + noise, plain) if has_target else gap(),
            "place": draw.choice(places),
            "x": spelt(draw, x, True) if draw.random() >= missing else gap(),
            "z": str(draw.randint(0, 4)),
            "day": moment(i // 2, has_dates),
            "note": draw.choice(TEXTS),
            "fold": str(i % folds) if has_target else "",
            "w": draw.choice(["1", "2", "0.5", "1", "0", "3"]),
        }
        for group in groups:
            shift = draw.gauss(0, 0.5)
            for level in level_sets[group]:
                value = 3 * x + shift + 2.5 * (float(level) - 0.5) + (draw.gauss(0, 1) if draw.random() < crossing else 0)
                text = spelt(draw, value, plain)
                chance = draw.random()
                if chance < missing:
                    text = gap()
                elif chance < missing + infinite:
                    text = "inf" if float(level) > 0.5 else "-inf" if float(level) < 0.5 else text
                row[(group + "_q" if group else "q") + level] = text
        table.append([row[name] for name in names])
    roles = {"target": target, "features": ["x", "z", "place"], "keys": ["place"], "time": "day"}
    if weight:
        roles["weight"] = "w"
    if fold:
        roles["fold"] = "fold"
    return Table(names, table, level_sets, roles)


def copied(draw, table, nested):
    """The rows with a column held: each once for each of three folds, or, where it is not nested, labelled ones once."""
    fold = table.column("fold")
    quantiles = {place for group in table.groups for place in table.quantiles(group)}
    rows = []
    folds = sorted({row[fold] for row in table.rows if row[fold]}) or ["0"]
    for row in table.rows:
        for held in folds if nested or row[fold] == "" else [row[fold]]:
            rows.append([field if place not in quantiles else spelt(draw, draw.gauss(0, 3), True) for place, field in enumerate(row)] + [held])
    return Table(table.names + ["held"], rows, table.groups, {**table.roles, "held": "held"})


class Dialect:
    """How a table is written down."""

    def __init__(self, draw=None, **more):
        self.kind, self.delimiter, self.end, self.quotes, self.mark, self.has_last_end, self.packing = "csv", ",", "\n", "needed", False, True, None
        if draw:
            self.kind = draw.choice(["csv", "csv", "tsv", "semicolon", "pipe", "ndjson", "csv"])
            self.end = draw.choice(["\n", "\n", "\n", "\r\n"])
            self.quotes = draw.choice(["needed", "needed", "some", "all"])
            self.mark = draw.random() < 0.1
            self.has_last_end = draw.random() < 0.85
            self.packing = draw.choice([None] * 9 + ["gzip", "members", "zstd"])
        vars(self).update(more)
        self.delimiter = {"tsv": "\t", "semicolon": ";", "pipe": "|"}.get(self.kind, ",")

    @property
    def flags(self):
        return ["-d", "|"] if self.kind == "pipe" else []

    def text(self, table, draw=None, header=True):
        if self.kind == "ndjson":
            data = ndjson(table.names, table.rows, self.end, draw)
        else:
            rows = [table.names] + table.rows if header else table.rows
            data = "".join(self.delimiter.join(self.field(field, draw) for field in row) + self.end for row in rows)
        if not self.has_last_end and (self.kind == "ndjson" or len(table.names) > 1):
            data = data[: len(data) - len(self.end)]
        return (b"\xef\xbb\xbf" if self.mark else b"") + data.encode()

    def field(self, text, draw):
        needs = any(c in text for c in (self.delimiter, '"', "\r", "\n"))
        if needs or self.quotes == "all" or self.quotes == "some" and draw and draw.random() < 0.2:
            return '"' + text.replace('"', '""') + '"'
        return text

    def data(self, table, draw=None, header=True):
        return packed(self.text(table, draw, header), self.packing)


def packed(text, packing):
    if packing == "gzip":
        return zlib.compress(text, wbits=31)
    if packing == "members":
        half = len(text) // 2
        return zlib.compress(text[:half], wbits=31) + zlib.compress(text[half:], wbits=31)
    if packing == "zstd":  # One frame of blocks that are stored: a magic number, the size, then each block's size.
        frame = b"\x28\xb5\x2f\xfd\xa0" + len(text).to_bytes(4, "little")
        blocks = [text[i : i + 65536] for i in range(0, len(text), 65536)] or [b""]
        for i, block in enumerate(blocks):
            frame += (len(block) << 3 | (i == len(blocks) - 1)).to_bytes(3, "little") + block
        return frame
    return text


def unpacked(data, packing):
    """The text that `packed` has packed."""
    if packing == "zstd":
        text, place = b"", 9
        while True:
            head = int.from_bytes(data[place : place + 3], "little")
            text += data[place + 3 : place + 3 + (head >> 3)]
            place += 3 + (head >> 3)
            if head & 1:
                return text
    if packing:
        text = b""
        while data:
            part = zlib.decompressobj(wbits=31)
            text += part.decompress(data)
            data = part.unused_data
        return text
    return data


JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")


def ndjson(names, rows, end="\n", draw=None):
    lines = []
    space = draw.choice(["", "", " "]) if draw else ""
    keys = [json.dumps(name, ensure_ascii=bool(draw) and draw.random() < 0.5) for name in names]
    for row in rows:
        members = []
        for key, text in zip(keys, row):
            value = text if JSON_NUMBER.match(text) else "null" if text in ("", "NA", "NaN", "null") else json.dumps(text, ensure_ascii=False)
            members.append(key + ":" + space + value)
        lines.append("{" + ("," + space).join(members) + "}" + end)
    return "".join(lines)


def records(data, delimiter=","):
    """Raw fields of each record of delimited text, quotes and all, and the record's line end."""
    delimiter = delimiter.encode()
    token = re.compile(rb'("(?:[^"]|"")*"|[^\r\n' + re.escape(delimiter) + rb"]*)(" + re.escape(delimiter) + rb"|\r?\n|\Z)")
    table, fields, place = [], [], 0
    while place < len(data):
        match = token.match(data, place)
        if not match:
            raise ValueError(f"no field at byte {place}")
        fields.append(match[1])
        place = match.end()
        if match[2] != delimiter:
            table.append((fields, match[2]))
            fields = []
        elif place == len(data):
            table.append((fields + [b""], b""))
    return table


def unquoted(field):
    return field[1:-1].replace(b'""', b'"') if field[:1] == b'"' and len(field) > 1 else field


def parsed(data, delimiter=","):
    """Names and rows of text, without quotes."""
    table = [[unquoted(field).decode("utf-8", "surrogateescape") for field in fields] for fields, _ in records(data, delimiter)]
    return (table[0], table[1:]) if table else ([], [])


MEMBER = re.compile(rb'\s*("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\s]+)\s*([,}])')


def members(line):
    """Spans of the raw values of an object of scalars, by key."""
    place = line.index(b"{") + 1
    spans = {}
    while True:
        match = MEMBER.match(line, place)
        if not match:
            raise ValueError(f"no member at byte {place}")
        spans[json.loads(match[1])] = match.span(2)
        place = match.end()
        if match[3] == b"}":
            return spans


def value(text):
    """The number that a field holds, or None where it is missing."""
    text = text.strip().strip('"')
    return None if text in ("", "NA", "NaN", "null", "nan") else float(text)


def split(draw, rows, parts=None, in_order=True, units=None):
    """The rows in some parts; units of rows that must stay together are numbers, rising along the rows."""
    parts = parts or draw.choice([2, 2, 3, 5])
    if in_order:
        cuts = sorted(draw.randint(0, len(rows)) for _ in range(parts - 1))
        if units:
            cuts = [next((c for c in range(cut, len(rows)) if c == 0 or units[c] != units[c - 1]), len(rows)) for cut in cuts]
        bounds = [0, *cuts, len(rows)]
        return [rows[a:b] for a, b in zip(bounds, bounds[1:])]
    pieces = [[] for _ in range(parts)]
    for row in rows:
        draw.choice(pieces).append(row)
    return pieces
