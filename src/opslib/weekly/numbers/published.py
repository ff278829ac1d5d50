"""The numbers as they were published: kept for good and compared with those of now.

`published/values` has a row per metric, team and week, and another one each time its number changed; `published/marks`
tells what the rows and events looked like at the last publication, so that a change has a cause.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from opslib.analysis.weekly_review import restatements
from opslib.metrics import ALL, CATALOGUE
from opslib.settings import Organisation
from opslib.store.files import digest, write_json
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.values import TABLE

AREA = "published"
_CODE = Path(__file__).parents[2]
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
    mark = _mark(warehouse)
    basis = _basis(organisation)
    news["as_of"] = pd.Series(pd.Timestamp(as_of), index=news.index, dtype="datetime64[us, UTC]")
    then_or_never = pd.Timestamp(mark["as_of"]) if mark else pd.NaT
    news["was_as_of"] = pd.Series(then_or_never, index=news.index, dtype="datetime64[us, UTC]").where(news["published"])
    news["cause"] = pd.Series(index=news.index, dtype="str")
    restated = news[news["published"]]
    if mark and len(restated):
        then = datetime.fromisoformat(mark["as_of"])
        seen = pd.DataFrame(mark["seen"], columns=["kind", "team", "week", "content"])
        differences = _differences(seen, _seen(warehouse, organisation, then))
        news.loc[restated.index, "cause"] = restatements.causes(
            restated,
            late=differences[differences["kind"] == "events"],
            rows=differences[differences["kind"] == "rows"],
            parameters=basis["parameters"] != mark["basis"]["parameters"],
            definitions=frozenset(
                name for name, said in basis["definitions"].items() if mark["basis"]["definitions"].get(name) != said
            ),
            code=basis["code"] != mark["basis"]["code"],
            time_went_on=as_of > then,
        )
    if len(news):
        kept = pd.concat([history, news[_COLUMNS]], ignore_index=True)
        warehouse.write(AREA, "values", kept.astype({"cause": "str"}), partition_by_week=True)
    seen = _seen(warehouse, organisation, as_of)
    marked = {"as_of": as_of.isoformat(), "basis": basis, "seen": seen.to_numpy().tolist()}
    write_json(marked, warehouse.folder(AREA, "marks.json"))
    if not len(restated):
        return [f"{len(news):,} new numbers, none restated" if len(news) else "no number changed"]
    weeks = restated["week"].nunique()
    return [f"{len(news) - len(restated):,} new numbers, {len(restated):,} restated in {weeks} past weeks"]


def restated_by_team(warehouse: Warehouse, as_of: datetime) -> dict[str, int]:
    """How many numbers of each team the publication of that instant restated."""
    found = _history(warehouse)
    counted = found[found["cause"].notna() & (found["as_of"] == pd.Timestamp(as_of))]["team"].value_counts()
    return {str(team): int(count) for team, count in counted.items() if team != ALL}


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


def _mark(warehouse: Warehouse) -> dict[str, Any] | None:
    path = warehouse.folder(AREA, "marks.json")
    return json.loads(path.read_text()) if path.exists() else None


def _basis(organisation: Organisation) -> dict[str, Any]:
    """What the numbers rest on beside the rows: parameters, definitions, code."""
    files = sorted([*(_CODE / "facts").glob("*.py"), _CODE / "metrics.py", _CODE / "calendars.py"])
    return {
        "parameters": hashlib.sha256(organisation.model_dump_json().encode()).hexdigest(),
        "definitions": {name: metric.definition for name, metric in CATALOGUE.items()},
        "code": digest(*files),
    }


def _seen(warehouse: Warehouse, organisation: Organisation, until: datetime) -> pd.DataFrame:
    """The content, per team and week, of the events up to an instant and of the rows that numbers rest on."""
    with warehouse.connect() as con:
        for table in ("tickets", "ticket_events", "satisfaction", "quality_reviews"):
            files = [str(path) for path in warehouse.files("standard", table)]
            if files:
                con.from_parquet(files).create_view(table)
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


def _frame(con: duckdb.DuckDBPyConnection, query: str, until: datetime) -> pd.DataFrame:
    frame: pd.DataFrame = con.sql(query, params={"until": until}).to_arrow_table().to_pandas()
    return frame


def _of_tickets() -> str:
    """What the events do not tell: a change of status, holder or times in a ticket's row has an event of its own."""
    told = "|| '|' ||".join(f"coalesce(CAST({name} AS VARCHAR), '')" for name in _OWN_COLUMNS)
    return f"""
        SELECT 'rows' AS kind, team, week, md5_number({told}) AS content FROM tickets WHERE created_at <= $until
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
