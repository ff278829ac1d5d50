"""A small warehouse whose facts are written by hand, for tests of what stands on them.

Twenty weeks up to 2026-W46 and three teams: `alpha` with everything planted in the last week, `beta` steady, `quiet`
without any ticket. In the last week alpha's chats wait six hours for a first reply instead of one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opslib.settings import load_organisation
from opslib.weekly.numbers.signals import build_weekly_signals
from opslib.weekly.numbers.values import build_weekly_values
from opslib.weeks import week_bounds, weeks_between
from tests.reports import small_warehouse
from tests.reports.small_warehouse import Folders, begin_warehouse, end_warehouse

LAST = "2026-W46"
WEEKS = weeks_between("2026-W27", LAST)
AS_OF = datetime(2026, 11, 16, 12, tzinfo=UTC)
PER_WEEK = 40
HOUR = 3600

ORGANISATION = """
organisation: Test desk
time_zone: America/New_York
calendars:
  - name: always
    time_zone: America/New_York
    hours: [{from: 2020-01-01, always: true}]
sla_policies:
  - name: promise
    targets:
      - {metric: first_reply, clock: business, targets: {normal: 4h}}
teams:
  - name: alpha
    label: Alpha <b>team</b>
    region: US
    calendar: always
    sla_policy: promise
    goals:
      - {metric: first_reply_median, from: 2026-01-01, target: 2h}
      - {metric: csat, from: 2026-01-01, target: 90%}
  - {name: beta, label: Beta, region: US, calendar: always, sla_policy: promise}
  - {name: quiet, label: Quiet, region: US, calendar: always}
