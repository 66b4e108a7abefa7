"""Tables of a directory as the parts of scripts/bench draw from them."""

import os, re, sys
import numpy as np
import pandas as pd

MISSING = {"", "NA", "NaN", "nan", "null"}


def files(directory):
    """Names of the tables of a directory, sorted."""
    found = sorted(name for name in os.listdir(directory) if name.endswith((".csv", ".csv.gz")))
    if not found:
        sys.exit(f"bench: no .csv or .csv.gz in {directory}")
    return found


def numbers(column):
    """The column as numbers, NaN where missing; None where it holds categories."""
    present = ~column.str.strip().isin(MISSING)
    try:
        return np.where(present, pd.to_numeric(column.where(present, "0")), np.nan).astype(float)
    except ValueError:
        return None


def drawn(path, most, seed=1):
    """A draw of at most that many rows as text, the same whatever the machine; which of them, a fifth, are the test set; the target,
    the last column; the number of rows there are. None where the target holds categories."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    target = numbers(table[table.columns[-1]])
    if target is None:
        print(f"bench: {os.path.basename(path)}: the last column holds categories; left out", file=sys.stderr)
        return None
    table = table[np.isfinite(target)]
    chosen = np.random.default_rng(seed).permutation(len(table))[:most]
    table = table.iloc[chosen].reset_index(drop=True)
    return table, np.arange(len(table)) < len(table) // 5, numbers(table[table.columns[-1]]), len(target)


def blanked(table, test, path):
    """Writes the table as CSV, the target of the test rows empty."""
    table = table.copy()
    table.loc[test, table.columns[-1]] = ""
    table.to_csv(path, index=False)


def print_table(title, names, rows):
    print(f"\n{title}")
    text = lambda value: "" if value is None else value if isinstance(value, str) else format(value, ".4g")
    rows = [[name, *map(text, values)] for name, *values in rows]
    width = max(len(name) for name, *_ in rows)
    cells = [max(11, 2 + max(map(len, column))) for column in zip(names, *(values for _, *values in rows))]
    for name, *values in [["", *names], *rows]:
        print((f"{name:{width}}" + "".join(f"{value:>{cell}}" for value, cell in zip(values, cells))).rstrip(), flush=True)


QUANTILE = re.compile(r"(?:(.*)_)?q(0?\.[0-9]+)")


def read_table(path):
    """A CSV that a filter wrote; empty fields are NaN."""
    return pd.read_csv(path, float_precision="round_trip")


def groups(table):
    """Names of the quantile groups of a table, in its order."""
    return list(dict.fromkeys(found.group(1) or "" for found in map(QUANTILE.fullmatch, table.columns) if found))


def quantiles(table, group):
    """Levels of a group, increasing, and its quantiles, rows × levels."""
    columns = sorted((float(found.group(2)), found.group(0)) for found in map(QUANTILE.fullmatch, table.columns) if found and (found.group(1) or "") == group)
    return np.array([level for level, _ in columns]), table[[name for _, name in columns]].to_numpy(float)
