"""Export files and mappings broken in the ways that files break, from a seed, and a count of their rows.

Each row of a whole file bears a mark of its own, `K000123K`, as its id. Whatever is done to the file, the marks that
its bytes still hold are told by a search through them: each has to come out in a value, or a row be set aside for it,
or the file be named as damaged.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter  # type: ignore[import-untyped]

from opslib.errors import ExportError, OpslibError
from opslib.intake.mapping.map_file import map_file
from opslib.intake.mapping.sources import SourceMapping, load_source
from opslib.intake.reading.read import open_export
from opslib.settings import ReadingLimits

MARK = re.compile(rb"K\d{6}K")
COLUMNS = ("ticket_id", "created_at", "status", "team", "description")
LIMITS = ReadingLimits(unpacked_megabytes=300, value_megabytes=8, cells=2_000_000)
"""Under which the files are read, so that a bomb need not be large to be one."""
_TEXTS = ("plain", 'with "quotes"', "a, comma; and\ttab", "two\nlines", "", "é ü 日本", "=1+2", "{[", '5" disk')

MAPPING = """\
description: what is mutated
zone: UTC
time: iso
feeds:
  - table: tickets
    files: ["tickets*"]
    columns:
      ticket_id: ticket_id
      created_at: {from: created_at, time: [iso, "%d.%m.%Y %H:%M"]}
      status: {from: status, values: {open: open, closed: closed}, else: open}
      team: {from: team, missing: t1}
      description: {from: description, extract: "(.*)"}
