"""The numbers as they were published: kept for good and compared with those of now.

`published/values` has a row per metric, team and week when its number is first known, when it settles, and whenever it
is another one after that. A publication is open until `close` says whose pages were shown: what no page showed was
never published, and can be no other number later. `published/grounds` and `published/marks.json` tell of the last
publication of each team what its numbers rested on, so that a restatement has a cause.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from itertools import product
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.analysis.weekly_review import restatements
from opslib.analysis.weekly_review.review import REPORT_WEEKS
from opslib.calendars import day_table
from opslib.display import words
from opslib.facts import build
from opslib.intake.privacy.subjects import Subjects
from opslib.intake.privacy.tombstones import BY_AGE, Tombstones
from opslib.metrics import ALL, CATALOGUE, Metric
from opslib.settings import Calendar, Organisation
from opslib.store.files import pattern_of, remove_file, week_rows_source
from opslib.store.memo import Basis, code_of, digest_of
from opslib.store.warehouse import PUBLISHED, Warehouse
from opslib.tables import TABLES
from opslib.weekly.numbers import values
from opslib.weekly.numbers.values import TABLE, last_week_of
from opslib.weeks import monday_of, shift_week, week_bounds

AREA = PUBLISHED
GROUNDS = "grounds"
WITHDRAWN = "withdrawn"
MARKS = "marks.json"
_DEFINITION = "definition of "
_HOURS, _TARGETS, _ZONE, _SETTINGS = "hours", "targets", "time zone", "settings"
_OF_NO_NUMBER = {
    "labels",
    "locale",
    "organisation",
    "privacy",
    "limits",
    "signals",
    "teams",
    "calendars",
    "sla_policies",
    "time_zone",
    "contacts",
}
"""What of params/org.yml no weekly value rests on, or what is compared by team; anything else may touch every one."""
_LABELS = ("channel", "requester_id", "contact_reason")
"""What the events do not tell of a ticket, beside its creation and deadline; metrics say which of them they need."""
_OF_NO_CONTENT = {
    *("comment", "reviewer_id", "agent_id", "disputed_at", "overturned"),
    *("answer_id", "event_id", "sequence"),
}
_TOUCHES: dict[str, tuple[str, Callable[[Metric], bool] | None]] = {
    "own": (restatements.CHANGED_ROWS, None),
    "labels": (restatements.CHANGED_ROWS, lambda each: any(f"tickets.{name}" in each.needs for name in _LABELS)),
    "deadline": (restatements.CHANGED_ROWS, lambda each: each.name == "full_resolution_sla"),
    "first_reply": (restatements.CHANGED_ROWS, lambda each: each.name.startswith("first_reply")),
    "events": (restatements.LATE_EVENTS, None),
    "surveys": (restatements.CHANGED_SCORES, lambda each: each.fact in ("surveys", "offers")),
    "reviews": (restatements.CHANGED_SCORES, lambda each: each.fact == "reviews"),
}
"""What `published/grounds` tells apart of a ticket: the cause that it is named as, and the metrics it can touch."""
_COLUMNS = ["metric", "team", "week", "value", "was", "as_of", "was_as_of", "cause", "state", "entry", "publication"]
_EARLIER = 0
"""The number of what an earlier version published, which kept one publication for all teams."""


@dataclass(frozen=True)
class _Marks:
    """What `published/marks.json` holds.

    `publications` has by number the `basis` and `note` of each publication that some team's numbers rest on, `last` the
    number of each team's last one, `open` the number of one of which it is not known yet what pages showed, and
    `open_teams` whose numbers it has.
    """

    publications: dict[int, dict[str, Any]] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    open: int | None = None
    open_teams: tuple[str, ...] = ()

    def number_of(self, team: str) -> int:
        """The last publication of a team."""
        return self.last.get(team, _EARLIER)

    def of(self, number: int) -> tuple[Basis, dict[str, Any] | None]:
        """Basis and note of a publication; nothing where there is no record of it."""
        mark = self.publications.get(number, {"basis": {}, "note": None})
        return mark["basis"], mark["note"]

    @property
    def needed(self) -> set[int]:
        """The publications that numbers rest on."""
        return {*self.last.values(), _EARLIER} & set(self.publications)


def publish(
    warehouse: Warehouse, organisation: Organisation, as_of: datetime, week: str, teams: Collection[str]
) -> list[str]:
    """Open a publication of the numbers of now; where one had settled and is another now, say so with its cause.

    Args:
        warehouse: Holds the facts and weekly values; its `published/` is written.
        organisation: Its zone dates the weeks; its hours and targets are compared with those of the last publication.
        as_of: The instant up to which the exports know the world.
        week: The one that is reported. Its pages show the weeks up to it on which a report looks back; what is older is
            no news, unless an earlier page showed it.
        teams: Whose pages are going to be made. The numbers of all teams together are theirs where none is left out.
            Of none, as where the gate blocks all, nothing is published.

    Returns:
        A line that says what is new, settled and restated.

    Notes:
        It stays open until `close`. One that was never closed is taken back by the next. Where all is as these teams'
        last publication has it, none is opened and nothing is written.
    """
    if not teams:
        return ["no page with these numbers is made, so none is published"]
    weeks = warehouse.weeks("facts", TABLE)
    if not weeks or weeks[-1] > last_week_of(organisation, as_of):
        return ["no week is complete, so no number is published"]
    own = [*teams, ALL] if set(teams) == set(organisation.team_names) else list(teams)
    columns = ["metric", "team", "week", "channel", "value", "missing", "state"]
    current = warehouse.read("facts", TABLE, columns=columns, weeks=[each for each in weeks if each <= week])
    current = current[(current["channel"] == ALL) & current["missing"].isna() & current["team"].isin(own)]
    basis, marks = basis_of(), _read_marks(warehouse)
    history = _history(warehouse, organisation, marks)
    history = history[history["publication"] != marks.open]
    number = max([*({*marks.publications} - {marks.open}), *history["publication"]], default=_EARLIER) + 1
    last = history.drop_duplicates(restatements.CELL, keep="last")
    own_cells, published = (pd.MultiIndex.from_frame(rows[restatements.CELL]) for rows in (current, last))
    is_shown = (current["week"] > shift_week(week, -REPORT_WEEKS)) | own_cells.isin(published)
    news = restatements.entries(last, current[is_shown])
    news = news[~_prints_as_before(news)].reset_index(drop=True)
    news = news.assign(publication=number, cause=pd.Series(index=news.index, dtype="str"))
    news["as_of"] = pd.Series(pd.Timestamp(as_of), index=news.index, dtype="datetime64[us, UTC]")
    restated = news[news["entry"] == restatements.RESTATEMENT]
    for before, rows in restated.groupby(restated["team"].map(marks.number_of)):
        basis_then, note = marks.of(before)
        news.loc[rows.index, "was_as_of"] = pd.Timestamp(note["as_of"]) if note else pd.NaT
        changed = frozenset(name for name in {*basis_then, *basis} if basis_then.get(name) != basis.get(name))
        news.loc[rows.index, "cause"] = _causes(warehouse, organisation, rows, before, note, changed, as_of)
    first_day = _first_day(warehouse)
    parameters = _parameters(organisation, first_day, as_of)
    note = {"as_of": as_of.isoformat(), "since": first_day.isoformat(), "parameters": parameters}
    if news.empty and _is_as_published(warehouse, marks, own, {"basis": basis, "note": note}, as_of):
        return [_in_words(news)]
    publications = {each: marks.publications[each] for each in marks.needed} | {number: {"basis": basis, "note": note}}
    # first of all, so that what follows is taken back where a run is killed
    _write_marks(warehouse, _Marks(publications, marks.last, number, tuple(own)))
    warehouse.write(AREA, GROUNDS, _grounds(warehouse, as_of, number, earlier=marks.needed))
    _write_numbers(warehouse, pd.concat([history, news[_COLUMNS]], ignore_index=True))
    return [_in_words(news)]


def _is_as_published(
    warehouse: Warehouse, marks: _Marks, teams: Collection[str], mark: Mapping[str, Any], as_of: datetime
) -> bool:
    """Whether what numbers of some teams rest on is what the last publication of all of them has."""
    numbers = {marks.number_of(team) for team in teams}
    if marks.open is not None or len(numbers) > 1 or warehouse.has(AREA, WITHDRAWN):
        return False
    (number,) = numbers
    if marks.publications.get(number) != mark or not warehouse.has(AREA, GROUNDS):
        return False
    files = warehouse.files(AREA, GROUNDS)
    then = pa.concat_tables([pq.read_table(path, partitioning=None) for path in files])
    if "publication" not in then.column_names:
        return False
    now = _grounds(warehouse, as_of, number, earlier=[])
    then = then.filter(pc.equal(then["publication"], number)).select(now.column_names)
    return bool(now.cast(then.schema).equals(then))


def close(warehouse: Warehouse, shown: Collection[str]) -> None:
    """Keep of the open publication, if there is one, what pages showed.

    Args:
        warehouse: Its `published/` is written.
        shown: The teams whose page with these numbers is there. The numbers of all teams together stay where all of
            the publication are.
    """
    marks = _read_marks(warehouse)
    if marks.open is None:
        return
    own = {team for team in marks.open_teams if team in shown}
    if {*own, ALL} == set(marks.open_teams):
        own.add(ALL)
    history = warehouse.read(AREA, "values") if warehouse.has(AREA, "values") else pd.DataFrame(columns=_COLUMNS)
    unseen = (history["publication"] == marks.open) & ~history["team"].isin(own)
    if unseen.any():
        _write_numbers(warehouse, history[~unseen])
    last = marks.last | dict.fromkeys(own, marks.open)
    # once all teams have been shown, none rests on the one publication that an earlier version kept
    needed = _Marks(marks.publications, last).needed - ({_EARLIER} if ALL in own else set())
    if needed != set(marks.publications):
        rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in warehouse.files(AREA, GROUNDS)])
        warehouse.write(AREA, GROUNDS, rows.filter(pc.is_in(rows["publication"], pa.array(sorted(needed), pa.int64()))))
    if warehouse.has(AREA, WITHDRAWN):
        rows = warehouse.read(AREA, WITHDRAWN)
        _write_withdrawn(warehouse, pa.Table.from_pandas(rows[~rows["team"].isin(own)], preserve_index=False))
    _write_marks(warehouse, _Marks({each: marks.publications[each] for each in needed}, last))


def _write_numbers(warehouse: Warehouse, numbers: pd.DataFrame) -> None:
    """Write the ledger."""
    types = dict.fromkeys(("cause", "state", "entry"), "str") | {"publication": "int64"}
    warehouse.write(AREA, "values", numbers.astype(types), partition_by_week=True)


def _write_withdrawn(warehouse: Warehouse, reach: pa.Table) -> None:
    """Write what withdrawals can touch; nothing where no team's next publication has to name them any more."""
    if reach.num_rows:
        warehouse.write(AREA, WITHDRAWN, reach)
        return
    for path in warehouse.files(AREA, WITHDRAWN):
        warehouse.generations.forget(path)
        remove_file(path)


