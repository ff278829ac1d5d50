"""How many lines and records a text has, counted from its bytes: the count that the rows read are held against."""

from __future__ import annotations

import numpy as np

_NEWLINE, _RETURN, _QUOTE, _EQUALS = b'\n\r"='


class LineShape:
    """Counts of the lines of a UTF-8 text that is handed over block by block.

    `lines` are all, `filled_lines` those that are not empty, `longest_line` is in bytes. `has_nul` says that there are
    NUL characters.
    """

    def __init__(self) -> None:
        self.lines = self.filled_lines = self.longest_line = 0
        self.has_nul = False
        self._open_line = 0
        self._held = b""

    def add(self, block: bytes) -> None:
        """Count the next bytes."""
        block = self._held + block if self._held else block
        self._held = b""
        if block.endswith(b"\r"):
            block, self._held = block[:-1], b"\r"
        self._count(block)

    def end(self) -> None:
        """Count what stands behind the last line's end."""
        self._count(self._held)
        self._held = b""
        if self._open_line:
            self._end_line()

    def _end_line(self) -> None:
        self.lines += 1
        self.filled_lines += 1
        self.longest_line = max(self.longest_line, self._open_line)
        self._open_line = 0

    def _count(self, block: bytes) -> None:
        if block:
            self._count_lines(block)

    def _count_lines(self, block: bytes) -> np.ndarray:
        """Count the lines of a block, and tell where those end that are not empty."""
        characters = np.frombuffer(block, dtype=np.uint8)
        ends, lengths = _line_ends(characters)
        if len(ends):
            lengths[0] += self._open_line
        filled = lengths > 0
        self.lines += len(ends)
        self.filled_lines += int(np.count_nonzero(filled))
        self.longest_line = max(self.longest_line, int(lengths.max(initial=0)))
        self.has_nul = self.has_nul or b"\0" in block
        self._open_line = len(block) - int(ends[-1]) - 1 if len(ends) else self._open_line + len(block)
        return ends[filled]


class RecordShape(LineShape):
    """Counts of the lines and records of a UTF-8 text whose values may stand in double quotes.

    `records` are the filled lines whose end is not within quotes, `quotes` the double quotes. `has_formulas` says that
    `="` stands somewhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records = self.quotes = 0
        self.has_formulas = False

    def _end_line(self) -> None:
        super()._end_line()
        self.records += 1

    def _count(self, block: bytes) -> None:
        if not block:
            return
        ends = self._count_lines(block)
        characters = np.frombuffer(block, dtype=np.uint8)
        quotes = np.flatnonzero(characters == _QUOTE)
        if len(quotes):
            outside = (np.searchsorted(quotes, ends) + self.quotes) % 2 == 0
            self.records += int(np.count_nonzero(outside))
            self.quotes += len(quotes)
            self.has_formulas = self.has_formulas or bool((characters[quotes[quotes > 0] - 1] == _EQUALS).any())
        elif self.quotes % 2 == 0:
            self.records += len(ends)


def _line_ends(characters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where lines end, and how long they are without their ends."""
    is_newline, is_return = characters == _NEWLINE, characters == _RETURN
    ends = np.flatnonzero(is_newline)
    behind_returns = is_return[np.maximum(ends - 1, 0)]
    if np.count_nonzero(is_return) != np.count_nonzero(behind_returns):
        is_return[:-1] &= ~is_newline[1:]
        ends = np.flatnonzero(is_newline | is_return)
        behind_returns = is_newline[ends] & (characters[np.maximum(ends - 1, 0)] == _RETURN)
    return ends, np.diff(ends, prepend=-1) - 1 - behind_returns