"""

Rows = list[dict[str, str]]
Form = str


@dataclass(frozen=True)
class Mutant:
    """A broken file: its name, its bytes, the mapping that it is read with, and what was done to it."""

    name: str
    content: bytes
    mapping: str
    done: tuple[str, ...]


def mutant(seed: int) -> Mutant:
    """The broken file of a seed: always the same one."""
    chance = random.Random(seed)
    form = chance.choice(list(WRITERS))
    rows = [
        {
            "ticket_id": f"K{chance.randrange(1_000_000):06d}K",
            "created_at": f"2026-11-{chance.randrange(1, 29):02d}T10:00:00Z",
            "status": chance.choice(["open", "closed"]),
            "team": "t1",
            "description": chance.choice(_TEXTS),
        }
        for _ in range(chance.choice([1, 3, 40, 400]))
    ]
    content, done = WRITERS[form](rows, chance), [form]
    for _ in range(chance.choice([1, 1, 2, 3])):
        name, change = chance.choice([*_OF_FORM.get(form, ()), *_OF_ANY])
        content = change(content, chance)
        done.append(name)
    for packing in ("gz", "zip") if form in ("csv", "json", "jsonl") else ():
        if chance.random() < 0.15:
            form, content = f"{form}.gz" if packing == "gz" else "zip", _PACKED[packing](content, form, chance)
            done.append(packing)
            if chance.random() < 0.5:
                name, change = chance.choice([*_OF_FORM[packing], *_OF_ANY])
                content = change(content, chance)
                done.append(name)
            break
    mapping = MAPPING
    if chance.random() < 0.2:
        name, change_text = chance.choice(_OF_MAPPING)
        mapping = change_text(mapping, chance)
        done.append(name)
    return Mutant(f"tickets-{seed}.{form}", content, mapping, tuple(done))


def _csv(rows: Rows, chance: random.Random) -> bytes:
    separator, end = chance.choice([",", ";", "\t"]), chance.choice(["\n", "\r\n"])
    lines = [list(COLUMNS), *(list(row.values()) for row in rows)]
    quoted = [
        [f'"{v.replace(chr(34), chr(34) * 2)}"' if re.search(r'[",;\s]', v) else v for v in line] for line in lines
    ]
    text = end.join(separator.join(line) for line in quoted) + end
    return text.encode(chance.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"]))


def _json(rows: Rows, chance: random.Random) -> bytes:
    half = len(rows) // 2
    layouts: list[Callable[[], str]] = [
        lambda: json.dumps(rows),
        lambda: json.dumps(rows, indent=2, ensure_ascii=False),
        lambda: json.dumps(rows[:half]) + "\n" + json.dumps(rows[half:]),
        lambda: json.dumps({"count": len(rows), "rows": 1}) + json.dumps(rows),
    ]
    return chance.choice(layouts)().encode()


def _json_lines(rows: Rows, chance: random.Random) -> bytes:
    if chance.random() < 0.3:
        return "".join(json.dumps(rows[at : at + 3]) + "\n" for at in range(0, len(rows), 3)).encode()
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _workbook(rows: Rows, chance: random.Random) -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    for number, line in enumerate([COLUMNS, *(tuple(row.values()) for row in rows)]):
        for column, value in enumerate(line):
            sheet.write_string(number, column, value)
    book.close()
    return stream.getvalue()


def _parquet(rows: Rows, chance: random.Random) -> bytes:
    stream = io.BytesIO()
    compression = chance.choice(["none", "snappy", "zstd"])
    pq.write_table(pa.Table.from_pylist(rows), stream, row_group_size=chance.choice([7, 1000]), compression=compression)
    return stream.getvalue()


WRITERS: dict[Form, Callable[[Rows, random.Random], bytes]] = {
    "csv": _csv,
    "json": _json,
    "jsonl": _json_lines,
    "xlsx": _workbook,
    "parquet": _parquet,
}


def _gz(content: bytes, form: str, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return gzip.compress(content[:at], mtime=0) + gzip.compress(content[at:], mtime=0)


def _zip(content: bytes, form: str, chance: random.Random) -> bytes:
    stream = io.BytesIO()
    method = chance.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_LZMA])
    names = chance.choice([["a"], ["a", "b"], ["a", "a"], ["../a"], ["x" * 300], ["a[1]"], ["é\n"]])
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name in names:
            archive.writestr(f"{name}.{form}", content)
        if chance.random() < 0.2:
            archive.writestr("empty.csv", b"")
    return stream.getvalue()


_PACKED = {"gz": _gz, "zip": _zip}

Change = Callable[[bytes, random.Random], bytes]


def _at(content: bytes, chance: random.Random) -> int:
    return chance.randrange(len(content) + 1)


def _with(inserted: Callable[[random.Random], bytes]) -> Change:
    """Something is put somewhere."""

    def change(content: bytes, chance: random.Random) -> bytes:
        at = _at(content, chance)
        return content[:at] + inserted(chance) + content[at:]

    return change


def _at_end(inserted: bytes) -> Change:
    return lambda content, chance: content + inserted


def _at_start(inserted: bytes) -> Change:
    return lambda content, chance: inserted + content


def _one_replaced(old: bytes, new: bytes) -> Change:
    """One of the places where something stands becomes something else."""

    def change(content: bytes, chance: random.Random) -> bytes:
        places = [found.start() for found in re.finditer(re.escape(old), content)]
        if not places:
            return content
        at = chance.choice(places)
        return content[:at] + new + content[at + len(old) :]

    return change


def _flipped(content: bytes, chance: random.Random) -> bytes:
    broken = bytearray(content)
    for _ in range(chance.choice([1, 3, 20])):
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
    return bytes(broken)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: max(1, _at(content, chance))]


def _piece_lost(content: bytes, chance: random.Random) -> bytes:
    start, end = sorted((_at(content, chance), _at(content, chance)))
    return content[:start] + content[end:] or content


def _piece_twice(content: bytes, chance: random.Random) -> bytes:
    start, end = sorted((_at(content, chance), _at(content, chance)))
    return content[:end] + content[start:end] + content[end:]


_OF_ANY: list[tuple[str, Change]] = [
    ("bits flipped", lambda content, chance: _flipped(content, chance) if content else content),
    ("cut", _cut),
    ("a piece lost", _piece_lost),
    ("a piece twice", _piece_twice),
    ("nul bytes", _with(lambda chance: bytes(chance.choice([1, 500])))),
]


def _in_members(change: Change) -> Change:
    """A change within one part of a workbook, which is packed anew so that only what it says is wrong."""

    def packed(content: bytes, chance: random.Random) -> bytes:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                parts = {name: archive.read(name) for name in archive.namelist()}
        except (zipfile.BadZipFile, zlib.error, ValueError, struct.error, EOFError, NotImplementedError, RuntimeError):
            return content
        name = chance.choice([name for name in sorted(parts) if "sheet1" in name or "shared" in name] or sorted(parts))
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for part, text in parts.items():
                archive.writestr(part, change(text, chance) if part == name else text)
        return stream.getvalue()

    return packed


def _field_of_zip(offset: int, value: int) -> Change:
    """One byte of a member's entry in the list at the end of a zip, and of its own header where that has it too."""

    def change(content: bytes, chance: random.Random) -> bytes:
        broken = bytearray(content)
        entry = content.find(b"PK\x01\x02")
        if entry >= 0 and entry + offset < len(broken):
            broken[entry + offset] = value
            if content[:4] == b"PK\x03\x04" and offset in (8, 10):
                broken[offset - 2] = value
        return bytes(broken)

    return change


