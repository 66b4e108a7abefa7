"""Model, state and score files: a line of JSON with the length and the checksum of the binary body after it, made anew over anything."""

import json
import re
import zlib

from damage import damage

VALUES = [
    0,
    1,
    2,
    3,
    7,
    255,
    2**16,
    2**24,
    2**31,
    2**32,
    2**40,
    2**53,
    2**62,
    2**63 - 1,
    2**63,
    2**64 - 1,
    0x7FF0000000000000,
    0x7FF8000000000000,
    0xFFF0000000000000,
    0x3FF0000000000000,
]


def opened(data):
    """The header line without its end, and the body."""
    line, _, body = data.partition(b"\n")
    return line, body


def signed(line, body):
    """The line with the body's length and checksum."""
    line = re.sub(rb'"bytes":\d+', b'"bytes":%d' % len(body), line)
    blank = re.sub(rb'"checksum":"[^"]{8}"', b'"checksum":"00000000"', line) + b"\n"
    checksum = b"%08x" % zlib.crc32(body, zlib.crc32(blank))
    return blank.replace(b'"checksum":"00000000"', b'"checksum":"' + checksum + b'"') + body


def changed_body(draw, body, other):
    """A few changes at places of eight bytes, of which bodies are made: counts, doubles and lengths of texts; some from another body."""
    body = bytearray(body)
    for _ in range(draw.choice([1, 1, 1, 2, 5])):
        if not body:
            break
        place = draw.randrange(len(body))
        width = draw.choice([1, 8, 8])
        place -= place % width
        kind = draw.randrange(7)
        if kind == 0:
            body[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            body[place : place + 8] = draw.choice(VALUES).to_bytes(8, "little")
        elif kind == 2:
            del body[place : place + width]
        elif kind == 3:
            body[place:place] = body[draw.randrange(len(body)) :][:width]
        elif kind == 4:
            del body[place:]
        elif kind == 5:  # A small count becomes one that is near it.
            number = int.from_bytes(body[place : place + 8], "little")
            body[place : place + 8] = ((number + draw.choice([-1, 1, 2, 8])) % 2**64).to_bytes(8, "little")
        else:
            start = draw.randrange(len(other) // 8 + 1) * 8
            body[place:] = other[start:]
    return bytes(body)


def changed_line(draw, line, other):
    """Members of the header left out, doubled, or taken from another header."""
    if draw.random() < 0.2:
        return damage(draw, line).replace(b"\n", b" ")
    header, foreign = json.loads(line), json.loads(other)
    for _ in range(draw.choice([1, 1, 2])):
        name = draw.choice([name for name in sorted(set(header) | set(foreign)) if name not in ("bytes", "checksum")])
        if name in foreign and draw.random() < 0.6:
            header[name] = foreign[name]
        elif isinstance(header.get(name), list) and header[name]:
            place = draw.randrange(len(header[name]))
            change = draw.randrange(4)
            if change == 0:
                del header[name][place]
            elif change == 1:
                header[name].insert(place, header[name][place])
            elif change == 2:
                draw.shuffle(header[name])
            else:
                header[name][place] = draw.choice(["zz", "", 0.5, 0.75, -1, None, [], "q0.5"])
        elif name in header:
            header[name] = draw.choice([None, 0, 1, 2, -1, 1e300, "", "aci", "cqr", "linear", "best", [], {}, [0.1, 0.5], ["a", "b"], {"a": "1"}])
    header["bytes"], header["checksum"] = 0, "00000000"
    return json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()


def crafted(draw, file, other):
    """A file with a right length and checksum whose parts do not belong together."""
    line, body = opened(file)
    foreign_line, foreign_body = opened(other)
    kind = draw.randrange(6)
    if kind == 0:
        return signed(line, foreign_body)
    if kind == 1:
        return signed(changed_line(draw, line, foreign_line), body)
    if kind == 2:
        return signed(changed_line(draw, line, foreign_line), changed_body(draw, body, foreign_body))
    return signed(line, changed_body(draw, body, foreign_body))


def damaged(draw, file):
    """Random damage, half of the time behind a checksum and a length that agree with it, so that what reads the body sees it too."""
    if draw.random() < 0.5:
        return damage(draw, file)
    line, body = opened(file)
    if draw.random() < 0.7:
        return signed(line, changed_body(draw, body, body))
    return signed(damage(draw, line).replace(b"\n", b" "), body)
