"""The gate stops what is broken, names it, and lets every other team through."""

from __future__ import annotations

import json
import logging
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from rich.console import Console

from opslib.errors import GateError
from opslib.intake import gate
from opslib.intake.gate import check
from opslib.intake.suites import Engine, quiet
from opslib.intake.verdict import DamagedFile, GateRun, Result, Verdict, verdict_lines
from opslib.tables import TABLES
from tests.intake.healthy_exports import (
    AS_OF,
    NOW,
    ORGANISATION,
    TEAMS,
    TICKETS_A_WEEK,
    WEEK,
    WEEK_END,
    candidates,
    healthy,
    present_in,
)

SUITES = Path(__file__).parents[2] / "expectations"
Tables = dict[str, pd.DataFrame]


OF_TYPE = "expect_column_values_to_be_of_type"


NOT_NULL = "expect_column_values_to_not_be_null"
LEAN: list[Path] = []


def suites_with(folder: Path, keep: Callable[[dict[str, Any]], bool]) -> Path:
    """The shipped suites with some of their expectations: the time of a run is the number of its expectations."""
    for path in SUITES.glob("*.json"):
        suite = json.loads(path.read_text())
        suite["expectations"] = [rule for rule in suite["expectations"] if keep(rule)]
        (folder / path.name).write_text(json.dumps(suite))
    return folder