def _read_marks(warehouse: Warehouse) -> _Marks:
    path = warehouse.root / AREA / MARKS
    if path.is_file():
        tree = json.loads(path.read_text(encoding="utf-8"))
        if "publications" in tree:
            publications = {int(number): mark for number, mark in tree["publications"].items()}
            return _Marks(publications, tree["last"], tree["open"], tuple(tree["open_teams"]))
        return _Marks({_EARLIER: tree})
    # A still earlier version kept it there.
    memo = warehouse.memo(AREA)
    basis, note = memo.basis(AREA), memo.note(AREA)
    return _Marks({_EARLIER: {"basis": basis, "note": note}}) if note else _Marks()


def _write_marks(warehouse: Warehouse, marks: _Marks) -> None:
    content = json.dumps(asdict(marks), indent=1, sort_keys=True) + "\n"
    warehouse.generations.write(content.encode(), warehouse.root / AREA / MARKS)


def _prints_as_before(news: pd.DataFrame) -> pd.Series:
    """The restatements that no page shows: a value counts as settled once it cannot change as it is printed."""
    units = news["metric"].map({name: metric.unit for name, metric in CATALOGUE.items()})
    rows = news[(news["entry"] == restatements.RESTATEMENT) & news["value"].notna()]
    same = [
        words.value(value, unit) == words.value(was, unit)
        for value, was, unit in zip(rows["value"], rows["was"], units[rows.index], strict=True)
    ]
    return pd.Series(same, index=rows.index, dtype="bool").reindex(news.index, fill_value=False)


