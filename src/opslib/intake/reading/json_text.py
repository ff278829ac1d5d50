"""A JSON text taken apart into its records by its brackets, whatever its layout, without parsing it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from opslib.intake.reading.raw_rows import BeyondLimits, Reading
from opslib.intake.reading.text_file import SAMPLE, Text
from opslib.intake.reading.text_shape import LineShape
from opslib.intake.reading.unpacking import BLOCK
from opslib.locales import whole

SCHEMA: Final = pa.schema([("place", pa.int64()), ("text", pa.string()), ("problem", pa.string())])
_BETWEEN: Final = b" \t\r\n,\0\x1e\xef\xbb\xbf"
"""Bytes that may stand between two values of a text."""
_NEWLINE, _QUOTE, _BACKSLASH, _COMMA, _SPACE = b'\n"\\, '
_OPEN, _CLOSE, _BRACE = b"{}{"
_SAMPLED_LINES: Final = 50
_BEHIND_OBJECT: Final = re.compile(rb"}[ \t,]*[{\[]")
_BEHIND_ARRAY: Final = re.compile(rb"\][ \t,]*[{\[]")
"""Where a value follows another, also within an array. A pattern that begins with one character is searched faster."""


@dataclass
class JsonText:
    """The records of a JSON text.

    `records` counts those that were found; `damage` says where the text breaks off, if it does; `beyond` is the limit
    that it goes beyond.
    """

    reading: Reading
    text: Text[LineShape]
    records: int = 0
    damage: str | None = None
    beyond: BeyondLimits | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The records in their order.

        Yields:
            `place` (from 1), `text` (its bytes, maybe with spaces and commas around them) and `problem` (what is wrong
            with a record whose text is null).
        """
        most = self.reading.limits.value_megabytes << 20
        if not _has_an_object_a_line(self.text):
            yield from self._values(most)
        elif self.text.shape.longest_line > most:
            self._stop_at_limit()
        else:
            yield from self._lines()

    def _stop_at_limit(self) -> None:
        most = self.reading.limits.value_megabytes
        self.beyond = self.reading.beyond("value_megabytes", f"a record of it has more than {whole(most)} MB")

    def _batch(self, block: bytes | bytearray, starts: np.ndarray, too_deep: np.ndarray) -> pa.RecordBatch:
        """The parts of a block from each of `starts` to the next, blank ones left out."""
        ends = np.append(starts[1:], len(block))
        characters = np.frombuffer(block, dtype=np.uint8)
        filled = ends > starts
        doubtful = np.flatnonzero(filled & (characters[np.minimum(starts, len(block) - 1)] <= _SPACE))
        for number in doubtful.tolist():
            filled[number] = bool(block[starts[number] : ends[number]].strip(_BETWEEN))
        offsets = np.append(starts, len(block)).astype(np.int32)
        texts = pa.Array.from_buffers(
            pa.string(), len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(bytes(block))]
        )
        problems = pa.nulls(len(starts), pa.string())
        if len(too_deep):
            is_deep = np.zeros(len(starts), dtype=bool)
            is_deep[np.searchsorted(starts, too_deep, side="right") - 1] = True
            why = f"row: nested deeper than the {self.reading.limits.depth} levels of `limits.reading.depth`"
            texts = pc.if_else(pa.array(is_deep), None, texts)
            problems = pc.if_else(pa.array(is_deep), why, problems)
        number = int(np.count_nonzero(filled))
        places = np.cumsum(filled) + self.records
        self.records += number
        batch = pa.RecordBatch.from_arrays([pa.array(places, pa.int64()), texts, problems], schema=SCHEMA)
        return batch if number == len(starts) else batch.filter(pa.array(filled))

    def _lines(self) -> Iterator[pa.RecordBatch]:
        rest = b""
        with self.text.path.open("rb") as stream:
            while True:
                block = stream.read(BLOCK)
                end = block.rfind(b"\n") + 1
                if block and not end:
                    rest += block
                    continue
                lines, rest = (rest + block[:end], block[end:]) if block else (_whole(rest), b"")
                if lines:
                    yield self._batch_of_lines(lines)
                if not block:
                    return

    def _batch_of_lines(self, lines: bytes) -> pa.RecordBatch:
        starts = _starts_of_lines(lines)
        if _may_hold_several(lines, starts):
            lines = b"".join(_a_value_a_line(line) for line in lines.splitlines(keepends=True))
            starts = _starts_of_lines(lines)
        characters = np.frombuffer(lines, dtype=np.uint8)
        too_deep = np.empty(0, dtype=np.int64)
        opening = np.flatnonzero((characters | 32) == _OPEN)
        if len(opening) > self.reading.limits.depth:
            numbers = np.diff(np.searchsorted(opening, np.append(starts, len(lines))))
            for line in np.flatnonzero(numbers > self.reading.limits.depth).tolist():
                end = starts[line + 1] if line + 1 < len(starts) else len(lines)
                brackets = _Brackets.of(characters[starts[line] : end])
                if brackets.depths.max(initial=0) > self.reading.limits.depth:
                    too_deep = np.append(too_deep, starts[line])
        return self._batch(lines, starts, too_deep)

    def _values(self, most: int) -> Iterator[pa.RecordBatch]:
        """The items of arrays and the objects that stand one after the other."""
        block, in_array, at_end = b"", False, False
        with self.text.path.open("rb") as stream:
            while not at_end:
                more = stream.read(max(BLOCK, len(block)))
                at_end, block = not more, block + more
                if at_end:
                    block = _whole(block)
                brackets = _Brackets.of(np.frombuffer(block, dtype=np.uint8), depth=int(in_array))
                cuts = _Cuts.of(block, brackets, in_array=in_array)
                parts, between, done, in_array = cuts.take(at_end=at_end)
                strange = any(part.strip(_BETWEEN) for part in between)
                if len(parts[0]):
                    limit = self.reading.limits.depth + 1
                    too_deep = brackets.places[(brackets.depths > limit) & (brackets.places < done)]
                    yield self._batch_of_parts(block[:done], parts, too_deep)
                if strange or cuts.broken:
                    self._break()
                    return
                block = block[done:]
                if len(block) > most:
                    self._stop_at_limit()
                    return
        if in_array or block.strip(_BETWEEN):
            self._break()

    def _batch_of_parts(
        self, block: bytes, parts: tuple[np.ndarray, np.ndarray], too_deep: np.ndarray
    ) -> pa.RecordBatch:
        """Records from their starts to their ends; what lies between them is blanked."""
        starts, ends = parts
        blanked = bytearray(block)
        characters = np.frombuffer(blanked, dtype=np.uint8)
        gaps = np.zeros(len(block) + 1, dtype=np.int8)
        gaps[starts] += 1
        gaps[ends] -= 1
        characters[np.cumsum(gaps[:-1]) == 0] = _SPACE
        starts = starts.copy()
        starts[0] = 0
        return self._batch(blanked, starts, too_deep)

    def _break(self) -> None:
        self.damage = (
            f"{self.reading.name}: the JSON ends or breaks in the middle (after row {whole(self.records)}); the rows "
            "before "
            "it were read: fetch the export again"
        )


