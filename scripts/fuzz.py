"""The driver of scripts/fuzz. Trial i of a seed is always the same: what it damages and what it runs follow from both numbers."""
import argparse
import concurrent.futures
import json
import os
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import zlib

STATUSES = {0, 1, 64, 65, 66, 73, 74}
TIME_LIMIT = 20
MEMORY_LIMIT = 4 << 30

HOSTILE = [
    b"", b"NA", b"null", b"NaN", b"nan", b"inf", b"-inf", b"1e999", b"-1e999", b"1e308", b"-1.7976931348623157e308", b"5e-324", b"-0",
    b"0", b"1e-400", b"99999999999999999999", b"9223372036854775807", b"-9223372036854775809", b"1e", b"0x10", b"1_000", b"+", b"-", b".", b"1.5.2",
    b"\xff\xfe", b"\x00", b"\xe2\x80\x8b", b"\"", b"\"\"", b"\"a", b"\"\\ud800\"", b"{}", b"[", b"true", b"q0.5", b"0.1" * 200, b"1" * 400, b"a" * 70000,
]
NAMES = [b"q0.5", b"a_q0.5", b"q1.5", b"q0.0000000001", b"_q0.5", b"q.5", b"a_q", b"fold", b"y", b"held", b"", b"a_q0.1000000001", b"q" + b"0" * 400 + b".5"]


def number(draw):
    return draw.choice([lambda: "%g" % draw.gauss(0, 10), lambda: str(draw.randint(-5, 5)), lambda: repr(draw.gauss(0, 1e6)), lambda: "%.3e" % draw.gauss(0, 1)])()


def quantile_rows(draw, rows):
    """Rows of a target, a fold, a label, a feature, and two groups of three levels."""
    names = ["y", "fold", "place", "x", "a_q0.1", "a_q0.5", "a_q0.9", "b_q0.1", "b_q0.5", "b_q0.9"]
    table = []
    for i in range(rows):
        row = [number(draw) if draw.random() < 0.8 else "", str(i % 3), draw.choice(["n", "s", "w, \"e\""]), number(draw)]
        row += [number(draw) for _ in range(6)]
        table.append(row)
    return names, table


def copied(draw, names, rows, nested):
    """The rows with a column held: each once for each of three folds, or, where it is not nested, labelled ones once."""
    table = []
    for row in rows:
        for held in range(3) if nested or row[0] == "" else [int(row[1])]:
            table.append([*row[:2], str(held), *row[2:4], *(number(draw) for _ in row[4:])])
    return [*names[:2], "held", *names[2:]], table


def as_csv(names, rows, delimiter=",", end="\n"):
    def field(text):
        return '"' + text.replace('"', '""') + '"' if any(c in text for c in delimiter + '"\r\n') else text
    return "".join(delimiter.join(map(field, row)) + end for row in [names] + rows).encode()


def as_ndjson(names, rows):
    lines = []
    for row in rows:
        members = []
        for name, text in zip(names, row):
            is_number = re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", text)
            members.append(json.dumps(name) + ":" + (text if is_number else "null" if text == "" else json.dumps(text)))
        lines.append("{" + ",".join(members) + "}\n")
    return "".join(lines).encode()


def damage(draw, data):
    """A few random changes of bytes, pieces, fields or lines."""
    data = bytearray(data)
    for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
        place = draw.randint(0, len(data))
        end = min(len(data), place + draw.choice([1, 1, 2, 5, 40]))
        kind = draw.randrange(11)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del data[place:end]
        elif kind == 2:
            data[place:place] = bytes(draw.randrange(256) for _ in range(draw.randint(1, 4)))
        elif kind == 3:
            data[place:place] = draw.choice([b",", b"\"", b"\n", b"\r", b"\t", b"\x00", b"{", b"}", b":", b"\\", b"\xff", b"\r\n", b"\xef\xbb\xbf"])
        elif kind == 4:
            data[place:place] = data[place:end] * draw.choice([1, 2, 50])
        elif kind == 5:
            del data[place:]
        elif kind == 6:
            other = draw.randint(0, len(data))
            data[place:place] = data[other:other + draw.choice([3, 30, 300])]
        elif kind in (7, 8):  # a hostile field
            fields = [m.span() for m in re.finditer(rb"[^,\t\n{}:]+", bytes(data))]
            if fields:
                start, stop = draw.choice(fields)
                data[start:stop] = draw.choice(HOSTILE)
        elif kind == 9:  # a hostile name in the first line
            line = data.find(b"\n")
            fields = [m.span() for m in re.finditer(rb"[^,\t\n{}:\"]+", bytes(data[:line if line >= 0 else len(data)]))]
            if fields:
                start, stop = draw.choice(fields)
                data[start:stop] = draw.choice(NAMES)
        else:  # a line elsewhere
            lines = bytes(data).split(b"\n")
            lines.insert(draw.randrange(len(lines) + 1), draw.choice(lines))
            data = bytearray(b"\n".join(lines))
    return bytes(data)