"""

PRESENT = {
    "tickets": ["ticket_id", "created_at", "status", "team", "channel", "requester_id", "contact_reason"],
    "ticket_events": ["ticket_id", "occurred_at", "event", "actor_role", "value"],
    "satisfaction": ["ticket_id", "answered_at", "score", "scale_max"],
    "quality_reviews": ["review_id", "ticket_id", "reviewed_at", "criterion", "score", "max_score", "critical"],
}


def tickets() -> pd.DataFrame:
    """facts/tickets, one row per ticket, all of them solved two hours after the first reply but for the last ones."""
    rng = np.random.default_rng(7)
    parts = []
    for number, week in enumerate(WEEKS):
        start = week_bounds(week, "America/New_York")[0]
        for team in ("alpha", "beta"):
            count = PER_WEEK
            slow = team == "alpha" and week == LAST
            chat = np.arange(count) % 2 == 0
            created = pd.Timestamp(start) + pd.to_timedelta(np.sort(rng.integers(0, 4 * 24 * HOUR, count)), unit="s")
            swing = 1 + 0.15 * np.sin(2.3 * number)  # weeks that are all alike are not judged
            reply = (swing * rng.integers(40 * 60, 80 * 60, count)).astype(int) + np.where(slow & chat, 6 * HOUR, 0)
            solve = reply + 2 * HOUR
            parts.append(
                pd.DataFrame(
                    {
                        "week": week,
                        "ticket_id": [f"{team}-{number}-{n}" for n in range(count)],
                        "created_at": created,
                        "status": "solved",
                        "team": team,
                        "channel": np.where(chat, "chat", "email"),
                        "contact_reason": np.where(np.arange(count) % 4 < 2, "refund", "<script>alert(1)</script>"),
                        "first_reply": reply,
                        "solve": solve,
                        "reopens": (rng.random(count) < 0.05).astype(int),
                        "transfers": (rng.random(count) < 0.1).astype(int),
                    }
                )
            )
    frame = pd.concat(parts, ignore_index=True)
    frame["requester_id"] = [f"p{number}" for number in range(len(frame))]
    frame["last_solved_at"] = frame["created_at"] + pd.to_timedelta(frame["solve"], unit="s")
    open_ = (frame["week"] == LAST) & (frame.groupby(["week", "team"]).cumcount() >= PER_WEEK - 3)
    so_far = ((pd.Timestamp(AS_OF) - frame["created_at"]).dt.total_seconds()).astype("int64")
    frame.loc[open_, "status"] = "open"
    frame["last_solved_at"] = frame["last_solved_at"].mask(open_)
    frame["first_solved_at"] = frame["last_solved_at"]
    replied_at = frame["created_at"] + pd.to_timedelta(frame["first_reply"], unit="s")
    frame["first_reply_at"] = replied_at.mask(open_)
    for measure, seconds in (
        ("first_reply", "first_reply"),
        ("first_resolution", "solve"),
        ("full_resolution", "solve"),
    ):
        for clock in ("business", "calendar"):
            frame[f"{measure}_{clock}_seconds"] = frame[seconds].astype("Int64").mask(open_)
            frame[f"{measure}_{clock}_censored_seconds"] = so_far.astype("Int64").where(open_)
    frame["counts_in_speed"] = True
    frame["ping_pongs"] = 0
    frame["touches"] = 1 + frame["transfers"]
    frame["one_touch"] = (frame["touches"] == 1) & (frame["reopens"] == 0) & ~open_
    frame["first_contact_resolution"] = frame["one_touch"]
    frame["escalated"] = False
    frame["first_team"] = frame["solved_team"] = frame["survey_team"] = frame["team"]
    frame["solved_team"] = frame["solved_team"].where(~open_)
    frame["first_reply_team"] = frame["first_solved_team"] = frame["solved_team"]
    return frame.drop(columns=["first_reply", "solve"])


def replies(frame: pd.DataFrame) -> pd.DataFrame:
    question_at = frame["created_at"] + pd.Timedelta(hours=3)
    return pd.DataFrame(
        {
            "ticket_id": frame["ticket_id"],
            "team": frame["team"],
            "week": frame["week"],
            "asked_at": question_at,
            "replied_at": question_at + pd.Timedelta(hours=1),
            "calendar_seconds": HOUR,
            "business_seconds": HOUR,
            "calendar_censored_seconds": pd.array([pd.NA] * len(frame), dtype="Int64"),
            "business_censored_seconds": pd.array([pd.NA] * len(frame), dtype="Int64"),
        }
    )


def solves(frame: pd.DataFrame) -> pd.DataFrame:
    """One solve of each ticket that has one, by five agents in turn; those with a reopen came back a day later."""
    rows = frame[frame["last_solved_at"].notna()].reset_index(drop=True)
    return pd.DataFrame(
        {
            "ticket_id": rows["ticket_id"],
            "week": rows["week"],
            "team": rows["team"],
            "agent_id": [f"agent {n % 5}" for n in range(len(rows))],
            "solved_at": rows["last_solved_at"],
            "reopened_at": (rows["last_solved_at"] + pd.Timedelta(days=1)).where(rows["reopens"] > 0),
            "tells_reopens": True,
        }
    )


def sla(frame: pd.DataFrame) -> pd.DataFrame:
    """First reply within four hours, with the state that follows from the facts."""
    reply = frame["first_reply_business_seconds"]
    late = reply.fillna(10**9) > 4 * HOUR
    ended = frame["created_at"] + pd.to_timedelta(reply.astype("float64"), unit="s")
    return pd.DataFrame(
        {
            "ticket_id": frame["ticket_id"],
            "team": frame["team"],
            "week": frame["week"],
            "policy": "promise",
            "metric": "first_reply",
            "clock": "business",
            "target_seconds": 4 * HOUR,
            "elapsed_seconds": reply.fillna(0),
            "state": np.where(late, "breached", "met"),
            "breached_at": (frame["created_at"] + pd.Timedelta(hours=4)).where(late),
            "ended_at": ended,
        }
    )


def backlog(frame: pd.DataFrame) -> pd.DataFrame:
    """facts/backlog, counted day by day."""
    local = "America/New_York"
    created = frame["created_at"].dt.tz_convert(local).dt.date
    solved = frame["last_solved_at"].dt.tz_convert(local).dt.date
    rows = []
    for team in ("alpha", "beta"):
        own, closing = frame["team"] == team, 0
        day = date.fromisocalendar(2026, int(WEEKS[0][6:]), 1)
        while day <= date(2026, 11, 16):
            opening, came, went = closing, int((own & (created == day)).sum()), int((own & (solved == day)).sum())
            closing = opening + came - went
            old = int((own & (created < day - timedelta(days=7)) & ~(solved <= day).fillna(False)).sum())
            ages = (1.0 if closing else np.nan, old, 0)
            rows.append((team, day, opening, came, 0, 0, went, 0, 0, 0, closing, *ages, 0, closing, 0))
            day += timedelta(days=1)
    names = "team day opening created reopened moved_in solved deleted merged moved_out closing median_age_days"
    parts = ["older_than_7d", "older_than_30d", "unassigned", "unreplied", "unanswered"]
    return pd.DataFrame(rows, columns=[*names.split(), *parts])


def spells(frame: pd.DataFrame) -> pd.DataFrame:
    """Every ticket was open until its last solve; what was reopened in between is not told."""
    columns = frame[["ticket_id", "week", "team"]]
    held = {"status": "open", "assignee_id": pd.Series(None, index=frame.index, dtype="str")}
    return columns.assign(**held, start_at=frame["created_at"], end_at=frame["last_solved_at"])


def satisfaction(frame: pd.DataFrame) -> pd.DataFrame:
    """Every fourth ticket answers, nine of ten are satisfied."""
    rows = frame[frame["last_solved_at"].notna()].iloc[::4].reset_index(drop=True)
    return pd.DataFrame(
        {
            "ticket_id": rows["ticket_id"],
            "answered_at": rows["last_solved_at"] + pd.Timedelta(hours=2),
            "score": np.where(np.arange(len(rows)) % 10 == 3, 3.0, 4.0),
            "scale_max": 5,
        }
    )


def quality_reviews(frame: pd.DataFrame) -> pd.DataFrame:
    """Every tenth ticket is reviewed: 8 of 10 points, and a critical criterion that is met."""
    rows = frame[frame["last_solved_at"].notna()].iloc[::10].reset_index(drop=True)
    first = pd.DataFrame(
        {
            "review_id": [f"r{n}" for n in range(len(rows))],
            "ticket_id": rows["ticket_id"],
            "reviewer_id": "p1",
            "reviewed_at": rows["last_solved_at"] + pd.Timedelta(hours=5),
            "criterion": "tone",
            "score": 7.0 + np.arange(len(rows)) % 3,
            "max_score": 10.0,
            "min_score": np.nan,
            "weight": np.nan,
            "critical": False,
            "calibration": False,
        }
    )
    second = first.assign(criterion="privacy", score=1.0, max_score=1.0, critical=True)
    return pd.concat([first, second], ignore_index=True)


def shared_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The folders of `write_warehouse`, written once a run for all its processes: to read, or to copy and change."""
    return small_warehouse.shared_warehouse(tmp_path_factory, write_warehouse)


def write_warehouse(root: Path, *, with_satisfaction: bool = True) -> Folders:
    """Write facts and weekly values under a folder; the warehouse's folder and the parameters' folder."""
    warehouse, params = begin_warehouse(root, ORGANISATION)
    facts = tickets()
    warehouse.write("facts", "tickets", facts, partition_by_week=True)
    warehouse.write("facts", "replies", replies(facts), partition_by_week=True)
    warehouse.write("facts", "sla", sla(facts), partition_by_week=True)
    warehouse.write("facts", "solves", solves(facts), partition_by_week=True)
    warehouse.write("facts", "spells", spells(facts), partition_by_week=True)
    warehouse.write("facts", "backlog", backlog(facts))
    present = dict(PRESENT)
    if with_satisfaction:
        warehouse.write("standard", "satisfaction", satisfaction(facts))
    else:
        del present["satisfaction"]
    warehouse.write("standard", "quality_reviews", quality_reviews(facts))
    end_warehouse(warehouse, present, AS_OF)
    organisation = load_organisation(params)
    build_weekly_values(warehouse, organisation, AS_OF)
    build_weekly_signals(warehouse, organisation)
    return warehouse.root, params