_OF_JSON: list[tuple[str, Change]] = [
    ("a bracket lost", _one_replaced(b"{", b"")),
    ("a bracket lost", _one_replaced(b"]", b"")),
    ("a bracket more", _one_replaced(b"}", b"}}")),
    ("a quote lost", _one_replaced(b'"', b"")),
    ("a comma lost", _one_replaced(b",", b" ")),
    ("deep", _one_replaced(b'"open"', b"[" * 20_000 + b"]" * 20_000)),
    ("deep objects", _one_replaced(b'"t1"', b'{"a":' * 3_000 + b"1" + b"}" * 3_000)),
    ("NaN", _one_replaced(b'"t1"', b"NaN")),
    ("a number of digits", _one_replaced(b'"t1"', b"9" * 6_000)),
    ("a key twice", _one_replaced(b'"team"', b'"status"')),
    ("a long value", _one_replaced(b'"t1"', b'"' + b"y" * 300_000 + b'"')),
    ("an error", _at_end(b'{"error": "slow down"}')),
    ("text behind", _at_end(b"done.")),
    ("text before", _at_start(b"here it is:\n")),
    ("a value behind", _at_end(b"null")),
    ("a lone half of a character", _one_replaced(b"t1", b"\\ud800")),
]
_OF_FORM: dict[str, list[tuple[str, Change]]] = {
    "csv": [
        ("a quote", _with(lambda chance: b'"')),
        ("quotes", _with(lambda chance: b'"""')),
        ("a line end", _with(lambda chance: chance.choice([b"\n", b"\r", b"\r\n\r\n"]))),
        ("a separator", _with(lambda chance: chance.choice([b",", b";", b"\t"]))),
        ("a long field", _with(lambda chance: b"y" * chance.choice([140_000, 9_000_000]))),
        ("sep=", _at_start(b"sep=,\r\n")),
        ("no header", lambda content, chance: content.partition(b"\n")[2] or content),
        ("lines above", _at_start(b"Report of the week\n\n")),
        ("header twice", lambda content, chance: content + content.partition(b"\n")[0] + b"\n"),
        ("odd bytes", _with(lambda chance: bytes(chance.randrange(128, 256) for _ in range(5)))),
        ("no last line end", lambda content, chance: content.rstrip(b"\r\n")),
        ("a name twice", _one_replaced(b"status", b"team")),
        ("wide", _at_start(b"," * 3_000)),
    ],
    "json": _OF_JSON,
    "jsonl": [*_OF_JSON, ("a line broken", _one_replaced(b"\n", b"")), ("a line empty", _one_replaced(b"\n", b"\n\n"))],
    "xlsx": [
        ("far cell", _in_members(_one_replaced(b'r="A2"', b'r="XFD1048576"'))),
        ("dimension", _in_members(_one_replaced(b"<dimension ref=", b'<dimension ref="A1:XFD1048576" x='))),
        ("tag lost", _in_members(_one_replaced(b"</row>", b""))),
        ("bits in a part", _in_members(_flipped)),
        ("part cut", _in_members(_cut)),
        ("odd reference", _in_members(_one_replaced(b'r="A2"', b'r="2A"'))),
        ("string of no number", _in_members(_one_replaced(b"<v>1</v>", b"<v>99999999</v>"))),
    ],
    "parquet": [
        ("footer", lambda content, chance: content[:-200] + _flipped(content[-200:], chance)),
        ("name", _one_replaced(b"ticket_id", b"ticket\xff\xfed")),
        ("length", lambda content, chance: content[:-8] + struct.pack("<I", chance.randrange(1 << 32)) + b"PAR1"),
    ],
    "zip": [
        ("locked", _field_of_zip(8, 1)),
        ("method", _field_of_zip(10, 99)),
        ("checksum", _field_of_zip(16, 7)),
        ("size", _field_of_zip(27, 127)),
        ("place", _field_of_zip(43, 3)),
    ],
    "gz": [
        ("checksum", lambda content, chance: content[:-8] + b"\1\2\3\4" + content[-4:]),
        ("garbage behind", _at_end(b"garbage")),
        ("bomb", lambda content, chance: content + gzip.compress(bytes(1 << 20) * 320, 1)),
    ],
}