@pytest.fixture(scope="module", autouse=True)
def lean_suites(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Types have a test of their own, and of the warnings about rows few are spoken of below: the rest runs without."""
    spoken_of = {"priority", "other_values_are_readable", "agent_is_known"}

    def kept(rule: dict[str, Any]) -> bool:
        quiet = rule["severity"] == "warning" and rule["meta"]["scope"] == "rows"
        return rule["type"] != OF_TYPE and (not quiet or rule["kwargs"].get("column") in spoken_of)

    LEAN.append(suites_with(tmp_path_factory.mktemp("expectations"), kept))


def judge(
    tables: Mapping[str, pd.DataFrame],
    *,
    con: duckdb.DuckDBPyConnection | None = None,
    **how: Any,
) -> GateRun:
    con = con or duckdb.connect()
    candidates(con, tables)
    return judged(con, tables, **how)


def judged(
    con: duckdb.DuckDBPyConnection,
    tables: Mapping[str, pd.DataFrame],
    *,
    expectations: Path | None = None,
    without: Sequence[str] = (),
    damaged: Sequence[DamagedFile] = (),
    as_of: datetime = AS_OF,
) -> GateRun:
    return check(
        con,
        organisation=ORGANISATION,
        week=WEEK,
        as_of=as_of,
        expectations=expectations or LEAN[-1],
        present=present_in(tables, without),
        damaged=damaged,
        now=NOW,
    )


def result(run: GateRun, table: str, expectation: str) -> Result:
    found = [r for r in run.verdict.results if r.table == table and r.expectation == expectation]
    assert len(found) == 1, [r.expectation for r in run.verdict.results if r.table == table]
    return found[0]


def reasons(run: GateRun, table: str) -> dict[int, str]:
    aside = run.set_aside[table]
    return dict(zip(aside["_row"].to_pylist(), aside["reason"].to_pylist(), strict=True))


@pytest.fixture(scope="module")
def clean() -> Tables:
    return healthy()


@pytest.fixture
def tables(clean: Tables) -> Tables:
    return {name: frame.copy() for name, frame in clean.items()}


@pytest.fixture
def tickets(tables: Tables) -> pd.DataFrame:
    return tables["tickets"]


def in_week(frame: pd.DataFrame, column: str = "created_at") -> pd.Series:
    return frame[column] >= WEEK_END - timedelta(days=7)


# What holds


def test_a_healthy_export_passes_every_expectation_of_every_shipped_suite(clean: Tables) -> None:
    run = judge(clean, expectations=SUITES)
    listed = {table: len(json.loads((SUITES / f"{table}.json").read_text())["expectations"]) for table in TABLES}
    counted = pd.Series([r.table for r in run.verdict.results]).value_counts().to_dict()
    assert counted == listed
    assert {r.outcome for r in run.verdict.results} == {"passed"}
    assert (run.verdict.status, run.verdict.exit_status, run.verdict.blocked) == ("passed", 0, {})
    assert all(aside.num_rows == 0 for aside in run.set_aside.values())


def test_a_verdict_reads_back_as_it_was_written_and_the_same_export_gives_the_same_bytes(tickets: pd.DataFrame) -> None:
    tickets.loc[3, "team"] = "us-generral"
    verdict = judge({"tickets": tickets}).verdict
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert judge({"tickets": tickets}).verdict.to_json() == verdict.to_json()


def test_a_text_that_is_no_verdict_is_refused() -> None:
    with pytest.raises(GateError, match="opslib gate"):
        Verdict.from_json('{"week": "2026-W46"}')


def test_the_shipped_suites_are_written_by_hand_without_ids_or_versions() -> None:
    """Great Expectations' own form churns with every save; ours is reviewed line by line."""
    assert {path.stem for path in SUITES.glob("*.json")} == set(TABLES)
    for path in SUITES.glob("*.json"):
        suite = json.loads(path.read_text())
        assert set(suite) == {"name", "meta", "expectations"}
        assert not re.search(r"great_expectations_version|[0-9a-f]{8}-[0-9a-f]{4}-", path.read_text())
        for entry in suite["expectations"]:
            assert set(entry) == {"type", "kwargs", "severity", "meta"}
            assert len(entry["meta"]["notes"].split()) >= 5, entry


def test_the_gate_leaves_the_connection_the_log_and_the_warnings_as_they_were(
    tickets: pd.DataFrame,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    con = duckdb.connect()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        judge({"tickets": tickets}, con=con)
    names = {row[0] for row in con.execute("select table_name from duckdb_tables()").fetchall()}
    assert names == {"candidate_tickets"}
    assert list(tmp_path.iterdir()) == []
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("great_expectations").level == logging.NOTSET


# Rows that are set aside


def test_a_total_beside_its_parts_is_set_aside_and_a_total_alone_is_not(tables: Tables) -> None:
    """Users would be counted twice; on a date that is not split, the total is the number."""
    activity = tables["activity"]
    activity.loc[0, ["language", "region"]] = None
    activity.loc[2, ["language", "region"]] = None
    run = judge({"tickets": tables["tickets"], "activity": activity})
    assert reasons(run, "activity") == {3: "expected: is no total beside its parts"}
    assert run.verdict.blocked == {}


def test_a_ticket_solved_before_it_was_created_is_set_aside_and_blocks_nobody(tickets: pd.DataFrame) -> None:
    tickets.loc[7, "solved_at"] = tickets.loc[7, "created_at"] - timedelta(hours=2)
    run = judge({"tickets": tickets})
    found = result(run, "tickets", "solved_at is not before created_at")
    assert (found.outcome, found.failed, found.examples, found.teams) == (
        "set_aside",
        1,
        (tickets.loc[7, "ticket_id"],),
        ("us-general",),
    )
    assert found.failures_by_week == {"2026-W37": 1}
    assert reasons(run, "tickets") == {8: "expected: solved_at is not before created_at"}
    assert (run.verdict.blocked, run.verdict.status, run.verdict.rows_set_aside) == ({}, "warned", {"tickets": 1})


def test_two_rows_of_a_ticket_that_contradict_each_other_are_both_set_aside(tickets: pd.DataFrame) -> None:
    """Nobody can tell which of them is right, and keeping both would count the ticket twice."""
    tickets.loc[11, "ticket_id"] = tickets.loc[10, "ticket_id"]
    run = judge({"tickets": tickets})
    assert reasons(run, "tickets") == {11: "expected: key is unique", 12: "expected: key is unique"}
    assert run.verdict.blocked == {}


def test_of_identical_copies_of_a_row_the_first_is_kept(tables: Tables) -> None:
    events = pd.concat([tables["ticket_events"], tables["ticket_events"].iloc[[4]]], ignore_index=True)
    run = judge({"tickets": tables["tickets"], "ticket_events": events})
    assert reasons(run, "ticket_events") == {len(events): "expected: key is unique"}


def test_a_duplicate_key_is_found_across_chunks(tickets: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "CHUNK_ROWS", 2000)
    tickets.loc[len(tickets) - 1, "ticket_id"] = tickets.loc[0, "ticket_id"]
    tickets.loc[1700, "status"] = "melted"
    run = judge({"tickets": tickets})
    assert sorted(reasons(run, "tickets")) == [1, 1701, len(tickets)]
    assert result(run, "tickets", "key is unique").checked == len(tickets)


def test_a_ticket_of_an_unknown_team_is_set_aside_and_the_name_is_shown(tickets: pd.DataFrame) -> None:
    tickets.loc[[3, 4], "team"] = "us-generral"
    run = judge({"tickets": tickets})
    found = result(run, "tickets", "team is one of the teams")
    assert found.observed == "2 of 3,360 rows: us-generral (2)"
    assert (found.teams, run.verdict.blocked) == ((), {})


def test_a_team_all_of_whose_tickets_bear_another_name_is_blocked_and_no_other(tickets: pd.DataFrame) -> None:
    """A team that was renamed in the CRM has no week here, and must not be shown with zero tickets."""
    tickets.loc[(tickets["team"] == "us-safety") & in_week(tickets), "team"] = "us-trust"
    run = judge({"tickets": tickets})
    assert set(run.verdict.blocked) == {"us-safety"}
    assert run.set_aside["tickets"].num_rows == TICKETS_A_WEEK - 1
    assert run.verdict.exit_status == 3


def test_a_value_that_could_not_be_read_sets_its_row_aside_only_where_it_is_needed(tickets: pd.DataFrame) -> None:
    """And the reason names the column, never the value: a shifted column may hold anything."""
    tickets["_unreadable"] = None
    tickets.loc[0, "_unreadable"] = "created_at: 'jo@example.com' is not an ISO time"
    tickets.loc[0, "created_at"] = pd.NaT
    tickets.loc[1, "_unreadable"] = "solved_at: '13/03/2026' is not an ISO time; due_at: 'x' is not an ISO time"
    run = judge({"tickets": tickets})
    assert reasons(run, "tickets") == {
        1: "expected: created_at is given; expected: needed values are readable: created_at"
    }
    kept = result(run, "tickets", "other values are readable")
    assert (kept.outcome, kept.observed) == ("warned", "1 of 3,360 rows: solved_at, due_at (1)")
    assert result(run, "tickets", "created_at is given").failures_by_week == {"undated": 1}
    assert "example.com" not in run.verdict.to_json()


def test_what_belongs_to_a_ticket_that_was_set_aside_goes_with_it(tables: Tables) -> None:
    tables["tickets"].loc[0, "solved_at"] = tables["tickets"].loc[0, "created_at"] - timedelta(days=1)
    run = judge({name: tables[name] for name in ("tickets", "ticket_events", "satisfaction", "quality_reviews")})
    for table, rows in (("ticket_events", 3), ("satisfaction", 1), ("quality_reviews", 1)):
        assert set(reasons(run, table).values()) == {"its ticket was set aside"}, table
        assert len(reasons(run, table)) == rows
    assert run.verdict.blocked == {}


def test_an_event_of_a_ticket_outside_the_export_is_set_aside_and_blocks_nobody(tables: Tables) -> None:
    """Every export cut by date has events of older tickets; stopping for them would stop every Monday."""
    events = tables["ticket_events"]
    events.loc[events.index % 5 == 0, "ticket_id"] = "older"
    run = judge({"tickets": tables["tickets"], "ticket_events": events})
    assert set(reasons(run, "ticket_events").values()) >= {"its ticket is not in this export"}
    assert run.verdict.blocked == {}


def test_an_example_of_a_row_without_a_key_is_its_file_and_number(tickets: pd.DataFrame) -> None:
    tickets.loc[5, "ticket_id"] = None
    tickets["_file"] = "exports/us/tickets.csv"
    run = judge({"tickets": tickets})
    assert result(run, "tickets", "ticket_id is given").examples == ("tickets.csv row 6",)


def test_no_free_text_and_no_long_number_is_shown(tables: Tables) -> None:
    """A shifted column puts what a customer wrote where a name belongs."""
    tickets = tables["tickets"]
    tickets.loc[0, "status"] = "please call me on 0151 2345 6789, my name is Jo and I live at 4 Elm Street"
    tickets.loc[1, "priority"] = "5551234567"
    text = judge({"tickets": tickets}).verdict.to_json()
    assert "Elm Street" not in text
    assert "5551234567" not in text
    assert "a value not shown here (1)" in text


# Teams that are blocked


def test_a_team_whose_week_is_missing_is_blocked_and_the_others_are_not(tickets: pd.DataFrame) -> None:
    tickets = tickets[~((tickets["team"] == "us-commerce") & in_week(tickets))]
    run = judge({"tickets": tickets})
    assert set(run.verdict.blocked) == {"us-commerce"}
    found = result(run, "tickets", "the week is there")
    assert (found.outcome, found.teams) == ("blocked", ("us-commerce",))
    assert re.search(r"[01] rows? in 2026-W46, usually 112", found.observed)
    assert (
        result(run, "tickets", "the number of rows against the usual week is between 0.4 and 2.5").outcome == "passed"
    )


def test_a_missing_week_among_the_trailing_ones_is_named(tickets: pd.DataFrame) -> None:
    gone = tickets["created_at"].between(WEEK_END - timedelta(days=21), WEEK_END - timedelta(days=14), inclusive="left")
    run = judge({"tickets": tickets[~(gone & (tickets["team"] == "us-safety"))]})
    assert set(run.verdict.blocked) == {"us-safety"}
    assert "next to no rows in 2026-W44" in " ".join(run.verdict.blocked["us-safety"])


def test_an_unusual_volume_warns_and_blocks_nobody(tickets: pd.DataFrame) -> None:
    thin = (tickets["team"] == "us-general") & in_week(tickets) & (tickets.index % 4 != 0)
    run = judge({"tickets": tickets[~thin]})
    found = result(run, "tickets", "the number of rows against the usual week is between 0.4 and 2.5")
    assert (found.outcome, found.teams) == ("warned", ("us-general",))
    assert run.verdict.blocked == {}


def test_an_export_that_ends_before_the_week_does_blocks_all(tickets: pd.DataFrame) -> None:
    run = judge({"tickets": tickets[tickets["created_at"] < WEEK_END - timedelta(hours=40)]})
    assert set(run.verdict.blocked) == set(TEAMS)


def test_one_team_whose_file_ends_early_is_blocked_alone(tickets: pd.DataFrame) -> None:
    early = (tickets["team"] == "us-general") & (tickets["created_at"] > WEEK_END - timedelta(hours=40))
    run = judge({"tickets": tickets[~early]})
    assert set(run.verdict.blocked) == {"us-general"}
    assert "earlier than usual" in run.verdict.blocked["us-general"][0]


def test_an_export_that_knows_the_world_only_until_friday_does_not_reach_the_end_of_the_week(
    tickets: pd.DataFrame,
) -> None:
    """`as_of` counts even where rows lie after it, for a run as things stood then."""
    assert set(judge({"tickets": tickets}, as_of=WEEK_END - timedelta(days=2)).verdict.blocked) == set(TEAMS)


def test_a_team_that_never_has_tickets_on_weekends_is_not_stopped_for_its_quiet_sunday(tickets: pd.DataFrame) -> None:
    local = tickets["created_at"].dt.tz_convert("America/New_York")
    run = judge({"tickets": tickets[local.dt.day_of_week < 5]})
    assert run.verdict.blocked == {}
    assert result(run, "tickets", "the team has rows").outcome == "passed"


def test_a_short_history_and_small_teams_are_not_judged_by_their_volume(clean: Tables) -> None:
    tickets = clean["tickets"]
    two_weeks = tickets[tickets["created_at"] >= WEEK_END - timedelta(days=14)]
    small = two_weeks[two_weeks["team"] != "us-safety"]
    run = judge({"tickets": small})
    found = result(run, "tickets", "the week is there")
    assert (found.outcome, found.checked, found.observed) == (
        "passed",
        0,
        "not judged: too few rows or too short a history",
    )
    assert run.verdict.blocked == {}
    assert result(run, "tickets", "the team has rows").teams == ("us-safety",)


def test_an_export_that_begins_within_the_trailing_weeks_misses_none_of_them(tickets: pd.DataFrame) -> None:
    """One ticket left open since August does not make the weeks between a gap."""
    tickets = tickets[tickets["created_at"] >= WEEK_END - timedelta(days=35)]
    old = tickets.iloc[[0]].assign(ticket_id="old", created_at=WEEK_END - timedelta(days=50))
    assert judge({"tickets": pd.concat([tickets, old], ignore_index=True)}).verdict.blocked == {}


def test_a_team_with_too_many_rows_set_aside_is_blocked_alone(tickets: pd.DataFrame) -> None:
    """One in ten of the week's tickets is broken: what is left is not the team's week any more."""
    broken = tickets[(tickets["team"] == "us-safety") & in_week(tickets)].index[::10]
    tickets.loc[broken, "status"] = "melted"
    run = judge({"tickets": tickets})
    assert set(run.verdict.blocked) == {"us-safety"}
    assert "rows of 2026-W46 set aside" in run.verdict.blocked["us-safety"][0]


def test_tickets_without_a_team_may_be_anybodys_and_too_many_of_them_block_all(tickets: pd.DataFrame) -> None:
    tickets.loc[tickets.index[::20], "team"] = None
    run = judge({"tickets": tickets})
    assert set(run.verdict.blocked) == set(TEAMS)
    assert "the share of rows that name no team" in run.verdict.blocked["us-safety"][0]


def test_an_export_without_a_ticket_blocks_all(tables: Tables) -> None:
    run = judge({"tickets": tables["tickets"].iloc[:0], "agents": tables["agents"]})
    assert set(run.verdict.blocked) == set(TEAMS)
    assert run.verdict.exit_status == 3


def test_an_export_without_the_table_of_tickets_blocks_all(tables: Tables) -> None:
    run = judge({"agents": tables["agents"], "ticket_events": tables["ticket_events"]})
    assert set(run.verdict.blocked) == set(TEAMS)
    assert result(run, "tickets", "the table is in this export").outcome == "blocked"
    assert result(run, "articles", "the table is in this export").outcome == "absent"


def test_files_that_do_not_belong_together_block_all(tables: Tables) -> None:
    """Events whose tickets are written `#123` would silently turn every ticket into one without a reply."""
    tables["ticket_events"]["ticket_id"] = "#" + tables["ticket_events"]["ticket_id"]
    run = judge({name: tables[name] for name in ("tickets", "ticket_events")})
    assert set(run.verdict.blocked) == set(TEAMS)


def test_a_damaged_file_of_one_team_blocks_that_team_alone(tickets: pd.DataFrame) -> None:
    file = DamagedFile("tickets", "in/us-safety/tickets.csv.gz", "the gzip ends in the middle", ("us-safety",), 120)
    run = judge({"tickets": tickets}, damaged=[file])
    assert run.verdict.blocked == {
        "us-safety": ("tickets: tickets.csv.gz: the gzip ends in the middle; expected: every file can be read whole",)
    }


def test_a_damaged_file_of_nobody_knows_whom_blocks_all(tickets: pd.DataFrame) -> None:
    file = DamagedFile("quality_reviews", "reviews.csv", "the column score is missing", None, 0)
    run = judge({"tickets": tickets, "quality_reviews": healthy()["quality_reviews"].iloc[:0, :0]}, damaged=[file])
    assert set(run.verdict.blocked) == set(TEAMS)
    assert {len(said) for said in run.verdict.blocked.values()} == {1}


def test_a_table_of_which_no_file_could_be_read_blocks_only_the_teams_of_its_files(tables: Tables) -> None:
    file = DamagedFile("agents", "agents-safety.csv", "zero rows", ("us-safety",), 0)
    run = judge(
        {"tickets": tables["tickets"], "agents": tables["agents"].iloc[:0, :0], "shifts": tables["shifts"]},
        damaged=[file],
    )
    assert set(run.verdict.blocked) == {"us-safety"}
    assert result(run, "shifts", "agent is known").outcome == "absent"


def test_a_needed_column_that_was_renamed_blocks_all_and_an_optional_one_is_absent(tickets: pd.DataFrame) -> None:
    run = judge({"tickets": tickets}, without=["tickets.status", "tickets.solved_at"])
    assert set(run.verdict.blocked) == set(TEAMS)
    assert result(run, "tickets", "the needed columns are there").observed == "missing: status"
    assert result(run, "tickets", "solved_at is not before created_at").outcome == "absent"
    run = judge({"tickets": tickets}, without=["tickets.solved_at"])
    assert (run.verdict.blocked, run.verdict.status) == ({}, "passed")


# Suites that are not usable


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    shutil.copytree(SUITES, tmp_path / "expectations")
    return tmp_path / "expectations"


def edit(suites: Path, change: Callable[[dict[str, Any]], object], table: str = "tickets") -> None:
    suite = json.loads((suites / f"{table}.json").read_text())
    change(suite)
    (suites / f"{table}.json").write_text(json.dumps(suite))


def entry(**changes: object) -> dict[str, Any]:
    plain = {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "queue"},
        "severity": "warning",
        "meta": {"scope": "rows", "notes": "why"},
    }
    return plain | changes


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (entry(type="expect_column_values_to_be_lovely"), "knows no such expectation"),
        (entry(kwargs={"column": "queue", "colour": "red"}), "kwargs do not fit.*colour"),
        (entry(kwargs={"column": "quueue"}), "no column 'quueue'"),
        (entry(kwargs={"column": "volume_ratio"}), "no column 'volume_ratio'"),
        (entry(severity="info"), "critical or warning"),
        (entry(meta={"scope": "rows"}), "notes that say why"),
        (entry(meta={"scope": "planets", "notes": "why"}), "scope"),
        (entry(kwargs={"column": "queue", "mostly": 0.9}), "mostly"),
        (entry(id="b7c1"), "nothing else"),
        (
            entry(
                type="expect_column_values_to_be_in_set", kwargs={"column": "team", "value_set": {"$PARAMETER": "tems"}}
            ),
            "no parameter 'tems'",
        ),
        (entry(type="expect_table_row_count_to_be_between", kwargs={"min_value": 1}), "names no column"),
        (entry(kwargs={"column": "ticket_id"}, severity="critical"), "is there twice"),
    ],
)
def test_an_expectation_that_cannot_be_used_is_an_error_that_says_which(
    tickets: pd.DataFrame, suites: Path, added: dict[str, Any], said: str
) -> None:
    """Great Expectations itself logs an unknown one, drops it, and passes."""
    count = len(json.loads((suites / "tickets.json").read_text())["expectations"]) + 1
    edit(suites, lambda suite: suite["expectations"].append(added))
    with pytest.raises(GateError, match=rf"tickets\.json: expectation {count}.*{said}"):
        judge({"tickets": tickets}, expectations=suites)


