"""How many lines and records a text has, counted from its bytes: the count that the rows read are held against."""

from __future__ import annotations

import numpy as np

_NEWLINE, _RETURN, _QUOTE = b'\n\r"'


class TextShape:
    """Counts of a UTF-8 text that is handed over block by block.

    `lines` are all, `filled_lines` those that are not empty, `records` the filled ones whose end is not within double
    quotes, `quotes` the double quotes, `longest_line` is in bytes. `has_formulas` says that `="` stands somewhere,
    `has_nul` that there are NUL characters.
    """

    def __init__(self) -> None:
        self.lines = self.filled_lines = self.records = self.quotes = self.longest_line = 0
        self.has_formulas = self.has_nul = False
        self._open_line = 0
        self._held = b""

    def add(self, block: bytes) -> None:
        """Count the next bytes."""
        block = self._held + block
        self._held = b""
        if block.endswith(b"\r"):
            block, self._held = block[:-1], b"\r"
        self._count(block)

    def end(self) -> None:
        """Count what stands behind the last line's end."""
        self._count(self._held)
        self._held = b""
        if self._open_line:
            self.lines += 1
            self.filled_lines += 1
            self.records += 1
            self.longest_line = max(self.longest_line, self._open_line)
            self._open_line = 0

    def _count(self, block: bytes) -> None:
        if not block:
            return
        characters = np.frombuffer(block, dtype=np.uint8)
        has_quotes = b'"' in block
        ends, lengths = self._line_ends(characters, b"\r" in block)
        filled = lengths > 0
        self.lines += len(ends)
        self.filled_lines += int(np.count_nonzero(filled))
        self.longest_line = max(self.longest_line, int(lengths.max(initial=0)))
        if has_quotes:
            quotes = np.flatnonzero(characters == _QUOTE)
            outside = (np.searchsorted(quotes, ends[filled]) + self.quotes) % 2 == 0
            self.records += int(np.count_nonzero(outside))
            self.quotes += len(quotes)
            self.has_formulas = self.has_formulas or b'="' in block
        elif self.quotes % 2 == 0:
            self.records += int(np.count_nonzero(filled))
        self.has_nul = self.has_nul or b"\0" in block
        self._open_line = len(block) - int(ends[-1]) - 1 if len(ends) else self._open_line + len(block)

    def _line_ends(self, characters: np.ndarray, has_returns: bool) -> tuple[np.ndarray, np.ndarray]:
        """Where lines end, and how long they are without their ends."""
        if not has_returns:
            ends = np.flatnonzero(characters == _NEWLINE)
            before = np.zeros(len(ends), dtype=np.int64)
        else:
            is_return = characters == _RETURN
            is_newline = characters == _NEWLINE
            alone = is_return.copy()
            alone[:-1] &= ~is_newline[1:]
            ends = np.flatnonzero(is_newline | alone)
            before = (is_newline[ends] & (ends > 0) & is_return[np.maximum(ends - 1, 0)]).astype(np.int64)
        lengths = np.diff(ends, prepend=-1) - 1 - before
        if len(ends):
            lengths[0] += self._open_line
        return ends, lengths
