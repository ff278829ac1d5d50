"""What pages and files of reports hold of people and tickets that are forgotten, and the same files without it.

A ticket is known by its id where one can stand, and what a customer wrote by a run of words; in their place it says
that they were removed on request. Numbers stay: they are counts.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from opslib.store.files import write_text

REMOVED: Final = "removed on request"
_RUN_OF_WORDS: Final = 8
"""So many words in a row of a text are its own; a shorter text is looked for as a whole."""
_WORD: Final = re.compile(r"\w+")
_INVISIBLE: Final = re.compile(r"[\u200b-\u200d\u2060\ufeff\\]")
_MARKUP: Final = re.compile(r"(<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>)", re.DOTALL | re.IGNORECASE)
_TICKET_ROW: Final = re.compile(
    r'<tr role="row"><th [^>]*role="rowheader"[^>]*>(?:<a [^>]*>)?([^<]*)(?:</a>)?</th>.*?</tr>', re.DOTALL
)
_OWNER: Final = "owner"
_MEASURES: Final = frozenset({"age_days", "over_seconds"})
_PICTURE: Final = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")
_ATTRIBUTE_AS_IT_IS: Final = re.compile(r'(data:[^"]+|(?<=data-sort=)"[^"]*")')
_NO_PICTURE: Final = "data:image/svg+xml,"
_BEFORE_A_NUMBER: Final = ("(?<=latest )", "(?<=<code>)", "(?<=icket )", "(?<=#)")
_LEAST_DIGITS: Final = 4
"""A number of fewer digits is an id only where it stands as one: anything else may be a count."""


@dataclass(frozen=True)
class Traces:
    """By what people and tickets are recognised: ids (of tickets, pseudonyms of people), and texts of customers."""

    ids: frozenset[str]
    texts: frozenset[str] = frozenset()

    def in_text(self, text: str) -> bool:
        """Whether a text that is shown holds any of it."""
        return self._without_ids(text) != text or self._quotes(text)

    def without(self, text: str) -> str:
        """A text that is shown without any of it."""
        return REMOVED if self._quotes(text) else self._without_ids(text)

    @cached_property
    def _runs(self) -> frozenset[tuple[str, ...]]:
        runs: set[tuple[str, ...]] = set()
        for text in self.texts:
            words = _words(text)
            length = min(_RUN_OF_WORDS, len(words))
            if words:
                runs |= {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}
        return frozenset(runs)

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return tuple(sorted({len(run) for run in self._runs}))

    def _quotes(self, text: str) -> bool:
        words = _words(text) if self._runs else []
        return any(
            tuple(words[start : start + length]) in self._runs
            for length in self._lengths
            for start in range(len(words) - length + 1)
        )

    def _without_ids(self, text: str) -> str:
        held = [each for each in self.ids if each in text or html.escape(each) in text]
        return re.sub("|".join(map(_pattern_of, held)), REMOVED, text) if held else text


def _words(text: str) -> list[str]:
    return _WORD.findall(_INVISIBLE.sub("", html.unescape(text)).casefold())


def _pattern_of(id_: str) -> str:
    """Where an id stands as one: not within a word or a number, and a small number or a year only in a list of ids."""
    either = "|".join(dict.fromkeys((re.escape(id_), re.escape(html.escape(id_)))))
    if not id_.isdecimal():
        return rf"(?<!\w)(?:{either})(?!\w)"
    whole = rf"(?<!\w)(?<!\d[.,]){id_}(?!\w)(?![.,]\d)"
    if len(id_) > _LEAST_DIGITS or (len(id_) == _LEAST_DIGITS and not "1900" <= id_ <= "2100"):
        return whole
    return rf"(?:{'|'.join(_BEFORE_A_NUMBER)}){whole}|{whole}(?=[,;] \d)|(?<=\d[,;] ){whole}(?=[,;.<)]|$)"


def erase(path: Path, traces: Traces, *, dry_run: bool, write: Callable[[str, Path], object] = write_text) -> bool:
    """Take traces out of a file of reports; one of a form that cannot be written anew is removed.

    Args:
        path: a page, a table, a text or a bundle.
        traces: what is looked for.
        dry_run: only tell.
        write: replaces a file by a text.

    Returns:
        Whether the file holds any.
    """
    change = _BY_SUFFIX.get(path.suffix.lower())
    if change is None:
        is_held = traces.in_text(_content_of(path))
        if is_held and not dry_run:
            path.unlink()
        return is_held
    # New lines as they are: those of a CSV for a spreadsheet are others.
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        before = stream.read()
    after = change(before, traces)
    if after != before and not dry_run:
        write(after, path)
    return after != before


def _page_without(text: str, traces: Traces) -> str:
    """A page without traces; of a list of tickets the whole row goes, as it tells of nothing else."""
    text = _TICKET_ROW.sub(lambda row: "" if html.unescape(row[1]) in traces.ids else row[0], text)
    parts = _MARKUP.split(text)
    return "".join(
        _markup_without(part, traces) if is_markup else _node_without(part, parts[number - 1] if number else "", traces)
        for number, part in enumerate(parts)
        for is_markup in [number % 2 == 1]
    )


def _node_without(text: str, tag: str, traces: Traces) -> str:
    """Text between tags; the tag before it tells whether a number stands as an id."""
    after = traces.without(f"{tag}{text}") if tag == "<code>" else traces.without(text)
    return after.removeprefix(tag) if tag == "<code>" else after


def _markup_without(tag: str, traces: Traces) -> str:
    """A tag without ids in its attributes, and without a picture whose labels hold any; scripts and styles hold none.

    The values by which a table is sorted are numbers, however much they look like ids.
    """
    if tag.casefold().startswith(("<script", "<style")):
        return tag
    parts = _ATTRIBUTE_AS_IT_IS.split(tag)
    return "".join(
        _picture_without(part, traces) if number % 2 else traces.without(part) for number, part in enumerate(parts)
    )


def _picture_without(attribute: str, traces: Traces) -> str:
    if not (picture := _PICTURE.fullmatch(attribute)):
        return attribute
    drawing = base64.b64decode(picture[1]).decode("utf-8", "replace")
    return _NO_PICTURE if traces.in_text(_MARKUP.sub(" ", drawing)) else attribute


def _lines_without(text: str, traces: Traces) -> str:
    return "".join(
        f"{traces.without(line.rstrip())}{line[len(line.rstrip()) :]}" if traces.in_text(line) else line
        for line in text.splitlines(keepends=True)
    )


def _table_without(text: str, traces: Traces) -> str:
    """A CSV without the rows that have an id for a cell, and without ids elsewhere.

    In a list of tickets a number that measures is no id, and a ticket stays when its owner goes.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    end = "\r\n" if "\r\n" in text else "\n"
    rows = list(csv.reader(io.StringIO(text.removeprefix(mark), newline="")))
    heads = rows[0] if rows else []
    measures = {place for place, head in enumerate(heads) if head in _MEASURES}
    owners = {place for place, head in enumerate(heads) if head == _OWNER}
    kept = [
        [cell if place in measures else traces.without(cell) for place, cell in enumerate(row)]
        for row in rows
        if not any(
            cell.removeprefix("'") in traces.ids for place, cell in enumerate(row) if place not in measures | owners
        )
    ]
    if kept == rows:
        return text
    target = io.StringIO(newline="")
    csv.writer(target, lineterminator=end).writerows(kept)
    return mark + target.getvalue()