def test_an_empty_suite_is_an_error(tickets: pd.DataFrame, suites: Path) -> None:
    edit(suites, lambda suite: suite["expectations"].clear())
    with pytest.raises(GateError, match=r"tickets\.json: the suite is empty"):
        judge({"tickets": tickets}, expectations=suites)


def test_a_missing_suite_is_an_error_where_the_export_has_the_table(tables: Tables, suites: Path) -> None:
    (suites / "agents.json").unlink()
    judge({"tickets": tables["tickets"]}, expectations=suites)
    with pytest.raises(GateError, match=r"agents\.json: there is no such suite"):
        judge({"tickets": tables["tickets"], "agents": tables["agents"]}, expectations=suites)


def test_a_suite_that_is_no_json_is_an_error_with_its_line(tickets: pd.DataFrame, suites: Path) -> None:
    (suites / "tickets.json").write_text('{\n "name": tickets}')
    with pytest.raises(GateError, match=r"tickets\.json:2: not JSON"):
        judge({"tickets": tickets}, expectations=suites)


def test_the_suite_of_another_table_is_refused(tickets: pd.DataFrame, suites: Path) -> None:
    edit(suites, lambda suite: suite.update(name="agents"))
    with pytest.raises(GateError, match='a suite has "name": "tickets"'):
        judge({"tickets": tickets}, expectations=suites)


