"""Random damage to bytes: flipped bits, lost and doubled pieces, and fields that have broken readers before."""

import re

HOSTILE = [
    b"",
    b"NA",
    b"null",
    b"NaN",
    b"nan",
    b"inf",
    b"-inf",
    b"1e999",
    b"-1e999",
    b"1e308",
    b"-1.7976931348623157e308",
    b"5e-324",
    b"-0",
    b"0",
    b"1e-400",
    b"99999999999999999999",
    b"9223372036854775807",
    b"-9223372036854775809",
    b"1e",
    b"0x10",
    b"1_000",
    b"+",
    b"-",
    b".",
    b"1.5.2",
    b"\xff\xfe",
    b"\x00",
    b"\xe2\x80\x8b",
    b'"',
    b'""',
    b'"a',
    b'"\\ud800"',
    b"{}",
    b"[",
    b"true",
    b"q0.5",
    b"0.1" * 200,
    b"1" * 400,
    b"a" * 70000,
]
NAMES = [
    b"q0.5",
    b"a_q0.5",
    b"q1.5",
    b"q0.0000000001",
    b"_q0.5",
    b"q.5",
    b"a_q",
    b"fold",
    b"y",
    b"held",
    b"",
    b"a_q0.1000000001",
    b"q" + b"0" * 400 + b".5",
]


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
            data[place:place] = draw.choice([b",", b'"', b"\n", b"\r", b"\t", b"\x00", b"{", b"}", b":", b"\\", b"\xff", b"\r\n", b"\xef\xbb\xbf"])
        elif kind == 4:
            data[place:place] = data[place:end] * draw.choice([1, 2, 50])
        elif kind == 5:
            del data[place:]
        elif kind == 6:
            other = draw.randint(0, len(data))
            data[place:place] = data[other : other + draw.choice([3, 30, 300])]
        elif kind in (7, 8):  # a hostile field
            fields = [m.span() for m in re.finditer(rb"[^,\t\n{}:]+", bytes(data))]
            if fields:
                start, stop = draw.choice(fields)
                data[start:stop] = draw.choice(HOSTILE)
        elif kind == 9:  # a hostile name in the first line
            line = data.find(b"\n")
            fields = [m.span() for m in re.finditer(rb"[^,\t\n{}:\"]+", bytes(data[: line if line >= 0 else len(data)]))]
            if fields:
                start, stop = draw.choice(fields)
                data[start:stop] = draw.choice(NAMES)
        else:  # a line elsewhere
            lines = bytes(data).split(b"\n")
            lines.insert(draw.randrange(len(lines) + 1), draw.choice(lines))
            data = bytearray(b"\n".join(lines))
    return bytes(data)
