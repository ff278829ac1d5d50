"""The numbers as they were published: kept for good and compared with those of now.

`published/values` has a row per metric, team and week, and another one each time its number changed. The memo of the
last publication tells what the rows and events looked like then, so that a change has a cause.
"""

from __future__ import annotations

import shutil
from datetime import datetime

import duckdb
import pandas as pd

from opslib.analysis.weekly_review import restatements
from opslib.facts import build
from opslib.metrics import ALL, CATALOGUE
from opslib.settings import Organisation
from opslib.store.memo import Basis, code_of, digest_of
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers import values
from opslib.weekly.numbers.values import TABLE

AREA = "published"
_DEFINITION = "definition of "
_OWN_COLUMNS = ("ticket_id", "created_at", "team", "channel", "form", "requester_id", "contact_reason", "due_at")
_COLUMNS = ["metric", "team", "week", "value", "was", "as_of", "was_as_of", "cause"]


def publish(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> list[str]:
    """Keep the numbers of now; where one was published before and is another now, say so with its cause.

    Args:
        warehouse: Holds the facts and weekly values; its `published/` is written.
        organisation: Its zone dates the events; its content is what "changed parameters" compares.
        as_of: The instant up to which the exports know the world.

    Returns:
        One line that says what was restated.
    """
    current = warehouse.read("facts", TABLE, columns=["metric", "team", "week", "channel", "value", "missing"])
    current = current[(current["channel"] == ALL) & current["missing"].isna()]
    history = _history(warehouse)
    last = history.drop_duplicates(restatements.CELL, keep="last")
    news = restatements.changed_values(last, current[[*restatements.CELL, "value"]])
    memo, basis = warehouse.memo(AREA), basis_of(organisation)
    mark = memo.note(AREA)
    news["as_of"] = pd.Series(pd.Timestamp(as_of), index=news.index, dtype="datetime64[us, UTC]")
    then_or_never = pd.Timestamp(mark["as_of"]) if mark else pd.NaT
    news["was_as_of"] = pd.Series(then_or_never, index=news.index, dtype="datetime64[us, UTC]").where(news["published"])
    news["cause"] = pd.Series(index=news.index, dtype="str")
    numbers = news[news["published"]]
    if not mark:
        news.loc[numbers.index, "cause"] = restatements.NOT_KNOWN
    elif len(numbers):
        then, changed = datetime.fromisoformat(mark["as_of"]), memo.changed(AREA, basis)
        before = pd.DataFrame(mark["content"], columns=["kind", "team", "week", "content"])
        differences = _differences(before, _content(warehouse, organisation, then))
        news.loc[numbers.index, "cause"] = restatements.causes(
            numbers,
            late=differences[differences["kind"] == "events"],
            rows=differences[differences["kind"] == "rows"],
            parameters="parameters" in changed,
            definitions=frozenset(name for name in CATALOGUE if _DEFINITION + name in changed),
            code="code" in changed,
            unsettled=_unsettled(warehouse, organisation, then),
            reaches_further=as_of > then,
        )
    if len(news):
        numbers_so_far = pd.concat([history, news[_COLUMNS]], ignore_index=True)
        warehouse.write(AREA, "values", numbers_so_far.astype({"cause": "str"}), partition_by_week=True)
    content = _content(warehouse, organisation, as_of)
    memo.keep(AREA, basis, {"as_of": as_of.isoformat(), "content": content.to_numpy().tolist()})
    if not len(numbers):
        return [f"{len(news):,} new numbers, none restated" if len(news) else "no number changed"]
    weeks = numbers["week"].nunique()
    return [f"{len(news) - len(numbers):,} new numbers, {len(numbers):,} restated in {weeks} past weeks"]


def forget_all(warehouse: Warehouse) -> None:
    """Forget what was published, because other exports take the place of those it was made of."""
    shutil.rmtree(warehouse.root / AREA, ignore_errors=True)
    warehouse.memo(AREA).forget([AREA])


def restated_by_team(warehouse: Warehouse, as_of: datetime) -> dict[str, int]:
    """How many numbers of each team the publication of that instant restated."""
    history = _history(warehouse)
    numbers = history[history["cause"].notna() & (history["as_of"] == pd.Timestamp(as_of))]
    return {str(team): int(count) for team, count in numbers["team"].value_counts().items() if team != ALL}


def _history(warehouse: Warehouse) -> pd.DataFrame:
    if not warehouse.has(AREA, "values"):
        empty = {
            "value": "float64",
            "was": "float64",
            "as_of": "datetime64[us, UTC]",
            "was_as_of": "datetime64[us, UTC]",
        }
        return pd.DataFrame(columns=_COLUMNS).astype(dict.fromkeys(_COLUMNS, "str") | empty)
    return warehouse.read(AREA, "values")


def basis_of(organisation: Organisation) -> Basis:
    """What the numbers rest on beside the rows: parameters, definitions, code."""
    return {
        "parameters": digest_of(organisation.model_dump_json()),
        "code": code_of(build.__name__, values.__name__),
        **{_DEFINITION + name: digest_of(metric.definition) for name, metric in CATALOGUE.items()},
    }


def _content(warehouse: Warehouse, organisation: Organisation, until: datetime) -> pd.DataFrame:
    """The content, per team and week, of the events up to an instant and of the rows that numbers rest on."""
    with warehouse.connect() as con:
        _view_tables(con, warehouse)
        zone = organisation.time_zone
        parts = [_of_tickets()]
        if warehouse.has("standard", "ticket_events"):
            parts.append(_of_events(zone))
        for table, column in (("satisfaction", "answered_at"), ("quality_reviews", "reviewed_at")):
            if warehouse.has("standard", table):
                parts.append(_of_rows(table, column, zone))
        query = f"""
            SELECT kind, team, week, CAST(bit_xor(content) AS VARCHAR) AS content
            FROM ({" UNION ALL ".join(parts)}) GROUP BY ALL ORDER BY ALL
        """
        return _frame(con, query, until)


def _unsettled(warehouse: Warehouse, organisation: Organisation, then: datetime) -> pd.DataFrame:
    """Team and week of tickets that were not done at an instant, or to which something has happened since.

    A ticket belongs to the week of its creation and to those in which its status changed.
    """
    zone = organisation.time_zone
    if not warehouse.has("standard", "ticket_events"):
        query = "SELECT DISTINCT team, week FROM tickets WHERE coalesce(closed_at, solved_at, $until) >= $until"
    else:
        query = f"""
            WITH open_or_moved AS (
                SELECT t.ticket_id, t.team, t.week FROM tickets t LEFT JOIN ticket_events e USING (ticket_id)
                GROUP BY ALL HAVING max(e.occurred_at) > $until OR NOT coalesce(
                    bool_or(e.event IN ('deleted', 'merged_into')) OR
                    arg_max(e.value, e.occurred_at) FILTER (e.event = 'status') IN ('solved', 'closed'), false)
            )
            SELECT team, week FROM open_or_moved
            UNION SELECT o.team, strftime(e.occurred_at AT TIME ZONE '{zone}', '%G-W%V')
            FROM open_or_moved o JOIN ticket_events e USING (ticket_id)
            WHERE e.event = 'status' AND e.occurred_at <= $until
        """
    with warehouse.connect() as con:
        _view_tables(con, warehouse)
        return _frame(con, query, then)


def _view_tables(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    for table in ("tickets", "ticket_events", "satisfaction", "quality_reviews"):
        files = [str(path) for path in warehouse.files("standard", table)]
        if files:
            con.from_parquet(files).create_view(table)


def _frame(con: duckdb.DuckDBPyConnection, query: str, until: datetime) -> pd.DataFrame:
    frame: pd.DataFrame = con.sql(query, params={"until": until}).to_arrow_table().to_pandas()
    return frame


def _of_tickets() -> str:
    """What the events do not tell: a change of status, holder or times in a ticket's row has an event of its own."""
    columns = "|| '|' ||".join(f"coalesce(CAST({name} AS VARCHAR), '')" for name in _OWN_COLUMNS)
    return f"""
        SELECT 'rows' AS kind, team, week, md5_number({columns}) AS content FROM tickets WHERE created_at <= $until
    """


def _of_events(zone: str) -> str:
    return f"""
        SELECT 'events' AS kind, t.team, strftime(e.occurred_at AT TIME ZONE '{zone}', '%G-W%V') AS week,
               md5_number(concat_ws('|', e.ticket_id, epoch_us(e.occurred_at), e.event, e.actor_id, e.actor_role,
                                    e.value)) AS content
        FROM ticket_events e JOIN tickets t USING (ticket_id) WHERE e.occurred_at <= $until
    """


def _of_rows(table: str, column: str, zone: str) -> str:
    return f"""
        SELECT 'rows' AS kind, t.team, strftime(r.{column} AT TIME ZONE '{zone}', '%G-W%V') AS week,
               md5_number(CAST(r AS VARCHAR)) AS content
        FROM {table} r JOIN tickets t USING (ticket_id) WHERE r.{column} <= $until
    """


def _differences(then: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """Kind, team and week whose content is not what it was."""
    both = then.merge(now, on=["kind", "team", "week"], how="outer", suffixes=("_then", "_now"))
    return both[both["content_then"].fillna("") != both["content_now"].fillna("")]