def _in_words(news: pd.DataFrame) -> str:
    if news.empty:
        return "no number changed"
    counts = news["entry"].value_counts()
    line = f"{words.whole(counts.get(restatements.FIRST_KNOWN, 0))} new numbers"
    if counts.get(restatements.SETTLING):
        line += f", {words.whole(counts[restatements.SETTLING])} settled"
    if not counts.get(restatements.RESTATEMENT):
        return f"{line}, none restated"
    weeks = news.loc[news["entry"] == restatements.RESTATEMENT, "week"].nunique()
    return f"{line}, {words.whole(counts[restatements.RESTATEMENT])} restated in {weeks} past weeks"


def forget_all(warehouse: Warehouse) -> None:
    """Forget what was published, because other exports take the place of those it was made of."""
    warehouse.generations.forget(warehouse.root / AREA)
    for path in [*(warehouse.root / AREA).rglob("part.parquet"), warehouse.root / AREA / MARKS]:
        remove_file(path)
    warehouse.memo(AREA).forget([AREA])


def restated_by_team(warehouse: Warehouse, as_of: datetime) -> dict[str, int]:
    """How many numbers of each team the publication of that instant restated."""
    if not warehouse.has(AREA, "values"):
        return {}
    history = warehouse.read(AREA, "values")
    numbers = history[(history["entry"] == restatements.RESTATEMENT) & (history["as_of"] == pd.Timestamp(as_of))]
    return {str(team): int(count) for team, count in numbers["team"].value_counts().items() if team != ALL}