def test_fewer_results_than_expectations_are_an_error(tickets: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped expectation would look as if it had passed."""
    from great_expectations.core import ExpectationSuite

    real = ExpectationSuite.__init__

    def forgetful(self: ExpectationSuite, name: str, expectations: Sequence[Any] = ()) -> None:
        real(self, name=name, expectations=expectations[1:])

    monkeypatch.setattr(ExpectationSuite, "__init__", forgetful)
    with pytest.raises(GateError, match="expectations ran; not run: the needed columns are there"):
        judge({"tickets": tickets})


def test_the_engine_sees_what_a_batch_of_great_expectations_sees(
    tickets: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine skips fingerprints of rows and what is derived again and again; what it sees must be the same."""
    import great_expectations as gx

    seen: list[tuple[Any, ...]] = []
    real = Engine.run

    def recorded(engine: Any, *asked: Any) -> dict[int, dict[str, Any]]:
        found = real(engine, *asked)
        seen.append((engine, *asked, found))
        return found

    monkeypatch.setattr(Engine, "run", recorded)
    broken = tickets.assign(status=tickets["status"].where(tickets.index % 7 != 3, "lost"))
    judge({"tickets": broken})
    forms = [form for *_, form, _ in seen]
    assert forms == ["BASIC", "COMPLETE", "COMPLETE"]
    with quiet():
        asset = seen[0][0].context.data_sources.add_pandas("twin").add_dataframe_asset("rows")
        for _, table, frame, rules, parameters, form, found in seen:
            validated = (
                asset.add_batch_definition_whole_dataframe(f"{table} {len(frame)} {form}")
                .get_batch({"dataframe": frame})
                .validate(
                    gx.ExpectationSuite(name=table, expectations=[rule.expectation for rule in rules]),
                    result_format={"result_format": form, "return_unexpected_index_query": False},
                    expectation_parameters=dict(parameters),
                )
            )
            told = {
                result.expectation_config.meta["number"]: {"success": result.success, "result": dict(result.result)}
                for result in validated.results
            }
            assert told.keys() == found.keys()
            for number, result in told.items():
                assert repr(result) == repr(found[number])


def test_an_expectation_that_raises_is_an_error_and_not_a_failure(tickets: pd.DataFrame, suites: Path) -> None:
    edit(
        suites,
        lambda suite: suite["expectations"].append(
            entry(type="expect_column_values_to_be_between", kwargs={"column": "queue", "min_value": 3})
        ),
    )
    with pytest.raises(GateError, match="queue is at least 3: Great Expectations could not judge it"):
        judge({"tickets": tickets}, expectations=suites)


def test_a_view_that_lacks_what_the_gate_needs_is_an_error(tickets: pd.DataFrame) -> None:
    con = duckdb.connect()
    con.execute("create temp table candidate_tickets as select 'a' as ticket_id")
    with pytest.raises(GateError, match="lack the columns _file"):
        judged(con, {"tickets": tickets})


# Every expectation can fail


def rules_of(table: str, scope: str) -> list[dict[str, Any]]:
    suite = json.loads((SUITES / f"{table}.json").read_text())
    return [rule for rule in suite["expectations"] if rule["meta"]["scope"] == scope]


def grown(table: str, frame: pd.DataFrame, rows: int = 60) -> pd.DataFrame:
    """At least so many rows, each with a key of its own."""
    if len(frame) >= rows:
        return frame.copy()
    frame = pd.concat([frame] * (rows // len(frame) + 1), ignore_index=True)
    key = next(name for name in TABLES[table].key if TABLES[table][name].type != "date")
    first = frame[key].duplicated()
    frame.loc[first, key] = [f"{value}-{number}" for number, value in frame.loc[first, key].items()]
    return frame


def spoilt(table: str, rule: Mapping[str, Any], frame: pd.DataFrame, row: int) -> dict[str, object]:
    """What to write into a row so that it breaks the rule."""
    kwargs, columns = rule["kwargs"], TABLES[table]
    column = str(kwargs.get("column", ""))
    others = [c.name for c in columns if not c.needed]
    by_name: dict[str, dict[str, object]] = {
        "key_is_unique": {name: frame.loc[0, name] for name in columns.key},
        "needed_values_are_readable": {"_unreadable": f"{columns.needed_columns[-1]}: 'x' is not readable"},
        "other_values_are_readable": {"_unreadable": f"{others[0]}: 'x' is not readable"},
        "solved_ticket_has_its_time": {"solved_at": None, "closed_at": None},
        "ticket_is_known": {"ticket_id": "nobody's"},
        "ticket_is_kept": {"ticket_id": "spoilt"},
        "project_is_known": {"project_id": "nobody's"},
        "project_is_kept": {"project_id": "spoilt"},
        "agent_is_known": {"agent_id": "nobody"},
        "is_not_before_its_ticket": {str(columns.dated_by): WEEK_END - timedelta(days=90)},
        "new_status_is_known": {"event": "status", "value": "melted"},
        "new_team_is_known": {"event": "team", "value": None},
        "new_priority_is_known": {"event": "priority", "value": "purple"},
        "comment_says_who_wrote": {"event": "public_comment", "actor_role": None},
        "merge_names_its_target": {"event": "merged_into", "value": None},
        "is_at_most_a_day_long": {"start_at": WEEK_END, "end_at": WEEK_END + timedelta(hours=25)},
        "does_not_overlap": {"agent_id": "a1", "start_at": WEEK_END - timedelta(days=7, hours=-1)},
        "score_is_within_its_scale": {"score": 7.0},
        "score_is_within_its_range": {"score": 5.0},
        "reviewer_is_not_the_agent": {"reviewer_id": "a0"},
        "is_no_total_beside_its_parts": {"channel": None, "language": None, "region": None},
        "articles_are_known": {"article_ids": "art-1;art-99"},
        "teams_are_known": {"teams": "us-general;us-moon"},
        "tasks_it_waits_for_are_known": {"depends_on": "t1;t99"},
        "does_not_wait_for_itself": {"depends_on": frame.iloc[row][columns.key[0]]},
        "finished_task_is_complete": {"percent_complete": 40.0},
        "tickets_are_known": {"ticket_ids": "1000001; no"},
        "is_not_due_before_it_was_agreed": {"due_on": datetime(2026, 1, 1).date()},
    }
    if column in by_name:
        return by_name[column]
    match rule["type"]:
        case "expect_column_values_to_not_be_null":
            return {column: None}
        case "expect_column_values_to_be_in_set":
            return {column: 3 if columns[column].type == "integer" else "melted"}
        case "expect_column_values_to_be_json_parseable":
            return {column: "{"}
        case "expect_column_values_to_be_between":
            long_ago = datetime(1949, 5, 5)
            by_type: dict[str, object] = {"instant": pd.Timestamp(long_ago, tz="UTC"), "date": long_ago.date()}
            return {column: by_type.get(columns[column].type, -1)}
        case "expect_column_pair_values_a_to_be_greater_than_b":
            later, earlier = kwargs["column_A"], kwargs["column_B"]
            step = timedelta(days=1) if columns[later].type in {"instant", "date"} else 1.5
            return {later: frame.iloc[row][earlier] - step}
    raise AssertionError(f"no way to break {rule}")


def test_every_row_expectation_of_every_suite_can_fail(clean: Tables, tmp_path: Path) -> None:
    """An expectation that no row can break is not there; each rule is broken in one row of its own."""
    tables = {name: grown(name, frame) for name, frame in clean.items()}
    tables["tickets"].loc[59, ["ticket_id", "status"]] = ["spoilt", "melted"]
    tables["projects"].loc[59, "project_id"] = "spoilt"
    tables["projects"].loc[59, "baseline_end_on"] = datetime(2020, 1, 1).date()
    row_of: dict[tuple[str, int], int] = {}
    for table in TABLES:
        frame = tables[table].astype(dict.fromkeys(tables[table].columns, object)).assign(_unreadable=None)
        for number, rule in enumerate(rules_of(table, "rows")):
            row = number + 5
            row_of[table, number] = row + 1
            for column, value in spoilt(table, rule, frame, row).items():
                frame.loc[row, column] = value
        tables[table] = frame
    run = judge(tables, expectations=suites_with(tmp_path, lambda rule: rule["meta"]["scope"] == "rows"))
    for table in TABLES:
        aside = reasons(run, table)
        found = [r for r in run.verdict.results if r.table == table and r.scope == "rows"]
        assert [r.expectation for r in found if r.outcome not in {"warned", "set_aside"}] == []
        for number, (rule, seen) in enumerate(zip(rules_of(table, "rows"), found, strict=True)):
            said = rule["meta"].get("reason", f"expected: {seen.expectation}")
            told = said in aside.get(row_of[table, number], "")
            assert told == (rule["severity"] == "critical"), (table, seen.expectation)


def test_a_column_of_another_type_than_its_standard_table_has_is_found(clean: Tables, tmp_path: Path) -> None:
    con = duckdb.connect()
    candidates(con, clean)
    for table in TABLES.values():
        wrong = ", ".join(
            ("1::smallint" if pa.types.is_string(column.arrow) else f"cast({column.name} as varchar)")
            + f" as {column.name}"
            for column in table
        )
        con.execute(f"alter table candidate_{table.name} rename to right_{table.name}")
        con.execute(f"create temp view candidate_{table.name} as select * replace ({wrong}) from right_{table.name}")
    run = judged(con, clean, expectations=suites_with(tmp_path, lambda rule: rule["type"] == OF_TYPE))
    for table in TABLES.values():
        found = [r for r in run.verdict.results if r.table == table.name and r.type == OF_TYPE]
        assert len(found) == len(table.names)
        assert {r.outcome for r in found} == {"blocked"}


def test_every_team_expectation_of_every_suite_can_fail(clean: Tables, tmp_path: Path) -> None:
    at = {"tickets": "created_at", "ticket_events": "occurred_at"}
    at |= {"satisfaction": "answered_at", "quality_reviews": "reviewed_at"}
    dated = {table: clean[table] for table in at}
    whole = {table: grown(table, frame) for table, frame in clean.items()}
    at_fault = {"tickets": "status", "agents": "agent_id"}

    def lost(frame: pd.DataFrame, instants: pd.Series) -> pd.DataFrame:
        a_week = instants.between(WEEK_END - timedelta(days=28), WEEK_END - timedelta(days=20))
        late = instants > WEEK_END - timedelta(hours=40)
        return frame[~(a_week | late | (in_week(frame, instants.name) & (frame.index % 4 > 0)))]

    scenarios: dict[str, Tables] = {
        "no rows": {table: frame.iloc[:0] for table, frame in whole.items() if table != "tickets"}
        | {"tickets": clean["tickets"]},
        "no tickets": {"tickets": clean["tickets"].iloc[:0]},
        "half of the rows are broken": {
            table: frame.assign(**{column: frame[column].where(frame.index % 2 > 0)})
            for table, frame in whole.items()
            for column in [at_fault.get(table, TABLES[table].needed_columns[-1])]
        },
        "a week is lost, most of another, and its end": {t: lost(f, f[at[t]]) for t, f in dated.items()},
        "the week is lost, and a team": {
            table: frame[~in_week(frame, at[table])] for table, frame in dated.items() if table != "tickets"
        }
        | {"tickets": clean["tickets"][lambda f: ~in_week(f) & (f["team"] != "us-general")]},
        "nothing fits": {table: frame.assign(ticket_id="#" + frame["ticket_id"]) for table, frame in dated.items()}
        | {"tickets": clean["tickets"].assign(team=lambda f: f["team"].where(f.index % 9 > 0))},
    }
    never_failed = {(table, rule["kwargs"]["column"]) for table in TABLES for rule in rules_of(table, "teams")}
    few = suites_with(tmp_path, lambda rule: rule["meta"]["scope"] == "teams" or rule["type"] == NOT_NULL)
    for changed in scenarios.values():
        results = judge(changed, expectations=few).verdict.results
        never_failed -= {(r.table, r.column) for r in results if r.scope == "teams" and r.outcome != "passed"}
    assert never_failed == set()


# What is printed


def test_the_printed_table_names_what_failed_and_sums_up_the_rest(tickets: pd.DataFrame) -> None:
    tickets.loc[7, "solved_at"] = tickets.loc[7, "created_at"] - timedelta(hours=2)
    verdict = judge({"tickets": tickets}).verdict
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(verdict_lines(verdict))
    text = console.export_text()
    assert "solved_at is not before created_at (1 of 3,360 rows)" in text
    assert "set aside" in text
    assert "passed" in text
    assert "the table is not in this export" in text


def test_a_verdict_is_blocked_before_it_is_warned_before_it_is_passed() -> None:
    passed = Verdict(WEEK, AS_OF, (), {}, {}, {})
    assert (passed.status, passed.exit_status) == ("passed", 0)
    blocked = replace(passed, blocked={"us-general": ("why",)})
    assert (blocked.status, blocked.exit_status) == ("blocked", 3)
