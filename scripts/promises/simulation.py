"""What the simulations of promises share: how many tables they draw, the tools, and the binomial distribution."""

import math, os, subprocess, sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def settings(usage, tables):
    """The number of tables and the seed of the command line; ends with its usage where they are no numbers."""
    given = sys.argv[1:]
    if len(given) > 2 or any(not text.isdigit() for text in given):
        sys.exit(usage)
    return tuple(map(int, given)) + (tables, 1)[len(given):]


def run(tool, *arguments, table):
    """What a tool of the folder TOOLS (.build/release) answers to a table; ends with its message where it fails."""
    words = [os.path.join(os.environ.get("TOOLS") or os.path.join(ROOT, ".build/release"), tool), *arguments]
    result = subprocess.run(words, input=table.encode(), capture_output=True)
    if result.returncode:
        sys.exit(f"{tool} {' '.join(arguments)}: {result.stderr.decode()}")
    return result.stdout.decode()


def _chance(i, n, p):
    return math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p))


def at_most(k, n, p):
    """P(X <= k) of a binomial X."""
    return sum(_chance(i, n, p) for i in range(k + 1))


def at_least(k, n, p):
    """P(X >= k) of a binomial X."""
    return sum(_chance(i, n, p) for i in range(k, n + 1))