def _history(warehouse: Warehouse, organisation: Organisation, marks: _Marks) -> pd.DataFrame:
    """The ledger so far; one that was written before it told entries, states and publications is taken over."""
    if not warehouse.has(AREA, "values"):
        instant = "datetime64[us, UTC]"
        types = {"value": "float64", "was": "float64", "as_of": instant, "was_as_of": instant, "publication": "int64"}
        return pd.DataFrame(columns=_COLUMNS).astype(dict.fromkeys(_COLUMNS, "str") | types)
    history = warehouse.read(AREA, "values")
    if "publication" not in history:
        history = history.assign(publication=_EARLIER)
    if "entry" in history:
        return history
    _, note = marks.of(_EARLIER)
    ends = {week: week_bounds(week, organisation.zone)[1] for week in history["week"].unique()}
    return restatements.with_entries(history, ends, datetime.fromisoformat(note["as_of"]) if note else None)


def basis_of() -> Basis:
    """What the numbers rest on beside rows and parameters: definitions and code."""
    return {
        "code": code_of(build.__name__, values.__name__),
        **{_DEFINITION + name: digest_of(metric.definition) for name, metric in CATALOGUE.items()},
    }


def _causes(
    warehouse: Warehouse,
    organisation: Organisation,
    numbers: pd.DataFrame,
    publication: int,
    mark: Mapping[str, Any] | None,
    changed: frozenset[str],
    as_of: datetime,
) -> pd.Series:
    """Why numbers are others than at a publication before, as far as there is a record of it."""
    changed_definitions = [name for name in CATALOGUE if _DEFINITION + name in changed]
    definitions = pd.DataFrame({"team": None, "metric": changed_definitions, "week": None})
    if mark is None:
        return pd.Series(restatements.NOT_KNOWN, index=numbers.index)
    if "parameters" not in mark or not warehouse.has(AREA, GROUNDS):
        other = numbers["metric"].isin(changed_definitions)
        named = pd.Series(restatements.NOT_KNOWN, index=numbers.index)
        return named.mask(other, restatements.CHANGED_DEFINITION)
    then = datetime.fromisoformat(str(mark["as_of"]))
    parameters_now = _parameters(organisation, date.fromisoformat(str(mark["since"])), then)
    return restatements.causes(
        numbers,
        changes={
            **_changes_of_rows(warehouse, publication, then),
            **_reach_of_withdrawals(warehouse),
            restatements.CHANGED_PARAMETERS: _reach_of_parameters(organisation, mark["parameters"], parameters_now),
            restatements.CHANGED_DEFINITION: definitions,
        },
        code="code" in changed,
        moved=_moved(warehouse, organisation, then),
        reaches_further=as_of > then,
    )


