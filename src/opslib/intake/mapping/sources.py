"""What a source's mapping (params/sources/NAME.yml) may say, and the loading of it."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from opslib.errors import SettingsError
from opslib.intake.mapping.month_names import LANGUAGES
from opslib.intake.mapping.patterns import fault_of_pattern, fault_of_time_pattern, has_group
from opslib.intake.mapping.zone_abbreviations import ABBREVIATION, seconds_of
from opslib.intake.notation import listed
from opslib.intake.reading.read_options import SUFFIXES, ReadOptions
from opslib.settings import Settings, Zone, load
from opslib.tables import TABLES

STANDARD: Final = "standard"
TIME_FORMATS: Final = {
    "iso": "an ISO time",
    "day_first": "a day-first time like 31/12/2026 17:00",
    "month_first": "a month-first time like 12/31/2026 17:00",
    "epoch_s": "a time in seconds since 1970",
    "epoch_ms": "a time in milliseconds since 1970",
    "excel_serial": "an Excel serial date",
}
"""What an instant may be written as, beside a pattern, and how messages call it."""


def _as_text(value: object) -> object:
    """Text of a YAML scalar: `1` and `true` are words here."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _as_texts(value: object) -> object:
    return tuple(_as_text(item) for item in value) if isinstance(value, (list, tuple)) else (_as_text(value),)