Text = Callable[[str, random.Random], str]
_OF_MAPPING: list[tuple[str, Text]] = [
    ("mapping: a line lost", lambda text, chance: _without_line(text, chance)),
    (
        "mapping: a pattern",
        lambda text, chance: text.replace('"(.*)"', chance.choice(['"(("', '"(?<a>x)"', "'(a+)+$'"])),
    ),
    ("mapping: a time", lambda text, chance: text.replace("%d.%m", chance.choice(["%Q", "%", "%d%d"]))),
    ("mapping: another column", lambda text, chance: text.replace("from: status", "from: state")),
    (
        "mapping: separator",
        lambda text, chance: text.replace("    columns:", "    read: {separator: ';;'}\n    columns:"),
    ),
    ("mapping: records", lambda text, chance: text.replace("    columns:", "    read: {records: rows}\n    columns:")),
    ("mapping: skip", lambda text, chance: text.replace("    columns:", "    read: {skip_lines: 7}\n    columns:")),
    ("mapping: explode", lambda text, chance: text.replace("    columns:", "    explode: description\n    columns:")),
    ("mapping: sheet", lambda text, chance: text.replace("    columns:", "    read: {sheet: Nowhere}\n    columns:")),
    (
        "mapping: encoding",
        lambda text, chance: text.replace("    columns:", "    read: {encoding: latin-1}\n    columns:"),
    ),
]


def _without_line(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return "".join(lines)


def fault(broken: Mutant, folder: Path, con: duckdb.DuckDBPyConnection) -> str | None:
    """Read and map a broken file; what is wrong with how that went, or None.

    A message to the user is right, and so is a file that is named as damaged; a row that is in no count is not.
    """
    path = folder / broken.name
    path.write_bytes(broken.content)
    try:
        return _lost(con, _source(broken.mapping, folder), path)
    except OpslibError:
        return None
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    finally:
        path.unlink()


@cache
def _source(mapping: str, folder: Path) -> SourceMapping:
    (folder / "sources").mkdir(exist_ok=True)
    (folder / "sources" / "crm.yml").write_text(mapping)
    return load_source(folder, "crm")


def _lost(con: duckdb.DuckDBPyConnection, source: SourceMapping, path: Path) -> str | None:
    options = next(feed.read for feed in source.feeds)
    raw = open_export(con, path, options, LIMITS)
    try:
        columns = ", ".join('"' + name.replace('"', '""') + '"' for name in raw.columns) or "NULL"
        values = con.execute(f"SELECT {columns} FROM {raw.relation}").fetchall()
        aside = con.execute(f"SELECT count(_unreadable) FROM {raw.relation}").fetchall()[0][0]
        rows = raw.rows
        damage = raw.damage
    finally:
        raw.close()
    if len(values) != rows:
        return f"{rows} rows are said to be read, {len(values)} come out"
    if damage is None:
        seen = {
            mark for row in values for value in (*row, *raw.columns) if value for mark in MARK.findall(value.encode())
        }
        missing = _marks(path) - seen
        # A line may hold what was two or three, and as many rows are lost with it.
        if len(missing) > 3 * aside + options.skip_lines:
            return f"{len(missing)} rows are in the file and nowhere else, {aside} are set aside"
    try:
        files = map_file(con, source, path, path.parent, limits=LIMITS)
    except ExportError:
        return None
    try:
        for file in files:
            kept = sum(len(chunk) for chunk in file.chunks())
            is_exploded = any(feed.explode for feed in source.feeds)
            if (kept != file.rows_read or kept + file.left_out != rows) and not is_exploded:
                return f"{rows} rows were read, {kept} came out, {file.left_out} were left out"
    finally:
        for file in files:
            file.close()
    return None


def _marks(path: Path) -> set[bytes]:
    """The marks that the bytes of a file hold, packed or not; of a file that is packed in a broken way, none."""
    content = path.read_bytes()
    try:
        if path.suffix == ".gz" and content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        if path.suffix in (".zip", ".xlsx"):
            with zipfile.ZipFile(path) as archive:
                content = b"".join(archive.read(name) for name in archive.namelist())
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            content = b" ".join(str(value).encode() for column in table.columns for value in column.to_pylist())
    except Exception:
        return set()
    return set(MARK.findall(content.replace(b"\0", b"")))