def damage_model(draw, data):
    """Damage, half of the time behind a checksum and a length that agree with it, so that what reads the body sees it too."""
    if draw.random() < 0.5:
        return damage(draw, data)
    line, _, body = data.partition(b"\n")
    body = bytearray(body)
    if draw.random() < 0.7 and body:
        for _ in range(draw.choice([1, 1, 2, 5])):
            place = draw.randrange(len(body))
            width = draw.choice([1, 8])
            place -= place % width
            kind = draw.randrange(4)
            if kind == 0:
                body[place] ^= 1 << draw.randrange(8)
            elif kind == 1:
                value = draw.choice([0, 1, 2, 255, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 0x7FF0000000000000, 0x7FF8000000000000, 0xFFF0000000000000])
                body[place:place + 8] = value.to_bytes(8, "little")
            elif kind == 2:
                del body[place:place + width]
            else:
                body[place:place] = body[draw.randrange(len(body)):][:width]
            if not body:
                break
    else:
        line = damage(draw, line).replace(b"\n", b" ")
    line = re.sub(rb'"bytes":\d+', b'"bytes":%d' % len(body), line)
    blank = re.sub(rb'"checksum":"[^"]{8}"', b'"checksum":"00000000"', line) + b"\n"
    checksum = b"%08x" % zlib.crc32(bytes(body), zlib.crc32(blank))
    return blank.replace(b'"checksum":"00000000"', b'"checksum":"' + checksum + b'"') + bytes(body)


