"""What the notebooks show of groups of people: nothing of too few, and nothing from which that could be worked out.

Each notebook runs twice on the same tickets, once as if two people were enough for a group and once as if it took many
more. What the first shows and the second hides is what somebody would like to know, and the sum of it, for each total
that can stand beside it, is what subtraction gives away. Frames are told by their columns, none by its name.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

import opslib as ops
from opslib.reports.contact_drivers.escalation_files import EscalationHandover
from opslib.store.warehouse import Warehouse
from tests.notebooks.notebook_cells import run_cells
from tests.reports import drivers_warehouse, review_warehouse, routing_warehouse
from tests.reports.small_warehouse import Folders, shared_warehouse

NOTEBOOKS = Path(__file__).parents[2] / "notebooks" / "team"
ATTRIBUTES = ("channel", "contact_reason", "language", "region", "form", "queue", "first_queue", "solved_queue")
FEW = "fewer than"
NO_SIZES = frozenset(
    {
        *("misrouted", "reopens", "answered", "dissatisfied", "hits", "contradicted"),
        *("low", "high", "ratio", "excess_as_counted", "others_per_week"),
        *("a_week", "folded", "weeks", "weeks_since", "needed_weeks", "rank", "users", "labels", "topic", "difference"),
    }
)
"""Whole numbers that are no size of a group: how those that are shown fared, intervals, times, places in a list."""


class Shown(NamedTuple):
    """A frame that a notebook draws: the function that draws it, which of its frames, and the rows."""

    place: str
    rows: pd.DataFrame


def frames_of(name: str, shown: object) -> Iterator[Shown]:
    """The frames in what a function draws, those of a replay or an escalation too."""
    if isinstance(shown, pd.DataFrame):
        yield Shown(name, shown)
    elif isinstance(shown, EscalationHandover):
        for file, text in shown.files.items():
            if file.endswith(".csv"):
                yield Shown(f"{name} {file}", pd.read_csv(io.StringIO(text.removeprefix("\ufeff")), dtype="str"))
    elif is_dataclass(shown) and not isinstance(shown, type):
        for field in fields(shown):
            # The tickets of a replay are what it counts; no function draws them one by one.
            if (type(shown).__name__, field.name) != ("Replay", "tickets"):
                yield from frames_of(f"{name} {field.name}", getattr(shown, field.name))


def drawn(area: str, folders: Folders, params: Path, *, minimum: int, **parameters: object) -> dict[str, pd.DataFrame]:
    """All frames that a notebook hands to the functions that draw, and its files, by place; nothing is drawn."""
    params.mkdir(exist_ok=True)
    text = (folders[1] / "org.yml").read_text(encoding="utf-8")
    (params / "org.yml").write_text(f"{text}\nprivacy: {{minimum_group: {minimum}}}\n", encoding="utf-8")
    show = getattr(ops, area).show
    frames: list[Shown] = []

    def recorder(name: str) -> Any:
        return lambda *values, **_: frames.extend(frame for each in values for frame in frames_of(name, each))

    with pytest.MonkeyPatch.context() as patch:
        for name, each in vars(show).items():
            if callable(each) and getattr(each, "__module__", "") == show.__name__ and not name.startswith("_"):
                patch.setattr(show, name, recorder(name))
        # What is left out because it is of few tickets would hide what is left out because it is of few people.
        patch.setattr("opslib.reports.contact_drivers.frames.FEWEST_CHOSEN", 1)
        patch.setattr("opslib.reports.routing_audit.frames.LEAST_SHOWN", 1)
        notebook = NOTEBOOKS / f"{area}.ipynb"
        sections = run_cells(notebook, warehouse=str(folders[0]), params=str(params), **parameters)
    values = [each for section in sections.values() for each in section]
    frames += [frame for each in values for frame in frames_of("handover", each)]
    places: dict[str, list[pd.DataFrame]] = {}
    # What several functions draw of one replay or escalation is looked at once.
    for frame in {id(each.rows): each for each in reversed(frames)}.values():
        places.setdefault(frame.place, []).append(frame.rows)
    return {f"{place} {number}": rows for place, each in places.items() for number, rows in enumerate(each)}


def attribute_values(warehouse: Path) -> set[str]:
    """What tickets say of the people who wrote them, and where they went."""
    tickets = Warehouse(warehouse).read("facts", "tickets")
    columns = [name for name in ATTRIBUTES if name in tickets]
    return {str(value) for name in columns for value in tickets[name].dropna().unique()}


def texts_in(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in rows if not pd.api.types.is_numeric_dtype(rows[name]) and name != "history"]


def group_columns(rows: pd.DataFrame, attributes: set[str]) -> list[str]:
    """The columns whose values are attributes of tickets."""
    return [name for name in texts_in(rows) if attributes & set(rows[name].dropna().astype(str))]


def sizes(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """What counts the people or tickets of each row: whole numbers, all weeks of a course, or a ticket a row."""
    if "ticket_id" in rows:
        return {"tickets": pd.Series(1.0, index=rows.index)}
    if "history" in rows:
        return {"history": rows["history"].map(sum).astype("float64")}
    whole = [
        name
        for name in rows.select_dtypes("number")
        if name not in NO_SIZES and rows[name].max() > 1 and (rows[name].dropna() % 1 == 0).all()
    ]
    return {name: rows[name].astype("float64") for name in whole}


def is_a_whole(rows: pd.DataFrame) -> bool:
    """Whether the rows are parts of a whole: not where a ticket may stand in several, as with phrases."""
    has_all_tickets = "ticket_ids" in rows and rows["ticket_ids"].map(lambda each: isinstance(each, tuple)).any()
    return not has_all_tickets or not rows["ticket_ids"].explode().duplicated().any()


def kinds_in(rows: pd.DataFrame, groups: list[str]) -> list[str]:
    """The columns that say of what a row is one part: left of the groups, or needed to tell rows of a group apart."""
    texts = [name for name in texts_in(rows) if name not in groups and name != "week"]
    last = max(map(list(rows).index, groups), default=0)
    kinds = [name for name in texts if list(rows).index(name) < last]
    for name in texts:
        keys = [*kinds, *groups]
        if name not in kinds and len(rows[[*keys, name]].drop_duplicates()) > len(rows[keys].drop_duplicates()):
            kinds.append(name)
    return [name for name in kinds if rows[name].nunique() < len(rows)]


def cells(rows: pd.DataFrame, keys: list[str], size: pd.Series) -> pd.Series:
    """The sum of each group that is named and whose number is there."""
    named = rows[keys].astype("str").fillna("(none)")
    return size.dropna().groupby([named.loc[size.notna(), name] for name in keys]).sum()


def is_folded(keys: tuple[str, ...]) -> bool:
    return any(key.startswith(FEW) for key in keys)


def leaks(name: str, every: pd.DataFrame, shown: pd.DataFrame, attributes: set[str], minimum: int) -> Iterator[str]:
    """What is shown of too few people in a frame, and what of them follows from the totals that can stand beside it."""
    groups = group_columns(every, attributes)
    kinds = [column for column in kinds_in(every, groups) if column in shown] if "ticket_id" not in every else []
    keys = [*kinds, *groups]
    shown_sizes = sizes(shown)
    for column, size in sizes(every).items() if groups else ():
        whole = cells(every, keys, size)
        left = cells(shown, keys, shown_sizes.get(column, shown[column] if column in shown else size.head(0)))
        whole.index, left.index = (
            [key if isinstance(key, tuple) else (key,) for key in each.index] for each in (whole, left)
        )
        for key, number in left.items():
            if 0 < number < minimum:
                yield f"{name}: {number:.0f} {column} of {key}"
        for count in range(len(groups) if is_a_whole(every) else 0):
            for total in combinations(range(len(kinds), len(keys)), count):
                places = [*range(len(kinds)), *total]
                yield from _subtractions(f"{name}: {column}", whole, left, places, minimum)


def leaks_of_list(
    name: str, rows: pd.DataFrame, tickets: pd.DataFrame, attributes: set[str], minimum: int
) -> Iterator[str]:
    """What a list names of its tickets, alone or together, with which too few people have ever written to the team."""
    groups = group_columns(rows, attributes)
    for count in range(1, len(groups) + 1):
        for columns in map(list, combinations(groups, count)):
            people = tickets.groupby(columns, dropna=False)["requester_id"].nunique()
            for key, _ in rows.groupby(columns):
                named = key if count > 1 else key[0]
                if not any(str(each).startswith(FEW) for each in key) and people.get(named, 0) < minimum:
                    yield f"{name}: {people.get(named, 0)} people ever of {key}"


def _subtractions(
    about: str, whole: dict[tuple[str, ...], float], left: dict[tuple[str, ...], float], places: list[int], minimum: int
) -> Iterator[str]:
    """The sums of what is hidden of each total that are of too few people."""
    sums: dict[tuple[str, ...], list[float]] = {}
    named = {key for key, _ in left.items() if not is_folded(key)}
    for key, number in whole.items():
        hidden, visible = sums.setdefault(tuple(key[place] for place in places), [0.0, 0.0])
        sums[tuple(key[place] for place in places)] = (
            [hidden, visible + number] if key in named else [hidden + number, visible]
        )
    for total, (hidden, visible) in sums.items():
        if visible and 0 < hidden < minimum:
            yield f"{about} of {total or 'all'} less those that are shown gives {hidden:.0f}"


CASES = [
    ("routing_audit", routing_warehouse.write_routing_warehouse, routing_warehouse.LAST, "shop", 25),
    ("routing_audit", routing_warehouse.write_routing_warehouse, routing_warehouse.LAST, "desk", 8),
    ("contact_drivers", drivers_warehouse.write_drivers_warehouse, drivers_warehouse.LAST, "alpha", 40),
    ("weekly_review", review_warehouse.write_warehouse, review_warehouse.LAST, "alpha", 25),
]


@pytest.mark.parametrize(("area", "write", "week", "team", "minimum"), CASES)
def test_nothing_of_too_few_people_is_shown_or_follows_from_what_is(
    area: str,
    write: Callable[..., Folders],
    week: str,
    team: str,
    minimum: int,
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
):
    folders = shared_warehouse(tmp_path_factory, write)
    attributes = attribute_values(folders[0])
    tickets = Warehouse(folders[0]).read("facts", "tickets", teams=[team])
    every, shown = (
        drawn(area, folders, tmp_path / str(least), minimum=least, week=week, team=team) for least in (2, minimum)
    )
    assert shown.keys() <= every.keys()
    assert any(FEW in rows.to_csv() for rows in shown.values())
    # A list of tickets is of a team and a number, no group; so is what it names of them where it has enough people.
    lists = {place for place, rows in every.items() if "over_seconds" in rows}
    assert [
        leak
        for place, rows in shown.items()
        for leak in (
            leaks_of_list(place, rows, tickets, attributes, minimum)
            if place in lists
            else leaks(place, every[place], rows, attributes, minimum)
        )
    ] == []