@dataclass(frozen=True)
class _Brackets:
    """The brackets of a text that stand outside of strings: where, and how deep the text is behind each.

    `quotes` are the quotes that open and close strings.
    """

    places: np.ndarray
    depths: np.ndarray
    quotes: np.ndarray

    @classmethod
    def of(cls, characters: np.ndarray, depth: int = 0) -> _Brackets:
        quotes = np.flatnonzero(characters == _QUOTE)
        backslashes = np.flatnonzero(characters == _BACKSLASH)
        if len(backslashes) and len(quotes):
            is_first = np.diff(backslashes, prepend=-2) > 1
            first_of = backslashes[is_first][np.cumsum(is_first) - 1]
            behind = np.flatnonzero((quotes > 0) & (characters[quotes - 1] == _BACKSLASH))
            run = quotes[behind] - first_of[np.searchsorted(backslashes, quotes[behind] - 1)]
            quotes = np.delete(quotes, behind[run % 2 == 1])
        folded = characters | 32
        places = np.flatnonzero((folded == _OPEN) | (folded == _CLOSE))
        places = places[np.searchsorted(quotes, places) % 2 == 0]
        steps = np.where(folded[places] == _OPEN, 1, -1)
        return cls(places, depth + np.cumsum(steps), quotes)


@dataclass(frozen=True)
class _Cuts:
    """Where the records of a text begin and end.

    `places` are the brackets of the outermost values and the commas between the items of outermost arrays; `kinds`
    tells them apart. `broken` says that a bracket closes what was never opened.
    """

    block: bytes
    places: np.ndarray
    kinds: np.ndarray
    in_array: bool
    broken: bool

    @classmethod
    def of(cls, block: bytes, brackets: _Brackets, *, in_array: bool) -> _Cuts:
        places, depths = brackets.places, brackets.depths
        negative = np.flatnonzero(depths < 0)
        broken = len(negative) > 0
        if broken:
            places, depths = places[: negative[0]], depths[: negative[0]]
        before = np.concatenate([[int(in_array)], depths[:-1]]) if len(depths) else depths
        outer = ((before == 0) & (depths == 1)) | ((before == 1) & (depths == 0))
        characters = np.frombuffer(block, dtype=np.uint8)
        commas = np.flatnonzero(characters == _COMMA)
        commas = commas[np.searchsorted(brackets.quotes, commas) % 2 == 0]
        if broken:
            commas = commas[commas < brackets.places[negative[0]]]
        # How deep, and in which outermost value, a comma stands is told by the last bracket before it.
        number = np.searchsorted(places, commas)
        with_start = np.concatenate([[int(in_array)], depths])
        commas = commas[with_start[number] == 1]
        cuts = np.concatenate([places[outer], commas])
        cuts.sort()
        kinds = characters[cuts]
        opens = np.where((kinds | 32) == _OPEN, np.arange(len(cuts)), -1)
        last_open = np.maximum.accumulate(opens) if len(opens) else opens
        is_of_array = np.where(last_open >= 0, kinds[last_open] == ord("["), in_array) if len(cuts) else kinds == 0
        is_kept = (kinds != _COMMA) | is_of_array
        return cls(block, cuts[is_kept], kinds[is_kept], in_array, broken)

    def take(self, *, at_end: bool) -> tuple[tuple[np.ndarray, np.ndarray], list[bytes], int, bool]:
        """The records that are whole.

        Returns:
            Their starts and ends; what stands between the outermost values; how many bytes these are in all; whether
            the next byte is within an array.
        """
        places, kinds = self.places, self.kinds
        if not len(places):
            if self.in_array or not at_end:
                return (places, places), [], 0, self.in_array
            return (places, places), [self.block], len(self.block), False
        opens_object, opens_array = kinds == _BRACE, kinds == ord("[")
        closes_object, closes_array = kinds == ord("}"), kinds == ord("]")
        following = np.append(places[1:], -1)
        starts_item = (opens_array | (kinds == _COMMA)) & (following >= 0)
        starts = np.where(opens_object, places, places + 1)[(opens_object & (following >= 0)) | starts_item]
        ends = np.where(opens_object, following + 1, following)[(opens_object & (following >= 0)) | starts_item]
        if self.in_array:
            starts, ends = np.concatenate([[0], starts]), np.concatenate([[places[0]], ends])
        is_first_open = opens_object | opens_array
        gap_ends = places[is_first_open]
        closers = places[closes_object | closes_array] + 1
        gap_starts = closers if self.in_array else np.concatenate([[0], closers])
        between = [self.block[start:end] for start, end in zip(gap_starts.tolist(), gap_ends.tolist(), strict=False)]
        last, place = int(kinds[-1]), int(places[-1])
        if last in b"}]":
            if at_end or self.broken:
                between.append(self.block[place + 1 :] if not self.broken else b"")
                return (starts, ends), between, len(self.block), False
            return (starts, ends), between, place + 1, False
        if last == _BRACE:
            return (starts, ends), between, place, False
        return (starts, ends), between, place + 1, True