def tree_without(text: str, traces: Traces) -> str:
    """JSON without traces in its texts, in the form in which it was written."""
    try:
        tree = json.loads(text)
    except ValueError:
        return _lines_without(text, traces)
    after = _branch_without(tree, traces)
    if after == tree:
        return text
    indent = re.match(r"[{\[]\n( +)", text)
    end = "\n" if text.endswith("\n") else ""
    return json.dumps(after, indent=len(indent[1]) if indent else None, sort_keys=True, ensure_ascii=False) + end


def _branch_without(branch: Any, traces: Traces) -> Any:
    if isinstance(branch, str):
        return REMOVED if branch in traces.ids else traces.without(branch)
    if isinstance(branch, list):
        return [_branch_without(each, traces) for each in branch]
    if isinstance(branch, dict):
        return {name: _branch_without(each, traces) for name, each in branch.items()}
    return branch


def _content_of(path: Path) -> str:
    """What can be read of any other file: of a bundle the texts in it."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as bundle:
            contents: Iterable[bytes] = [bundle.read(name) for name in bundle.namelist()]
        return "\n".join(_MARKUP.sub(" ", content.decode("utf-8", "replace")) for content in contents)
    return path.read_bytes().decode("utf-8", "replace")


_BY_SUFFIX: Final[dict[str, Callable[[str, Traces], str]]] = {
    ".html": _page_without,
    ".svg": _page_without,
    ".md": _lines_without,
    ".txt": _lines_without,
    ".yml": _lines_without,
    ".csv": _table_without,
    ".json": tree_without,
    ".ipynb": tree_without,
}