class Fuzzer:
    def __init__(self, tools, findings, seed):
        self.tools = os.path.abspath(tools)
        self.findings = os.path.abspath(findings)
        self.seed = seed
        self.models = {}
        self.found = []
        self.statuses = {}
        self.learn()

    def tool(self, name):
        return os.path.join(self.tools, name)

    def learn(self):
        """One model file of each kind, of an undamaged table."""
        draw = random.Random(f"models {self.seed}")
        table = as_csv(*quantile_rows(draw, 40))
        copies = as_csv(*copied(draw, *quantile_rows(draw, 40), True))
        with tempfile.TemporaryDirectory() as folder:
            for name, command in {
                "copied": "qfit -x x -l linear,marginal --levels 2 --cv-plus", "copied weights": "qaggregate", "cv+": "qconformal -m cv+",
                "linear": "qfit -x x,place -l linear --levels 0.1,0.9 --new-only", "forest": "qfit -x x,place -l forest:trees=3 --levels 0.1,0.9 --new-only",
                "marginal": "qfit -x x -l marginal --new-only", "average": "qaggregate -m average", "best": "qaggregate -m best",
                "weights": "qaggregate", "cqr": "qconformal",
            }.items():
                path = os.path.join(folder, name)
                words = command.split()
                subprocess.run([self.tool(words[0]), *words[1:], "--save", path], input=copies if name in ("copied weights", "cv+") else table, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
                with open(path, "rb") as file:
                    self.models[name] = (words[0], file.read())
            path = os.path.join(folder, "state")
            subprocess.run([self.tool("qconformal"), "-q", "-m", "aci", "--by", "place", "--state", path], input=table, stdout=subprocess.DEVNULL, check=True)
            with open(path, "rb") as file:
                self.state = file.read()
            run = subprocess.run([self.tool("qscore"), "-q", "--partial", "--by", "place"], input=table, capture_output=True, check=True)
            self.part = run.stdout

    def reshaped(self, format, table):
        """The table in another format."""
        return subprocess.run([self.tool("qreshape"), "-q", "--from", "wide", "--to", format], input=table, capture_output=True, check=True).stdout

    def trial(self, i):
        """The words of a command and the files it reads."""
        draw = random.Random(f"{self.seed} {i}")
        names, rows = quantile_rows(draw, draw.choice([1, 2, 5, 12, 40]))
        if has_copies := draw.random() < 0.25:
            names, rows = copied(draw, names, rows, draw.random() < 0.5)
        format = draw.choice(["csv", "csv", "tsv", "ndjson", "semicolon", "crlf"])
        if format == "ndjson":
            table = as_ndjson(names, rows)
        else:
            table = as_csv(names, rows, {"tsv": "\t", "semicolon": ";"}.get(format, ","), "\r\n" if format == "crlf" else "\n")
        flags = ["-d", ";"] if format == "semicolon" else []
        files = {}
        if draw.random() < 0.35:
            tool, model = self.models[draw.choice(sorted(self.models))]
            files["m"] = damage_model(draw, model)
            words = [tool, "--load", "m"]
            if draw.random() < 0.3:
                table = damage(draw, table)
        else:
            table = damage(draw, table)
            words = draw.choice([
                ["qsort"], ["qsort", "--report", "-m", draw.choice(["sort", "pava", "minmax"])], ["qsort", "-g", "a"],
                ["qscore"], ["qscore", "--per-row"], ["qscore", "--by", "place"], ["qscore", "--per-level"], ["qscore", "--partial"], ["qscore", "-w", "fold"],
                ["qconformal"], ["qconformal", "--new-only"], ["qconformal", "-m", "asymmetric", "--by", "place"], ["qconformal", "-m", "distributional", "--decay", "0.9"], ["qconformal", "-g", "a", "--as", "c"],
                ["qconformal", "-m", draw.choice(["aci:window=3", "dtaci", "agaci", "sf-ogd", "saocp", "pid"]), "--by", "place", "--order", "x"], ["qconformal", "-m", "agaci", "--new-only"], ["qconformal", "-m", "aci", "--by", "place", "--state", "s"],
                ["qaggregate"], ["qaggregate", "-m", draw.choice(["average", "median", "best"])], ["qaggregate", "--describe"], ["qaggregate", "--keep", "-w", "fold"],
                ["qfit", "-x", "x,place", "-l", "linear", "--levels", "0.1,0.9"], ["qfit", "-x", "x,place", "-l", "forest:trees=3", "--levels", "4"],
                ["qfit", "-l", "marginal", "--group", "place", "--exclude", "fold", "--folds", "2"], ["qfit", "-l", "linear,marginal", "--levels", "3", "--new-only"],
                ["qscore", "--merge"],
                ["qscore", "--compare", "--order", "fold", "--bootstrap", "9", "--permutations", "20"], ["qscore", "--compare", "--blocks", "place", "--score", "ae_median"],
                ["qscore", "--decompose", "--by", "place"], ["qscore", "--reliability"], ["qscore", "--pit", "--bins", "7"],
                ["qscore", "--transform", "log_shift:1", "--append"], ["qscore", "--crps", "--above", "0", "--per-row"], ["qscore", "--fail-if", "wis > 1"],
                ["qreshape"], ["qreshape", "--to", draw.choice(["hub", "scoringutils", "nested", "nixtla", "darts", "percent", "autogluon"]), "--from", "wide"],
                ["qreshape", "--from", draw.choice(["hub", "scoringutils", "nested"]), "--to", draw.choice(["wide", "nested", "hub"])],
            ])
            if has_copies and draw.random() < 0.7:
                words = draw.choice([
                    ["qconformal", "-m", "cv+"], ["qconformal", "-m", "cv+", "--by", "place"], ["qconformal", "-m", "cv+", "--new-only", "-w", "fold"],
                    ["qaggregate"], ["qaggregate", "-m", "best", "--describe"], ["qaggregate", "-m", "best", "--new-only"],
                ])
            elif words[0] == "qfit" and draw.random() < 0.3:
                words = words + [draw.choice(["--cv-plus", "--nested"])]
            if words[-1] == "s" and draw.random() < 0.7:
                files["s"] = damage_model(draw, self.state)
            if words == ["qscore", "--merge"]:
                table = damage(draw, self.part)
                flags = []
            if words[:2] == ["qreshape", "--from"]:
                table = damage(draw, self.reshaped(words[2], as_csv(names, rows)))
                words = words + draw.choice([[], ["--sorted"], ["--memory", "0"], ["--models", "a,b"], ["--truth", "t", "--on", "place"]])
                flags = []
        for extra, share in [
            (["--output", draw.choice(["csv", "tsv", "ndjson"])], 0.25), (["--input", draw.choice(["csv", "tsv", "ndjson"])], 0.05), (["--on-error", "skip"], 0.3),
            (["--digits", draw.choice(["0", "3", "17"])], 0.1), (["--no-header", "--columns", ",".join(names)], 0.05), (["--explain"], 0.02), (["--threads", "2"], 0.3),
        ]:
            if draw.random() < share and not ("-d" in flags and "--input" in extra):
                flags = flags + extra
        if "--load" not in words and "--merge" not in words and words[0] != "qsort" and draw.random() < 0.05:
            flags = flags + ["-y", draw.choice(names)]
        files["t"] = zlib.compress(table, wbits=31) if draw.random() < 0.05 else table
        if draw.random() < 0.02:
            files["t"] = damage(draw, files["t"])
        return words + flags + ["t"] * draw.choice([1, 1, 1, 1, 2]), files

    def verdict(self, words, files, folder):
        """Runs a trial; returns what is wrong with it, or nothing."""
        def limit():
            if self.limits_memory:
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        environment = {key: value for key, value in os.environ.items() if key != "QTARGET"}
        try:
            run = subprocess.run(
                [self.tool(words[0]), *words[1:]], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME_LIMIT, preexec_fn=limit, env=environment)
        except subprocess.TimeoutExpired:
            return f"no end after {TIME_LIMIT} s"
        self.statuses[run.returncode] = self.statuses.get(run.returncode, 0) + 1
        if run.returncode < 0:
            return f"signal {signal.Signals(-run.returncode).name}"
        if run.returncode not in STATUSES:
            return f"status {run.returncode}"
        messages = run.stderr.split(b"\n")
        if messages[-1:] != [b""] or any(not line.startswith(words[0].encode() + b": ") for line in messages[:-1]):
            return "messages that are not one line each"
        if run.returncode != 0 and len(messages) < 2:
            return "a failure without a message"
        if run.returncode == 0 and "--explain" not in words and words[-1] == "t":
            is_json = "ndjson" in words[words.index("--output") + 1:][:1] if "--output" in words else False
            # Objects that come in keep what Python writes of NaN; what is made of delimited text is JSON throughout.
            if is_json and not files["t"].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and "--input" not in words:
                for line in run.stdout.split(b"\n")[:-1]:
                    try:
                        json.loads(line.decode(), parse_constant=lambda name: 1 / 0)
                    except (ValueError, ZeroDivisionError):
                        return "output that is no JSON"
        return None

    def run(self, i):
        words, files = self.trial(i)
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(content)
            wrong = self.verdict(words, files, folder)
            if wrong:
                kept = os.path.join(self.findings, f"seed-{self.seed}-trial-{i}")
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(folder, kept)
                with open(os.path.join(kept, "command"), "w") as file:
                    file.write(f"# {wrong}\n{shlex.join(words)}\n")
                self.found.append(kept)
                print(f"{wrong}: {shlex.join(words)} in {kept}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tools", required=True)
    parser.add_argument("--findings", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--trial", type=int, help="run this trial alone")
    parser.add_argument("--any-memory", action="store_true", help="limit no address space, of which a sanitizer reserves terabytes")
    options = parser.parse_args()
    fuzzer = Fuzzer(options.tools, options.findings, options.seed)
    fuzzer.limits_memory = not options.any_memory
    if options.trial is not None:
        fuzzer.run(options.trial)
    else:
        end = time.monotonic() + options.seconds
        trials = iter(range(1 << 60))
        def work():
            done = 0
            while time.monotonic() < end:
                fuzzer.run(next(trials))
                done += 1
            return done
        workers = os.cpu_count() or 1
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            done = sum(future.result() for future in [pool.submit(work) for _ in range(workers)])
        statuses = ", ".join(f"{count} of status {status}" for status, count in sorted(fuzzer.statuses.items()))
        print(f"{done} trials with seed {options.seed}: {len(fuzzer.found)} findings ({statuses})")
    raise SystemExit(1 if fuzzer.found else 0)


if __name__ == "__main__":
    main()
