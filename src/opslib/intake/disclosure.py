"""What of an export may be shown: on pages and consoles, in messages, in the files of the gate and of the stage.

A column may have shifted and a header line may be missing, so that what should be a category or a name of a column is
what a customer wrote. So a value is shown only where it is one of the words that are declared, or almost one, or where
it is frequent, holds no personal data and looks like a category. All else is counted.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from opslib.intake.notation import printable
from opslib.intake.privacy.labels import redact_label
from opslib.locales import whole

OWNER_SEES: Final = "`opslib sources check --show-values` shows them to who may see the files"

_LONGEST_CATEGORY: Final = 40
_MOST_DIGITS: Final = 4
_CATEGORY: Final = re.compile(r"(?=.*[^\W\d_])\w[\w .:/+&()'–-]*")
_DIGIT: Final = re.compile(r"\d")
_ID: Final = re.compile(r"(?=.*\d)[A-Za-z0-9#][A-Za-z0-9._:/#-]{0,39}")
_ALMOST: Final = 0.85
_SHORTEST_ALMOST: Final = 5
_DATE: Final = r"(?<!\d)20\d\d[-_.]?[01]\d(?:[-_.]?[0-3]\d(?:[-_.T]?\d{4,6})?)?(?!\d)"
_ENDING: Final = re.compile(r"\.[A-Za-z]\w{0,7}(?:\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Counted:
    """Values by their rows: those that may be shown, in order, and how many others there are in how many rows."""

    shown: tuple[tuple[str, int], ...] = ()
    others: int = 0
    other_rows: int = 0

    def in_words(self, most: int, *, hint: str = "") -> str:
        """So many of the values, each with its rows, and the number of the others.

        Args:
            most: how many are named.
            hint: who can see the others, where there are any.

        >>> Counted((("Trust", 12), ("EU", 5)), 1, 2).in_words(5)
        'Trust (12), EU (5) and 1 value not shown here (2)'
        """
        words = ", ".join(f"{value} ({whole(rows)})" for value, rows in self.shown[:most])
        more = len(self.shown) - most
        rest = [f"{whole(more)} more"] if more > 0 else []
        if self.others:
            values = "1 value" if self.others == 1 else f"{whole(self.others)} values"
            rows = "; ".join([whole(self.other_rows), *([hint] if hint else [])])
            rest.append(f"{values} not shown here ({rows})")
        return " and ".join([*([words] if words else []), *rest])


NO_VALUES: Final = Counted()


@dataclass(frozen=True)
class Disclosure:
    """Decides which values of a column are shown.

    Args:
        vocabulary: the words that are declared for it, in lower case: of the standard table, of params/, of the
            mapping.
        least_rows: in how many rows another word must stand to be shown.
        to_owner: whether who may see the file has asked for all of its values.
    """

    vocabulary: frozenset[str] = frozenset()
    least_rows: int = 5
    to_owner: bool = False

    def shows(self, value: str, rows: int) -> bool:
        """Whether a value that stands in so many rows is shown.

        >>> Disclosure(frozenset({"us-safety"})).shows("us-saftey", 1), Disclosure().shows("jane_doe_219_09_9999", 99)
        (True, False)
        """
        word = value.casefold()
        if self.to_owner or word in self.vocabulary:
            return True
        if not looks_like_category(value):
            return False
        return rows >= self.least_rows or (
            len(word) >= _SHORTEST_ALMOST and bool(difflib.get_close_matches(word, self.vocabulary, 1, _ALMOST))
        )

    def counted(self, rows_by_value: Iterable[tuple[str, int]]) -> Counted:
        """Part values with the rows in which they stand into those that are shown and the number of the others."""
        values = list(rows_by_value)
        shown = [self.shows(value, rows) for value, rows in values]
        return Counted(
            tuple(each for each, is_shown in zip(values, shown, strict=True) if is_shown),
            len(shown) - sum(shown),
            sum(rows for (_, rows), is_shown in zip(values, shown, strict=True) if not is_shown),
        )


@lru_cache(4096)
def looks_like_category(value: str) -> bool:
    """Whether a value has the form of a category and holds no personal data that is known by its form.

    >>> looks_like_category("Tier 2 / billing"), looks_like_category("415_555_0134"), looks_like_category("Doe, Jane")
    (True, False, False)
    """
    if len(value) > _LONGEST_CATEGORY or not _CATEGORY.fullmatch(value) or len(_DIGIT.findall(value)) > _MOST_DIGITS:
        return False
    return not _holds_personal_data(value)


def looks_like_id(value: str) -> bool:
    """Whether a value has the form of an id, and not of a name or of personal data.

    >>> looks_like_id("INC-1042"), looks_like_id("Jane"), looks_like_id("415-555-0134")
    (True, False, False)
    """
    return bool(_ID.fullmatch(value)) and not (re.search(r"\d[-._:/#]+\d", value) and _holds_personal_data(value))


def columns_in_words(columns: Sequence[str], vocabulary: Collection[str], but: Collection[str] = ()) -> str:
    """The names of a file's columns that a mapping or a table names; the others by their place, from 1.

    Args:
        columns: all columns of the file, in order.
        vocabulary: names that are shown, in lower case.
        but: columns that are not meant.

    >>> columns_in_words(["Id", "Jane Doe", "Status", "x"], {"id", "status"})
    '`Id`, `Status`, and 2 that no mapping names (columns 2 and 4)'
    """
    meant = [(place, name, name.strip().casefold() in vocabulary) for place, name in enumerate(columns, 1)]
    named = [f"`{printable(name)}`" for _, name, is_shown in meant if is_shown and name not in but]
    places = [place for place, name, is_shown in meant if not is_shown and name not in but]
    unnamed = f"{whole(len(places))} that no mapping names ({places_in_words(places)})" if places else ""
    known = ", ".join(named)
    return f"{known}, and {unnamed}" if known and unnamed else known or unnamed or "no columns"


def places_in_words(places: Sequence[int]) -> str:
    """Columns by their place in the file.

    >>> places_in_words([2]), places_in_words([2, 3, 4, 7])
    ('column 2', 'columns 2 to 4 and 7')
    """
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    words = [f"{run[0]} to {run[-1]}" if len(run) > 2 else " and ".join(map(str, run)) for run in runs]
    listed = " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
    return f"{'column' if len(places) == 1 else 'columns'} {listed}"


def shown_name(path: Path) -> str:
    """The name of a file, or of a member of a zip, for messages and tables.

    Personal data in it is replaced; bytes that are no text and control characters are written out.

    >>> shown_name(Path("tickets_jane@example.com_2026-11-09.csv")), shown_name(Path("tickets-2026-11-09.csv"))
    ('[email]2026-11-09.csv', 'tickets-2026-11-09.csv')
    """
    return shown_title(_written(path.name))


def shown_way(way: Path, mark: str) -> str:
    """The way to a file, its name and those of its folders as `shown_name` shows them.

    Args:
        way: from the folder that is read.
        mark: stands in the name where anything was replaced, so that no two files are called the same.

    >>> shown_way(Path("us/of jane@example.com.csv"), "c0ffee"), shown_way(Path("us/tickets.csv.gz"), "c0ffee")
    ('us/of [email] c0ffee.csv', 'us/tickets.csv.gz')
    """
    written = [printable(_written(part)) for part in way.parts]
    *folders, name = map(_shown_name, written)
    if [*folders, name] != written:
        ending = _ENDING.search(name)
        place = ending.start() if ending else len(name)
        name = f"{name[:place]} {mark}{name[place:]}"
    return "/".join([*folders, name])


def shown_title(name: str) -> str:
    """The name of a sheet, or of a file, as `shown_name` shows it."""
    return _shown_name(printable(name))


def _written(name: str) -> str:
    """A name of the file system, bytes that are no text written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


@lru_cache(4096)
def _shown_name(name: str) -> str:
    ending = _ENDING.search(name)
    stem = name[: ending.start()] if ending else name
    # Dates are what most names of exports hold, and between underscores they would look like numbers of people.
    parts = re.split(f"({_DATE})", stem)
    kept = "".join(part if number % 2 else redact_label(part)[0] for number, part in enumerate(parts))
    return redact_label(kept + (ending[0] if ending else ""))[0]


def _holds_personal_data(value: str) -> bool:
    """Whether redaction would take anything out of a value, or of what it was before it was made a name."""
    return bool(redact_label(value)[1] or redact_label(value.replace("_", "-"))[1])
