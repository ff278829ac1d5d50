"""The bytes of a text file in any encoding, gzipped or not, as UTF-8 text."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Generic, TypeVar

from charset_normalizer import from_bytes

from opslib.errors import ExportError
from opslib.intake.reading.raw_rows import Reading
from opslib.intake.reading.text_shape import LineShape, RecordShape
from opslib.intake.reading.unpacking import BLOCK, Unpacking
from opslib.locales import whole

SAMPLE: Final = 1 << 18
"""Bytes, or characters, by which it is judged what a file does not say of itself."""
Shape = TypeVar("Shape", LineShape, RecordShape)
_BYTES_OF_A_UNIT: Final = {"utf-16": 2, "utf-32": 4}
_SAMPLED_ENCODINGS: Final = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "shift_jis", "gb18030", "big5", "euc_kr"]


@dataclass
class Text(Generic[Shape]):
    """A file as UTF-8 text with no byte-order mark.

    `is_temporary` says that the file is to be removed once it is read; `truncated` that it ends where the gzip file was
    cut off; `shape` counts its lines.
    """

    path: Path
    shape: Shape
    damage: str | None = None
    notes: list[str] = field(default_factory=list)
    truncated: bool = False
    is_temporary: bool = True


def utf8_text(reading: Reading, shape: type[Shape]) -> Text[Shape]:
    """The text of a file, decompressed and decoded to UTF-8, in blocks.

    Args:
        reading: the reading.
        shape: what is counted of the text.

    Raises:
        BeyondLimits: the text is larger than it may be.
        ExportError: there is no such encoding as the options name.
    """
    path = reading.path
    text = Text(path, shape(), is_temporary=False)
    with path.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    if compressed:
        text.path, text.is_temporary = reading.workspace.new(".raw"), True
        problem, text.truncated = Unpacking(reading, path.stat().st_size).gzip(text.path)
        if problem:
            text.damage = f"{reading.name}: the gzip file is damaged ({problem}): fetch the export again"
    text = _decode(reading, text)
    blank_lines = text.shape.lines - text.shape.filled_lines
    if blank_lines > reading.limits.blank_lines:
        raise reading.beyond("blank_lines", f"it has {whole(blank_lines)} blank lines")
    return text


def _decode(reading: Reading, text: Text[Shape]) -> Text[Shape]:
    encoding = reading.options.encoding
    if encoding is not None:
        try:
            "a".encode(encoding)
        except (LookupError, UnicodeError) as error:
            raise ExportError(
                f"{reading.name}: there is no encoding {encoding!r}; write it like utf-8, utf-16 or cp1252"
            ) from error
    with text.path.open("rb") as stream:
        start = stream.read(SAMPLE)
    marked_encoding, mark_length = _marked_encoding(start)
    if encoding is None:
        encoding = marked_encoding
    if encoding is None:
        shape = type(text.shape)()
        bad_byte = _not_utf8(text.path, shape, allow_cut=text.truncated)
        if bad_byte is None:
            if mark_length == 0 and not shape.has_nul:
                text.shape = shape
                return text
            encoding = "utf-8"
        else:
            encoding = _guess_encoding(text.path, bad_byte)
            text.notes.append(f"the text is not UTF-8; it was read as {encoding}")
    unit = _BYTES_OF_A_UNIT.get(codecs.lookup(encoding).name[:6], 1)
    is_uneven = text.path.stat().st_size % unit > 0
    source, target = text.path, reading.workspace.new(".txt")
    replaced = nul = 0
    ends_in_nul = False
    with source.open("rb") as stream, target.open("w", encoding="utf-8", newline="") as out:
        stream.seek(
            mark_length if codecs.lookup(encoding).name == codecs.lookup(marked_encoding or "utf-8").name else 0
        )
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        for block in iter(lambda: stream.read(BLOCK), b""):
            characters = decoder.decode(block).replace("\ufeff", "")
            replaced += characters.count("\ufffd")
            # A line end whose two bytes stand the wrong way round: no character is written like that.
            is_uneven = is_uneven or (unit == 2 and "\u0a00" in characters)
            ends_in_nul = characters.endswith("\0")
            if "\0" in characters:
                nul += characters.count("\0")
                characters = characters.replace("\0", "")
            text.shape.add(characters.encode())
            out.write(characters)
        if not text.truncated:
            characters = decoder.decode(b"", final=True)
            text.shape.add(characters.encode())
            out.write(characters)
        if ends_in_nul:
            # What a file that was not written whole ends in is shown as a row that does not fit.
            text.shape.add(b"\0")
            out.write("\0")
    text.shape.end()
    if text.is_temporary:
        source.unlink()
    if is_uneven and not text.damage:
        text.damage = (
            f"{reading.name}: a text in {encoding} has {unit} bytes for each character, and this file's do not come "
            "out even: it is cut off or broken; fetch the export again"
        )
    if replaced:
        text.notes.append(f"{replaced} character(s) could not be read as {encoding}; they are shown as \ufffd")
    if nul:
        text.notes.append(f"{whole(nul)} NUL character(s) were left out")
    text.path, text.is_temporary = target, True
    return text


def _marked_encoding(start: bytes) -> tuple[str | None, int]:
    """The encoding that the first bytes tell, and the length of the byte-order mark."""
    for mark, name in ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF8, None), (codecs.BOM_UTF16_LE, "utf-16-le")):
        if start.startswith(mark):
            return name, len(mark)
    if start.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be", 2
    head = start[: len(start) // 2 * 2]
    if head:
        even, odd = head[::2].count(0) / (len(head) // 2), head[1::2].count(0) / (len(head) // 2)
        if odd > 0.3 and even < 0.1:
            return "utf-16-le", 0
        if even > 0.3 and odd < 0.1:
            return "utf-16-be", 0
    return None, 0


def _not_utf8(path: Path, shape: LineShape, *, allow_cut: bool) -> int | None:
    """The position of the first byte that is no UTF-8, or None where all are; what comes before it is counted."""
    decoder, read = codecs.getincrementaldecoder("utf-8")(), 0
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(BLOCK), b""):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return max(0, read + error.start - 4)
            shape.add(block)
            read += len(block)
    try:
        decoder.decode(b"", final=not allow_cut)
    except UnicodeDecodeError:
        return max(0, read - 4)
    shape.end()
    return None


def _guess_encoding(path: Path, bad_byte: int) -> str:
    """The likely encoding of a text that is not UTF-8, judged by the lines that have other than ASCII characters."""
    with path.open("rb") as stream:
        stream.seek(max(0, bad_byte - SAMPLE // 4))
        lines = b"\n".join(line for line in stream.read(SAMPLE).splitlines() if not line.isascii())
    best = from_bytes(lines, cp_isolation=_SAMPLED_ENCODINGS).best()
    western = {"ascii", "cp1252", "cp1254", "cp1250", "latin_1"}
    if best is None or best.encoding in western or len(best.alphabets) == 0 or len(lines) < 64:
        return "cp1252"
    return best.encoding


def ends_with_newline(path: Path) -> bool:
    """Whether the last byte of a file that is not empty ends a line."""
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) in (b"\n", b"\r")
