"""The gate stops what is broken, names it, and lets every other team through."""

from __future__ import annotations

import json
import logging
import re
import tempfile
import warnings
from datetime import timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from opslib.errors import GateError
from opslib.intake.gate import staging
from opslib.intake.gate.verdict import DamagedFile
from opslib.tables import TABLES
from tests.intake.gate.healthy_exports import TEAMS, TICKETS_A_WEEK, WEEK_END, healthy
from tests.intake.gate.judging import SUITES, Tables, in_week, judge, judge_candidates, reasons, result

# What holds


def test_a_healthy_export_passes_every_expectation_of_every_shipped_suite(clean: Tables) -> None:
    run = judge(clean, expectations=SUITES)
    listed = {table: len(json.loads((SUITES / f"{table}.json").read_text())["expectations"]) for table in TABLES}
    counted = pd.Series([r.table for r in run.verdict.results]).value_counts().to_dict()
    assert counted == listed
    assert {r.outcome for r in run.verdict.results} == {"passed"}
    assert (run.verdict.status, run.verdict.exit_status, run.verdict.blocked) == ("passed", 0, {})
    assert all(aside.num_rows == 0 for aside in run.set_aside.values())


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
    rule_result = result(run, "tickets", "solved_at is not before created_at")
    assert (rule_result.outcome, rule_result.failed, rule_result.examples, rule_result.teams) == (
        "set_aside",
        1,
        (tickets.loc[7, "ticket_id"],),
        ("us-general",),
    )
    assert rule_result.failures_by_week == {"2026-W37": 1}
    assert reasons(run, "tickets") == {8: "expected: solved_at is not before created_at"}
    assert (run.verdict.blocked, run.verdict.status, run.set_aside["tickets"].num_rows) == ({}, "warned", 1)


def test_two_rows_of_a_ticket_that_contradict_each_other_are_both_set_aside(tickets: pd.DataFrame) -> None:
    """Nobody can tell which of them is right, and keeping both would count the ticket twice."""
    tickets.loc[11, "ticket_id"] = tickets.loc[10, "ticket_id"]
    run = judge({"tickets": tickets})
    assert reasons(run, "tickets") == {11: "expected: key is unique", 12: "expected: key is unique"}
    assert run.verdict.blocked == {}


def test_of_identical_copies_of_a_row_the_first_is_kept(tables: Tables) -> None:
    answers = pd.concat([tables["satisfaction"], tables["satisfaction"].iloc[[4]]], ignore_index=True)
    run = judge({"tickets": tables["tickets"], "satisfaction": answers})
    assert reasons(run, "satisfaction") == {len(answers): "expected: key is unique"}


def test_comments_that_are_alike_are_kept_and_named_unless_their_numbers_tell_them_apart(tables: Tables) -> None:
    events = tables["ticket_events"]
    comments = events[events["event"] == "public_comment"]
    alike = pd.concat([events, comments.iloc[[4]].assign(event_id=None), comments.iloc[[9]].assign(event_id="another")])
    run = judge({"tickets": tables["tickets"], "ticket_events": alike.reset_index(drop=True)})
    named = result(run, "ticket_events", "comment stands once")
    assert (named.outcome, named.failed, run.set_aside["ticket_events"].num_rows) == ("warned", 1, 0)


def test_a_duplicate_key_is_found_across_chunks(tickets: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "CHUNK_ROWS", 2000)
    tickets.loc[len(tickets) - 1, "ticket_id"] = tickets.loc[0, "ticket_id"]
    tickets.loc[1700, "status"] = "melted"
    run = judge({"tickets": tickets})
    assert sorted(reasons(run, "tickets")) == [1, 1701, len(tickets)]
    assert result(run, "tickets", "key is unique").checked == len(tickets)


def test_a_ticket_of_an_unknown_team_is_set_aside_and_the_name_is_shown(tickets: pd.DataFrame) -> None:
    tickets.loc[[3, 4], "team"] = "us-generral"
    run = judge({"tickets": tickets})
    rule_result = result(run, "tickets", "team is one of the teams")
    assert rule_result.observed == "2 of 3,360 rows: us-generral (2)"
    assert (rule_result.teams, run.verdict.blocked) == ((), {})


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
    assert "1 value not shown here (1)" in text


# Teams that are blocked