def _as_table(value: object) -> object:
    return {key: _as_text(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _time_format(value: str) -> str:
    if value in TIME_FORMATS:
        return value
    if "%" not in value:
        raise ValueError(
            f"{value!r} is no time format; write {', '.join(TIME_FORMATS)} or a pattern like '%d.%m.%Y %H:%M'"
        )
    if fault := fault_of_time_pattern(value):
        raise ValueError(f"{value!r} is no pattern of a time: {fault}; write one like '%d.%m.%Y %H:%M'")
    return value


def _pattern(value: str) -> str:
    if fault := fault_of_pattern(value):
        raise ValueError(
            f"{value!r} is no regular expression: {fault} (RE2: no look-ahead, no look-behind, no back-reference)"
        )
    return value


def _extract(value: str) -> str:
    if not has_group(_pattern(value)):
        raise ValueError(f"{value!r} has no group: put what is to be taken out between brackets, like '^([a-z]+)-'")
    return value


def _offsets(value: dict[str, str]) -> dict[str, str]:
    for name, offset in value.items():
        if re.fullmatch(ABBREVIATION, name) is None:
            raise ValueError(f"{name!r} is no abbreviation of a zone; write one like IST")
        seconds_of(offset)
    return value


def _language(value: str) -> str:
    if value not in LANGUAGES:
        raise ValueError(f"the months of {value!r} are not known; there are {', '.join(LANGUAGES)}")
    return value


def _rule(value: object) -> object:
    """A column's name, or several of which the first that is filled counts, are short for `from`."""
    return {"from": value} if isinstance(value, (str, list, tuple)) else value


def _name_column(value: object) -> object:
    """A column's name alone says by its words whose names it holds."""
    if not isinstance(value, str):
        return value
    return {"column": value, "of": "agent" if _OF_AGENTS.search(value) else "requester"}


_OF_AGENTS: Final = re.compile(
    r"agent|assignee|assigned|owner|operator|staff|support_?rep|representative|handler|handled|solver|solved_by|"
    r"resolved_by|answered_by|reviewer|bearbeiter|agente|employee|technician|manager|supervisor",
    re.IGNORECASE,
)

Text = Annotated[str, BeforeValidator(_as_text)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]
TimeFormats = Annotated[tuple[Annotated[str, AfterValidator(_time_format)], ...], BeforeValidator(_as_texts)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Extract = Annotated[str, AfterValidator(_extract)]
Translation = Annotated[dict[str, str | None], BeforeValidator(_as_table)]
Abbreviations = Annotated[dict[str, str], AfterValidator(_offsets)]
Language = Annotated[str, AfterValidator(_language)]
TableName = Annotated[str, AfterValidator(lambda name: _table_name(name))]


def _table_name(name: str) -> str:
    if name not in TABLES:
        near = difflib.get_close_matches(name, TABLES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(TABLES)}"
        raise ValueError(f"there is no standard table {name!r}{hint}")
    return name


NULL_MARKERS: Final = (
    *(
        "NULL",
        "(null)",
        "<null>",
        "\\N",
        "nil",
        "None",
        "(none)",
        "<none>",
        "NaN",
        "NaT",
        "<NA>",
        "N/A",
        "n.a.",
        "#N/A",
    ),
    *("#N/V", "#NV", "#VALUE!", "#REF!", "#NAME?", "#DIV/0!", "#NULL!", "(blank)", "(empty)", "undefined"),
    *("?", "-", "--", "---", "–", "—", "_", "[]", "{}", '""', "''"),
)
"""What whole cells hold that have no value; `NA` is not among them, which may be Namibia or North America."""


class Condition(Settings):
    """A test of one column of the file.

    Texts are compared without regard to case; an empty field equals nothing and matches nothing. `not_matches` holds
    where `matches` does not.
    """

    column: str
    equals: Text | None = Field(default=None, alias="is")
    differs: Text | None = Field(default=None, alias="is_not")
    among: Texts | None = Field(default=None, alias="in")
    not_among: Texts | None = Field(default=None, alias="not_in")
    filled: bool | None = None
    matches: Pattern | None = None
    not_matches: Pattern | None = None
    same_as: str | None = None
    differs_from: str | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        if len(self.model_fields_set - {"column"}) != 1:
            tests = "is, is_not, in, not_in, filled, matches, not_matches, same_as, differs_from"
            raise ValueError(f"give exactly one test beside `column`: {tests}")
        if next(iter(self.model_dump(exclude={"column"}, exclude_none=True)), None) is None:
            raise ValueError("for an empty column write `filled: false`")
        return self


class ColumnRule(Settings):
    """What a standard column is made from.

    One of `from` (a column, or several of which the first that is filled counts), `join` (columns put together `with` a
    text between), `constant`, `cases`. `answers[type=comment].text` is, of the array in the column `answers`, the
    `text` of the first object whose `type` is `comment`. Then, in this order: `extract` (the first group of a regular
    expression), `values` (a translation; `else` is what becomes of other values: keep, null, unreadable, or a
    constant), `missing` (what an empty field becomes), and the reading of its type. `ends_in_zeros` says of ids that
    their last zeros are their own; without it, ids of 16 digits and more that all end in zeros count as rounded by a
    spreadsheet.

    `take` is for a log with a row per update: `least` or `greatest` of the values that the rows of the file have for
    the same key, say the first `created_at` beside the status of the latest row.
    """

    source: Texts = Field(default=(), alias="from")
    join: tuple[str, ...] = ()
    between: str = Field(default=" ", alias="with")
    constant: Text | None = None
    cases: tuple[Case, ...] = ()
    extract: Extract | None = None
    values: Translation = Field(default={})
    otherwise: Text | None = Field(default="keep", alias="else")
    missing: Text | None = None
    nulls: Texts = ()
    time: TimeFormats | None = None
    zone: Zone | None = None
    decimal: Literal[".", ","] | None = None
    html: bool = False
    ends_in_zeros: bool = False
    take: Literal["least", "greatest"] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnRule:
        origins = [bool(self.source), bool(self.join), self.constant is not None, bool(self.cases)]
        if sum(origins) != 1:
            raise ValueError("give exactly one of from, join, constant, cases")
        if self.time and {"day_first", "month_first"} <= set(self.time):
            raise ValueError("a time cannot be day_first and month_first at once")
        return self


class Case(ColumnRule):
    """A rule that holds where all its conditions do; the first that fits counts, one without conditions fits always."""

    where: tuple[Condition, ...] = ()


ColumnRule.model_rebuild()
Case.model_rebuild()
Rules = dict[str, Annotated[ColumnRule, BeforeValidator(_rule)]]


class NameColumn(Settings):
    """A column that holds names of persons, or what else tells them; used for redaction only, and kept nowhere."""

    column: str
    of: Literal["requester", "agent"]


NameColumns = Annotated[
    tuple[Annotated[NameColumn, BeforeValidator(_name_column)], ...],
    BeforeValidator(lambda value: [value] if isinstance(value, (str, Mapping)) else value),
]


class Lookup(Settings):
    """Another file of the export, one row of which belongs to each row: its columns are `NAME.column` in the rules."""

    files: Texts
    key: str
    match: str
    read: ReadOptions = ReadOptions()
    optional: bool = False

    def fits(self, name: str) -> bool:
        """Whether a file of that name is looked up in."""
        return _fits(name, self.files)


class RowRule(Settings):
    """One row that a row of the file gives: where the conditions hold and the table's dating instant is not empty."""

    columns: Rules
    where: tuple[Condition, ...] = ()


class Feed(Settings):
    """How files of one form feed one standard table."""

    table: TableName
    files: Texts
    read: ReadOptions = ReadOptions()
    explode: str | None = None
    lookups: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], Lookup] = Field(default={})
    where: tuple[Condition, ...] = ()
    time: TimeFormats | None = None
    zone: Zone | None = None
    redact: NameColumns | None = None
    columns: Rules = Field(default={})
    rows: tuple[RowRule, ...] = ()

    @model_validator(mode="after")
    def _columns_are_known(self) -> Feed:
        table, problems = TABLES[self.table], []
        for name in dict.fromkeys([*self.columns, *(name for row in self.rows for name in row.columns)]):
            if name not in table.names:
                suggestions = difflib.get_close_matches(name, table.names, n=1)
                problems.append(
                    f"{self.table} has no column {name!r}"
                    + (f"; did you mean {suggestions[0]!r}?" if suggestions else "")
                )
        for columns in [{**self.columns, **row.columns} for row in self.rows] or [self.columns]:
            absent = [name for name in table.needed_columns if name not in columns]
            if absent:
                problems.append(f"{self.table} needs {listed(absent)}: say what the column is made from")
        if problems:
            raise ValueError("; ".join(dict.fromkeys(problems)))
        return self

    def fits(self, name: str) -> bool:
        """Whether a file of that name is one of this feed's."""
        return _fits(name, self.files)


class SourceMapping(Settings):
    """params/sources/NAME.yml: how the exports of one CRM become the standard tables.

    `null_markers` are the words of whole cells that mean no value, in any case of letters; `[]` if every word is one.
    A word that a rule translates by `values`, or that a condition asks for, is a value there.

    `zone` is the one of times without an offset; an abbreviation of a zone in a time is read as that region means it.
    `abbreviations` says the offsets of those that mean several things, `language` in which language months are named
    where a name of one is another month elsewhere.

    `redact` names columns with names of persons, for all feeds that do not say their own: a requester's are taken out
    of the texts of the same ticket, an agent's out of all texts.
    """

    name: str = ""
    description: str
    organisation: str = "org"
    zone: Zone = "UTC"
    time: TimeFormats = ("iso",)
    abbreviations: Abbreviations = Field(default={})
    language: Language | None = None
    decimal: Literal[".", ","] = "."
    null_markers: Texts = NULL_MARKERS
    yes: Texts = ("true", "t", "yes", "y", "1")
    no: Texts = ("false", "f", "no", "n", "0")
    notes: Texts = ()
    redact: NameColumns = ()
    feeds: tuple[Feed, ...] = Field(min_length=1)

    def redact_of(self, feed: Feed) -> tuple[NameColumn, ...]:
        """The columns of a feed's files whose values are taken out of texts."""
        return self.redact if feed.redact is None else feed.redact

    @property
    def file_patterns(self) -> list[str]:
        """The names of files, or patterns of them, that the source maps, for messages."""
        if self.name == STANDARD:
            return [f"{table}.csv" for table in TABLES]
        return list(dict.fromkeys(pattern for feed in self.feeds for pattern in feed.files))

    @property
    def vocabulary(self) -> frozenset[str]:
        """All words of the mapping, in lower case: what a file has of them may be shown."""
        words = {word.strip().casefold() for word in _words(self.model_dump(exclude={"description", "notes"}))}
        # Of `answers[type=comment].text` and of a look-up's column the file has the parts.
        parts = {part for word in words for part in re.split(r"[.\[\]=]", word) if part}
        return frozenset(words | parts)


def _words(tree: object) -> Iterator[str]:
    match tree:
        case str():
            yield tree
        case dict():
            yield from (word for pair in tree.items() for part in pair for word in _words(part))
        case list() | tuple():
            yield from (word for part in tree for word in _words(part))


def _fits(name: str, patterns: Iterable[str]) -> bool:
    folded = name.casefold()
    return any(
        # The start tells most of them apart, and needs no pattern compiled.
        folded.startswith(re.split(r"[*?[]", pattern, maxsplit=1)[0]) and fnmatch.fnmatchcase(folded, pattern)
        for pattern in map(str.casefold, patterns)
    )


def source_names(params: Path) -> tuple[str, ...]:
    """The sources there are: `standard` and the files of params/sources."""
    return (STANDARD, *sorted(path.stem for path in (params / "sources").glob("*.yml") if path.stem != STANDARD))


def load_source(params: Path, name: str) -> SourceMapping:
    """Read the mapping of one source.

    Args:
        params: the folder of the parameters.
        name: `standard`, or the name of a file in `params/sources` without `.yml`.

    Raises:
        SettingsError: there is no such source (the message lists those there are), or its file does not fit; every
            problem with its line.
    """
    if name == STANDARD:
        return _standard()
    names = source_names(params)
    if name not in names:
        suggestions = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {suggestions[0]!r}?" if suggestions else "."
        raise SettingsError(
            f"there is no source {name!r}{hint} There are: {', '.join(names)}. "
            f"A new one is a file {params / 'sources' / 'NAME.yml'}"
        )
    return load(params / "sources" / f"{name}.yml", SourceMapping).model_copy(update={"name": name})


def _standard() -> SourceMapping:
    """The source whose files bear the names and columns of the standard tables."""
    endings = [ending + more for ending in SUFFIXES for more in ("", ".gz")]
    return SourceMapping(
        name=STANDARD,
        description="files that bear the names and the columns of the standard tables",
        feeds=tuple(
            Feed.model_validate(
                {
                    "table": table.name,
                    "files": [f"{table.name}{more}{ending}" for more in ("", "-*", "_*") for ending in endings],
                    "columns": {name: name for name in table.names},
                }
            )
            for table in TABLES.values()
        ),
    )
