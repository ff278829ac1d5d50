"""The exports as files: complete, deterministic, in the standard form, and true to their own event log."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from opslib.errors import ExportError
from opslib.sample import write_sample
from opslib.tables import EVENTS, PRIORITIES, ROLES, STATUSES, TABLES

AS_OF = pd.Timestamp("2026-11-16T11:00:00Z")
START = pd.Timestamp("2026-05-18T04:00:00Z")


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(small, tmp_path):
    begun = time.process_time()
    again = write_sample(tmp_path / "again", tickets=3000)
    assert time.process_time() - begun < 3, "60,000 must take under 20 s; a twentieth is given a generous share of that"
    other = write_sample(tmp_path / "other", tickets=3000, seed=7)
    assert digests(again) == digests(small.folder)
    assert digests(other)["tickets.csv.gz"] != digests(again)["tickets.csv.gz"]


def test_every_standard_table_is_there_with_its_needed_columns(small):
    for name, table in TABLES.items():
        frame = small.read(name)
        assert len(frame) > 0, name
        assert set(table.needed_columns) <= set(frame.columns), name
        assert set(frame.columns) <= set(table.names), name
        assert frame[list(table.needed_columns)].notna().all().all(), name
        assert not frame.duplicated(subset=[column for column in table.key if column in frame]).any(), name


def test_active_users_of_a_week_are_split_into_kinds_that_share_nobody(small):
    """Each week has one row per region and language, and about four tickets come from a thousand of its users."""
    activity = small.read("activity")
    weeks = pd.to_datetime(activity["active_on"])
    assert weeks.nunique() == 26
    assert set(weeks.dt.day_of_week) == {0}
    assert activity.groupby("active_on").size().unique().tolist() == [15]
    a_week = activity.groupby("active_on")["users"].sum().mean()
    assert 1000 * 3000 / 26 / a_week == pytest.approx(4.0, rel=0.02)


def test_a_sample_has_exactly_as_many_tickets_as_were_asked_for(small):
    tickets = small.read("tickets")
    assert len(tickets) == 3000
    assert tickets["ticket_id"].iloc[0] == "100001"
    assert tickets["ticket_id"].is_unique


def test_values_are_those_of_the_standard_tables(small):
    tickets, events = small.read("tickets"), small.read("ticket_events")
    assert set(tickets["status"]) <= set(STATUSES)
    assert set(tickets["priority"]) <= set(PRIORITIES)
    assert set(events["event"]) == set(EVENTS)
    assert set(events["actor_role"]) == set(ROLES)
    assert set(events.loc[events["event"] == "status", "value"]) <= set(STATUSES)


def test_nothing_happens_before_its_ticket_or_after_the_export(small):
    tickets = small.read("tickets").set_index("ticket_id")
    events = small.read("ticket_events")
    assert events["occurred_at"].max() <= AS_OF
    assert (events["occurred_at"] >= events["ticket_id"].map(tickets["created_at"])).all()
    assert tickets["created_at"].min() >= START
    assert small.read("satisfaction")["answered_at"].max() <= AS_OF
    assert small.read("quality_reviews")["reviewed_at"].max() <= AS_OF
    worked = small.read("shifts").query("not planned")
    assert worked["end_at"].max() <= AS_OF


def test_the_last_week_is_complete_and_the_next_has_begun(planted):
    created = planted.read("tickets")["created_at"]
    assert ((created >= "2026-11-15") & (created < "2026-11-16T05:00Z")).any()
    assert (created >= pd.Timestamp("2026-11-16T05:00Z")).any()


def test_the_columns_of_a_ticket_agree_with_its_events(planted):
    """An independent pass over the log with plain pandas, ticket by ticket."""
    tickets = planted.read("tickets").set_index("ticket_id")
    events = planted.read("ticket_events")
    events = events.assign(row=range(len(events))).sort_values(["ticket_id", "occurred_at", "row"])

    def last(rows: pd.Series, column: str) -> pd.Series:
        return events[rows].groupby("ticket_id")[column].last().reindex(tickets.index)

    def same(values: pd.Series, column: str) -> None:
        pd.testing.assert_series_equal(values, tickets[column], check_names=False, check_dtype=False)

    is_status = events["event"] == "status"
    same(events.groupby("ticket_id")["occurred_at"].max().reindex(tickets.index), "updated_at")
    for event in ("team", "queue", "priority"):
        same(last(events["event"] == event, "value"), event)
    same(last(events["event"] == "assignee", "value"), "assignee_id")
    replies = events[(events["event"] == "public_comment") & (events["actor_role"] == "agent")]
    same(replies.groupby("ticket_id")["occurred_at"].min().reindex(tickets.index), "first_reply_at")
    same(last(is_status & (events["value"] == "solved"), "occurred_at"), "solved_at")
    same(last(is_status & (events["value"] == "closed"), "occurred_at"), "closed_at")
    queues = events[events["event"] == "queue"].groupby("ticket_id").size().reindex(tickets.index)
    same(queues - 1, "transfer_count")

    statuses = events[is_status].copy()
    before = statuses.groupby("ticket_id")["value"].shift()
    reopened = before.isin(["solved", "closed"]) & ~statuses["value"].isin(["solved", "closed"])
    same(reopened.groupby(statuses["ticket_id"]).sum().reindex(tickets.index), "reopen_count")

    status = last(is_status, "value")
    status[events.loc[events["event"] == "merged_into", "ticket_id"]] = "merged"
    status[events.loc[events["event"] == "deleted", "ticket_id"]] = "deleted"
    same(status, "status")


def test_the_log_of_a_ticket_is_in_order_and_begins_with_its_creation(small):
    events = small.read("ticket_events")
    first = events.groupby("ticket_id").nth([0, 1])
    assert first["event"].tolist() == ["created", "public_comment"] * 3000
    assert (first["actor_role"] == "requester").all()
    waits = events.groupby("ticket_id")["occurred_at"].diff().dropna()
    assert (waits >= pd.Timedelta(0)).all()


def test_statuses_follow_each_other_as_in_a_crm(planted):
    statuses = planted.read("ticket_events").query("event == 'status'")
    before = statuses.groupby("ticket_id")["value"].shift()
    steps = set(zip(before.dropna(), statuses.loc[before.notna(), "value"], strict=True))
    allowed = {
        ("new", "open"),
        ("new", "spam"),
        ("open", "pending"),
        ("open", "on_hold"),
        ("open", "solved"),
        ("pending", "open"),
        ("pending", "solved"),
        ("on_hold", "open"),
        ("solved", "open"),
        ("solved", "closed"),
        ("closed", "open"),
    }
    assert steps == allowed


def test_people_and_tickets_that_are_named_exist(planted):
    agents = set(planted.read("agents")["agent_id"])
    tickets = set(planted.read("tickets")["ticket_id"])
    events = planted.read("ticket_events")
    assert set(events.loc[events["actor_role"] == "agent", "actor_id"]) <= agents
    assert set(events.loc[events["event"] == "merged_into", "value"]) <= tickets
    assert set(planted.read("shifts")["agent_id"]) <= agents
    reviews = planted.read("quality_reviews")
    assert set(reviews["reviewer_id"]) | set(reviews["agent_id"]) <= agents
    assert set(reviews["ticket_id"]) | set(planted.read("satisfaction")["ticket_id"]) <= tickets
    assert set(planted.read("feedback_actions")["owner"]) | set(planted.read("projects")["owner"]) <= agents
    assert set(";".join(planted.read("tool_requests")["ticket_ids"].dropna()).split(";")) <= tickets
    articles = set(planted.read("articles")["article_id"])
    assert set(";".join(planted.read("policy_changes")["article_ids"]).split(";")) <= articles


def test_ids_of_people_can_be_recognised(small):
    """Other tests grep for them to show that none leaves the intake."""
    tickets, agents = small.read("tickets"), small.read("agents")
    assert tickets["requester_id"].str.fullmatch(r"req-\d{8}").all()
    assert agents["agent_id"].str.fullmatch(r"agent-[a-z]+-[a-z]+").all()


def test_every_planted_string_stands_in_its_ticket(small, null):
    text = small.read("tickets").set_index("ticket_id")["description"]
    truth = small.truth()
    assert len(truth["planted_personal_data"]) == 320
    assert {one["kind"] for one in truth["planted_hostile"]} == {"script", "hyperlink"}
    for one in truth["planted_personal_data"] + truth["planted_hostile"]:
        assert one["text"] in text[one["ticket_id"]]
    assert null.truth()["planted_personal_data"] == []
    assert not null.read("tickets")["description"].str.contains("@|<script>|HYPERLINK").any()


def test_a_large_sample_is_written_site_by_site(tmp_path):
    lines: list[str] = []
    folder = write_sample(tmp_path / "large", tickets=3001, tickets_per_site=1000, on_progress=lines.append)
    parts = sorted(folder.glob("tickets-*.parquet"))
    assert [pq.read_metadata(part).num_rows for part in parts] == [751, 750, 750, 750]
    assert len(list(folder.glob("ticket_events-*.parquet"))) == 4
    tickets = pd.concat([pd.read_parquet(part) for part in parts])
    assert tickets["ticket_id"].tolist() == [str(number) for number in range(100_001, 103_002)]
    people = [set(pd.read_parquet(part)["requester_id"]) for part in parts]
    assert sum(len(some) for some in people) == len(set.union(*people))
    agents = pd.read_csv(folder / "agents.csv")
    assert agents["agent_id"].is_unique
    reviews = pd.concat([pd.read_csv(path) for path in folder.glob("quality_reviews-*.csv")])
    assert not reviews.duplicated(["review_id", "criterion"]).any()
    assert [line for line in lines if line.startswith("site")][-1] == "site 4 of 4: 750 tickets"
    assert not list(folder.glob("tickets.csv.gz"))


def test_a_failed_run_leaves_what_was_there(small, tmp_path, monkeypatch):
    folder = write_sample(tmp_path / "sample", tickets=600)
    before = digests(folder)

    def fails(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("opslib.sample.write.planted.ground_truth", fails)
    with pytest.raises(OSError, match="disk full"):
        write_sample(folder, tickets=700)
    assert digests(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_a_sample_replaces_a_sample_but_nothing_else(tmp_path):
    folder = write_sample(tmp_path / "sample", tickets=600)
    (folder / "tickets-000.parquet").write_bytes(b"of an older sample")
    write_sample(folder, tickets=600)
    assert not (folder / "tickets-000.parquet").exists()
    own = tmp_path / "own"
    own.mkdir()
    (own / "tickets.csv").write_text("ticket_id\n1\n")
    with pytest.raises(ExportError, match="no sample"):
        write_sample(own, tickets=600)
    assert (own / "tickets.csv").exists()


def test_too_few_tickets_are_refused(tmp_path):
    with pytest.raises(ExportError, match="at least 500"):
        write_sample(tmp_path / "sample", tickets=10)