def test_a_team_whose_week_is_missing_is_blocked_and_the_others_are_not(tickets: pd.DataFrame) -> None:
    tickets = tickets[~((tickets["team"] == "us-commerce") & in_week(tickets))]
    run = judge({"tickets": tickets})
    assert set(run.verdict.blocked) == {"us-commerce"}
    rule_result = result(run, "tickets", "the week is there")
    assert (rule_result.outcome, rule_result.teams) == ("blocked", ("us-commerce",))
    assert re.search(r"[01] rows? in 2026-W46, usually 112", rule_result.observed)
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
    rule_result = result(run, "tickets", "the number of rows against the usual week is between 0.4 and 2.5")
    assert (rule_result.outcome, rule_result.teams) == ("warned", ("us-general",))
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
    rule_result = result(run, "tickets", "the week is there")
    assert (rule_result.outcome, rule_result.checked, rule_result.observed) == (
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
    tickets.loc[tickets.index[::4], "team"] = None
    run = judge({"tickets": tickets})
    assert set(run.verdict.blocked) == set(TEAMS)
    assert run.verdict.blocked["us-safety"][0].startswith("tickets: 840 of 3,360 rows have no team")


def test_a_few_tickets_without_a_team_are_a_warning_that_says_what_to_write(tickets: pd.DataFrame) -> None:
    tickets.loc[tickets.index[::20], "team"] = None
    run = judge({"tickets": tickets})
    rule_result = result(run, "tickets", "the share of rows that name no team is at most 0.02")
    assert (run.verdict.blocked, rule_result.outcome) == ({}, "warned")
    assert "us-general: 168 of 3,360 rows have no team: give them a team with `missing: us-general`" in (
        rule_result.observed
    )
    assert "`limits.without_team_share`" in rule_result.observed


def test_rows_that_repeat_a_key_count_in_the_expectation_the_share_and_the_reasons(tickets: pd.DataFrame) -> None:
    """A log with a row per update would otherwise pass, as only one row of each ticket is left."""
    again = tickets[tickets["team"] == "us-safety"].assign(_repeats="the same ticket_id again in row 1", status="open")
    run = judge({"tickets": pd.concat([tickets, again], ignore_index=True)}, without=["tickets.updated_at"])
    rule_result = result(run, "tickets", "key is unique")
    log = "this looks like a log with a row per update: map updated_at, or ticket_events"
    assert (rule_result.checked, rule_result.failed, rule_result.teams) == (4480, 1120, ("us-safety",))
    assert rule_result.observed == f"1,120 of 4,480 rows: {log}"
    assert set(run.verdict.blocked) == {"us-safety"}
    assert run.verdict.blocked["us-safety"][0].startswith(f"tickets: 1,120 of 2,240 rows set aside; {log}")
    assert reasons(run, "tickets") == dict.fromkeys(range(3361, 4481), "the same ticket_id again in row 1")


def test_many_rows_of_a_team_that_nobody_named_are_a_warning_that_says_which(tickets: pd.DataFrame) -> None:
    tickets.loc[tickets.index[::20], "team"] = "Moonbase"
    run = judge({"tickets": tickets})
    rule_result = result(
        run, "tickets", "the share of rows that name a team which params/org.yml does not have is at most 0.02"
    )
    assert (rule_result.outcome, run.verdict.blocked) == ("warned", {})
    assert "168 of 3,360 rows name a team that params/org.yml does not have: Moonbase (168)" in (rule_result.observed)


@pytest.mark.parametrize(("renamed", "blocked"), [(TEAMS, TEAMS), (("us-safety",), ("us-safety",))])
def test_a_team_under_another_name_is_blocked_and_the_name_is_said(
    tickets: pd.DataFrame, renamed: tuple[str, ...], blocked: tuple[str, ...]
) -> None:
    tickets["team"] = tickets["team"].where(~tickets["team"].isin(renamed), "Vertrauen & Sicherheit")
    run = judge({"tickets": tickets})
    assert tuple(run.verdict.blocked) == blocked
    assert run.verdict.exit_status == 3
    assert (
        f"no rows; the name of an unknown team came: Vertrauen & Sicherheit ({1120 * len(renamed):,})"
        in (run.verdict.blocked["us-safety"][0])
    )


def test_a_team_without_rows_beside_few_rows_of_a_stranger_is_not_part_of_the_export(tickets: pd.DataFrame) -> None:
    tickets = tickets[tickets["team"] != "us-safety"].reset_index(drop=True)
    tickets.loc[[3, 4], "team"] = "us-trust"
    run = judge({"tickets": tickets})
    assert (run.verdict.blocked, result(run, "tickets", "the team has rows").teams) == ({}, ("us-safety",))


def test_half_of_the_rows_of_a_small_team_set_aside_block_it(tickets: pd.DataFrame) -> None:
    small = tickets[tickets["team"] == "us-safety"].index
    tickets.loc[small[:3], "status"] = "melted"
    tickets = tickets.drop(small[6:]).reset_index(drop=True)
    assert set(judge({"tickets": tickets}).verdict.blocked) == {"us-safety"}


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


def test_a_view_that_lacks_what_the_gate_needs_is_an_error(tickets: pd.DataFrame) -> None:
    con = duckdb.connect()
    con.execute("create temp table candidate_tickets as select 'a' as ticket_id")
    with pytest.raises(GateError, match="lack the columns _file"):
        judge_candidates(con, {"tickets": tickets})