# --- parameters ----------------------------------------------------------------------------------------------------


def _first_day(warehouse: Warehouse) -> date:
    return monday_of(warehouse.weeks("standard", "tickets")[0])


def _parameters(organisation: Organisation, since: date, until: datetime) -> dict[str, str]:
    """What numbers rest on of params/org.yml, a digest per kind, team and SLA metric (empty where it is of all).

    Hours are those from a day on up to an instant: what is planned for later has touched no number yet. What a team is
    called and what it aims for touch none at all.
    """
    settings = organisation.model_dump(mode="json", exclude=_OF_NO_NUMBER)
    targets = defaultdict(list)
    for policy in organisation.sla_policies:
        holders = [team.name for team in organisation.teams if team.sla_policy == policy.name]
        for team, target in product(holders or [""], policy.targets):
            targets[team, target.metric].append(target.model_dump(mode="json"))
    return {
        _key(_ZONE): digest_of(organisation.time_zone),
        _key(_SETTINGS): digest_of(settings),
        **{
            _key(_HOURS, team.name): _hours(organisation.calendar(team.calendar), since, until)
            for team in organisation.teams
        },
        **{_key(_TARGETS, *of): digest_of(each) for of, each in targets.items()},
    }


def _key(kind: str, team: str = "", metric: str = "") -> str:
    return "|".join((kind, team, metric))


def _hours(calendar: Calendar, since: date, until: datetime) -> str:
    """The digest of a calendar's open hours; what it is called is none of them."""
    if until.date() <= since:
        return ""
    return digest_of(day_table([calendar], since, until.date()).drop(columns="calendar").to_csv(index=False))


def _reach_of_parameters(organisation: Organisation, then: Mapping[str, str], now: Mapping[str, str]) -> pd.DataFrame:
    """Which numbers the changed parameters can touch: `restatements.REACH`."""
    rows: list[tuple[str | None, str | None]] = []
    for key in {*then, *now}:
        if then.get(key) == now.get(key):
            continue
        kind, team, metric = key.split("|")
        if kind == _HOURS:
            rows += [(team, name) for name in _on_business_hours(organisation, team)]
        elif kind == _TARGETS:
            rows.append((team or None, f"{metric}_sla"))
        else:
            rows.append((None, None))
    return pd.DataFrame(rows, columns=["team", "metric"]).assign(week=None)[restatements.REACH]


def _on_business_hours(organisation: Organisation, team: str) -> list[str]:
    """The metrics of a team that its open hours touch: times on the business clock, and the targets that have it."""
    times = [name for name, metric in CATALOGUE.items() if "business" in metric.ended]
    own = {policy for each in organisation.teams if each.name == team for policy in [each.sla_policy]}
    targets = [target for policy in organisation.sla_policies if policy.name in own for target in policy.targets]
    return times + [f"{target.metric}_sla" for target in targets if target.clock == "business"]


# --- rows ----------------------------------------------------------------------------------------------------------