def _starts_of_lines(lines: bytes) -> np.ndarray:
    ends = np.flatnonzero(np.frombuffer(lines, dtype=np.uint8) == _NEWLINE) + 1
    return np.concatenate([[0], ends[ends < len(lines)]])


def _may_hold_several(lines: bytes, starts: np.ndarray) -> bool:
    """Whether a line may hold one value behind the other."""
    only_objects = bool((np.frombuffer(lines, dtype=np.uint8)[starts] == _BRACE).all())
    return bool(_BEHIND_OBJECT.search(lines)) or (not only_objects and bool(_BEHIND_ARRAY.search(lines)))


def _a_value_a_line(line: bytes) -> bytes:
    """The values of a line, of which a line end was lost, each in a line of its own."""
    if not _BEHIND_OBJECT.search(line) and not _BEHIND_ARRAY.search(line):
        return line
    brackets = _Brackets.of(np.frombuffer(line, dtype=np.uint8))
    ends = (brackets.places[brackets.depths == 0] + 1).tolist()
    parts = [line[start:end] for start, end in zip([0, *ends], [*ends, len(line)], strict=True)]
    return b"".join(part.strip(_BETWEEN) + b"\n" for part in parts if part.strip(_BETWEEN))


def _has_an_object_a_line(text: Text[LineShape]) -> bool:
    """Whether most lines of the text's beginning are objects, each by itself."""
    if text.shape.filled_lines < 2:
        return False
    with text.path.open("rb") as stream:
        sample = stream.read(SAMPLE)
    lines = sample.split(b"\n")
    if len(sample) == SAMPLE:
        lines.pop()
    filled = [line for line in lines if line.strip(_BETWEEN)][:_SAMPLED_LINES]
    return 2 * sum(_is_object(line) for line in filled) >= max(1, len(filled))


def _is_object(line: bytes) -> bool:
    try:
        # A number may have more digits than Python reads.
        return isinstance(json.loads(line, parse_int=str), dict)
    except (ValueError, RecursionError):
        return False


def _whole(block: bytes) -> bytes:
    """The last bytes of a text, which a gzip file that is cut off may end within a character."""
    return block.decode("utf-8", errors="replace").encode()