def _grounds(warehouse: Warehouse, until: datetime, publication: int, *, earlier: Collection[int]) -> pa.Table:
    """What the numbers rest on of the rows up to an instant: the content of each ticket, its events and its scores.

    A ticket's content stays what it is when the ticket is handed to another team. Below it stand those of earlier
    publications.
    """
    with warehouse.connect() as con:
        present = _view_tables(con, warehouse)
        query = f"SELECT *, CAST({publication} AS BIGINT) AS publication FROM ({_grounds_query(present)})"
        if earlier and warehouse.has(AREA, GROUNDS):
            _view_grounds(con, warehouse)
            numbers = ", ".join(map(str, sorted(earlier)))
            query += f" UNION ALL BY NAME SELECT * FROM grounds_before WHERE publication IN ({numbers})"
        query += " ORDER BY publication DESC, week, ticket_id"
        return con.sql(query, params={"until": until}).to_arrow_table()


def _view_grounds(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Give `published/grounds` the name `grounds_before` in the engine."""
    files = [pattern_of(path) for path in warehouse.files(AREA, GROUNDS)]
    rows = con.from_parquet(files, hive_partitioning=False)
    if "publication" not in rows.columns:
        rows = rows.project(f"*, CAST({_EARLIER} AS BIGINT) AS publication")
    rows.create_view("grounds_before")


def _grounds_query(present: Mapping[str, Sequence[str]]) -> str:
    parts = {
        "events": ("ticket_events", "occurred_at", _columns_of_content(present, "ticket_events")),
        "surveys": ("satisfaction", "answered_at", _columns_of_content(present, "satisfaction")),
        "reviews": ("quality_reviews", "reviewed_at", _columns_of_content(present, "quality_reviews")),
    }
    joins, columns = [], []
    for name, (table, dated_by, content) in parts.items():
        if table not in present:
            columns.append(f"CAST(0 AS BIGINT) AS {name}")
            continue
        columns.append(f"CAST(coalesce({name}.content, 0) AS BIGINT) AS {name}")
        joins.append(
            f"LEFT JOIN (SELECT ticket_id, sum({_content(table, content)}) AS content FROM {table} "
            f"WHERE {dated_by} <= $until GROUP BY ticket_id) {name} USING (ticket_id)"
        )
    labels = [name for name in _LABELS if name in present["tickets"]]
    deadline = [name for name in ("due_at",) if name in present["tickets"]]
    return f"""
        SELECT ticket_id, week, team, {_content("tickets", ["created_at"])} AS own,
               {_content("tickets", labels)} AS labels, {_content("tickets", deadline)} AS deadline,
               {_first_reply(present)} AS first_reply, {", ".join(columns)}
        FROM tickets {" ".join(joins)} WHERE created_at <= $until
    """


def _first_reply(present: Mapping[str, Sequence[str]]) -> str:
    """The first reply where only the row tells it, once it has been given."""
    if "ticket_events" in present or "first_reply_at" not in present["tickets"]:
        return "CAST(0 AS BIGINT)"
    return "CASE WHEN first_reply_at <= $until THEN epoch_us(first_reply_at) ELSE 0 END"


def _columns_of_content(present: Mapping[str, Sequence[str]], table: str) -> list[str]:
    return [name for name in present.get(table, ()) if name not in _OF_NO_CONTENT]


def _content(table: str, columns: Sequence[str]) -> str:
    """The digest of a row, from those of its columns that have a value: one more column of nothing changes no row."""
    if not columns:
        return "CAST(0 AS BIGINT)"
    instants = TABLES[table].of_type("instant")
    values_of = {name: f"epoch_us({name})" if name in instants else name for name in columns}
    written = ", ".join(f"'{name}=' || CAST({value} AS VARCHAR)" for name, value in values_of.items())
    return f"CAST(md5_number_lower(concat_ws('|', {written})) & 4294967295 AS BIGINT)"


def _changes_of_rows(warehouse: Warehouse, publication: int, then: datetime) -> dict[str, pd.DataFrame]:
    """By cause which numbers the rows can touch that are not what a publication rested on: `restatements.REACH`.

    A ticket touches the numbers of every team that has held it, from the week of its creation on.
    """
    flags = ", ".join(f"is_{part}" for part in _TOUCHES)
    with warehouse.connect() as con:
        present = _view_tables(con, warehouse)
        _view_grounds(con, warehouse)
        con.execute(f"CREATE TEMP TABLE grounds_now AS {_grounds_query(present)}", {"until": then})
        differences = ", ".join(
            # What was withdrawn from a ticket has left a null.
            f"b.{part} IS DISTINCT FROM n.{part} AND ({part == 'own'} OR (b.{part} IS NOT NULL AND n.own IS NOT NULL)) "
            f"AS is_{part}"
            for part in _TOUCHES
        )
        con.execute(
            f"""
            CREATE TEMP TABLE changed AS
            SELECT ticket_id, least(b.week, n.week) AS week, b.team AS team_before, n.team AS team_now, {differences}
            FROM (FROM grounds_before WHERE publication = {publication}) b
            FULL JOIN grounds_now n USING (ticket_id)
            WHERE {flags.replace(", ", " OR ")}
            """
        )
        teams = "SELECT *, team_before AS team FROM changed UNION ALL SELECT *, team_now FROM changed"
        if "ticket_events" in present:
            teams += " UNION ALL SELECT c.*, e.value FROM changed c JOIN ticket_events e USING (ticket_id) "
            teams += "WHERE e.event = 'team'"
        rows = _frame(
            con,
            f"SELECT team, min(week) AS week, {flags} FROM ({teams}) WHERE team IS NOT NULL GROUP BY ALL ORDER BY ALL",
        )
    reach: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for part, (cause, is_touched) in _TOUCHES.items():
        names = [None] if is_touched is None else [name for name, each in CATALOGUE.items() if is_touched(each)]
        cells = rows.loc[rows[f"is_{part}"], ["team", "week"]]
        reach[cause].append(cells.merge(pd.DataFrame({"metric": names}, dtype="object"), how="cross"))
    return {cause: pd.concat(parts, ignore_index=True)[restatements.REACH] for cause, parts in reach.items()}


def withdraw(warehouse: Warehouse, subjects: Subjects, cause: str) -> None:
    """Take people and tickets out of what published numbers rested on, and keep which numbers that can touch.

    Args:
        warehouse: Its `published/grounds` is written; its standard tables still hold them.
        subjects: Who and what is taken out.
        cause: `restatements.FORGOTTEN` or `restatements.KEPT_NO_LONGER`: why, as a restatement will name it.
    """
    if not (subjects and warehouse.has(AREA, GROUNDS)):
        return
    with warehouse.connect() as con:
        present = _view_tables(con, warehouse)
        con.register("tickets_gone", pa.table({"ticket_id": pa.array(sorted(subjects.tickets), pa.string())}))
        con.register("people_gone", pa.table({"person": pa.array(sorted(subjects.people), pa.string())}))
        _view_grounds(con, warehouse)
        named = {
            "ticket_events": [name for name in ("actor_id", "value") if name in present.get("ticket_events", ())],
            "quality_reviews": [
                name for name in ("agent_id", "reviewer_id") if name in present.get("quality_reviews", ())
            ],
        }
        touched = [
            f"SELECT ticket_id FROM {table} SEMI JOIN people_gone ON {name} = person"
            for table, names in named.items()
            for name in names
        ]
        con.execute(f"CREATE TEMP TABLE touched AS {' UNION '.join([*touched, 'SELECT ticket_id FROM tickets_gone'])}")
        teams = "SELECT DISTINCT team, week FROM grounds_before SEMI JOIN touched USING (ticket_id)"
        if "ticket_events" in present:
            teams += " UNION SELECT e.value, b.week FROM grounds_before b JOIN ticket_events e USING (ticket_id) "
            teams += "SEMI JOIN touched t ON t.ticket_id = b.ticket_id WHERE e.event = 'team'"
        reach = con.sql(
            f"SELECT '{cause}' AS cause, team, min(week) AS week FROM ({teams}) WHERE team IS NOT NULL "
            "GROUP BY team ORDER BY team"
        ).to_arrow_table()
        parts = ", ".join(
            f"CASE WHEN t.ticket_id IS NULL THEN b.{part} END AS {part}" for part in ("events", "reviews")
        )
        grounds = con.sql(
            f"SELECT b.* REPLACE ({parts}) FROM grounds_before b LEFT JOIN touched t USING (ticket_id) "
            "ANTI JOIN tickets_gone g ON g.ticket_id = b.ticket_id ORDER BY b.publication DESC, b.week, b.ticket_id"
        ).to_arrow_table()
    before = [pq.read_table(path, partitioning=None) for path in warehouse.files(AREA, WITHDRAWN)]
    if reach.num_rows:
        warehouse.write(AREA, WITHDRAWN, pa.concat_tables([*before, reach]))
    warehouse.write(AREA, GROUNDS, grounds)


def withdraw_by_age(warehouse: Warehouse, tombstones: Tombstones) -> None:
    """Take out of what published numbers rested on those tickets that are kept no longer."""
    for path in warehouse.files(AREA, GROUNDS):
        rows = pq.read_table(path, columns=["ticket_id"], partitioning=None)
        withdraw(warehouse, tombstones.among(rows, GROUNDS, BY_AGE), restatements.KEPT_NO_LONGER)


def _reach_of_withdrawals(warehouse: Warehouse) -> dict[str, pd.DataFrame]:
    """Which numbers can be touched by what was taken out since the last publication, by cause."""
    if not warehouse.has(AREA, WITHDRAWN):
        return {}
    rows = warehouse.read(AREA, WITHDRAWN).assign(metric=None)
    return {str(cause): cells[restatements.REACH] for cause, cells in rows.groupby("cause")}


def _moved(warehouse: Warehouse, organisation: Organisation, then: datetime) -> pd.DataFrame:
    """Team and week of tickets to which something has happened since an instant.

    A ticket belongs to the week of its creation and to those in which its status changed, and to every team that has
    held it.
    """
    zone = organisation.time_zone
    with warehouse.connect() as con:
        present = _view_tables(con, warehouse)
        if "ticket_events" not in present:
            ends = [name for name in ("closed_at", "solved_at") if name in present["tickets"]]
            end = f"coalesce({', '.join([*ends, '$until'])})"
            query = f"SELECT DISTINCT team, week FROM tickets WHERE {end} >= $until AND created_at <= $until"
            return _frame(con, query, then)
        return _frame(
            con,
            f"""
            WITH moved AS (SELECT DISTINCT ticket_id FROM ticket_events WHERE occurred_at > $until),
            teams AS (
                SELECT ticket_id, team FROM tickets
                UNION SELECT ticket_id, value FROM ticket_events WHERE event = 'team'
            ),
            weeks AS (
                SELECT ticket_id, week FROM tickets
                UNION SELECT ticket_id, strftime(occurred_at AT TIME ZONE '{zone}', '%G-W%V') FROM ticket_events
                WHERE event = 'status' AND occurred_at <= $until
            )
            SELECT DISTINCT team, week FROM moved JOIN teams USING (ticket_id) JOIN weeks USING (ticket_id)
            WHERE team IS NOT NULL
            """,
            then,
        )


def _view_tables(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> dict[str, list[str]]:
    """Give the tables that numbers rest on their names in the engine; the columns of each that is there."""
    columns = {}
    for table in ("tickets", "ticket_events", "satisfaction", "quality_reviews"):
        files = warehouse.files("standard", table)
        if files:
            rows = con.sql(f"FROM {week_rows_source(files)}")
            rows.create_view(table)
            columns[table] = [name for name in rows.columns if name in TABLES[table].names]
    return columns


def _frame(con: duckdb.DuckDBPyConnection, query: str, until: datetime | None = None) -> pd.DataFrame:
    parameters = {} if until is None else {"until": until}
    frame: pd.DataFrame = con.sql(query, params=parameters).to_arrow_table().to_pandas()
    return frame
