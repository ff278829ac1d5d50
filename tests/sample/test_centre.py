"""The simulated centre behaves like one: people work in shifts, tickets wait for them, the figures are plausible."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from opslib.sample import arrivals, centre, plan, roster, rules, waiting


@pytest.fixture(scope="module")
def worked_off():
    def random(subject: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(subject))

    people = roster.draw_roster(random(1), 6000, 0)
    tickets = arrivals.draw_arrivals(random(2), 6000, True)
    work = plan.plan_work(random(3), tickets, True)
    return tickets, work, people, waiting.work_off(tickets, work, people)


def test_no_work_is_begun_before_it_is_due_or_outside_a_shift(worked_off):
    _, work, people, handling = worked_off
    begun = np.flatnonzero(handling.picked < waiting.NEVER)
    assert (handling.picked[begun] >= handling.due[begun]).all()
    shifts = people.stretches
    for number in np.random.default_rng(0).choice(begun, 500, replace=False):
        own = shifts[shifts["agent"] == handling.agent[number]]
        at = handling.picked[number]
        inside = own[(own["start"] <= at) & (at < own["end"])]
        assert len(inside) == 1
        assert (
            inside["team"].iloc[0] == centre.TEAM_OF_QUEUE[work.queue[number]]
            or len(shifts.loc[shifts["agent"] == handling.agent[number], "team"].unique()) == 2
        )


def test_an_agent_does_one_thing_at_a_time(worked_off):
    _, _, _, handling = worked_off
    pieces = pd.DataFrame({"agent": handling.agent, "from": handling.picked, "to": handling.ended})
    pieces = pieces[pieces["to"] < waiting.NEVER].sort_values(["agent", "from"])
    before = pieces.groupby("agent")["to"].shift()
    assert (pieces["from"] >= before)[before.notna()].all()


def test_no_ticket_waits_while_somebody_of_its_team_is_free(worked_off):
    """Waiting comes out of the queue: who waited more than a minute found no colleague at leisure at that moment."""
    _, work, people, handling = worked_off
    team = np.array(centre.TEAM_OF_QUEUE)[work.queue]
    first = np.append(True, work.ticket[1:] != work.ticket[:-1])
    waited = np.flatnonzero(first & (handling.picked < waiting.NEVER) & (handling.picked - handling.due > 60))
    shifts = people.stretches
    for number in np.random.default_rng(1).choice(waited, 300, replace=False):
        at = handling.due[number] + 30
        there = shifts[(shifts["start"] <= at) & (at < shifts["end"]) & (shifts["team"] == team[number])]["agent"]
        busy = set(handling.agent[(handling.picked <= at) & (at < handling.ended)])
        assert set(there) <= busy


def test_the_work_of_a_ticket_follows_its_plan(worked_off):
    _, work, _, handling = worked_off
    follows = np.flatnonzero((work.wait >= 0) & (handling.ended < waiting.NEVER))
    due = handling.ended[follows] + work.wait[follows]
    reached = due <= centre.END
    assert (handling.due[follows + 1][reached] == due[reached]).all()
    assert (handling.due[follows + 1][~reached] == waiting.NEVER).all()
    assert (work.ticket[follows] == work.ticket[follows + 1]).all()


def test_arrivals_have_the_shape_of_the_week(planted):
    created = planted.read("tickets")["created_at"].dt.tz_convert("America/New_York")
    by_day = created.dt.date.value_counts()
    hours = created.dt.hour.value_counts()
    assert hours[range(10, 17)].mean() > 4 * hours[range(2, 6)].mean()
    weekdays = by_day.groupby(lambda day: day.weekday()).mean()
    assert weekdays[0] > 1.3 * weekdays[6]
    memorial_day, other_mondays = pd.Timestamp("2026-05-25").date(), pd.Timestamp("2026-06-01").date()
    assert by_day[memorial_day] < 0.75 * by_day[other_mondays]


def test_the_figures_are_those_of_a_working_support_centre(planted):
    tickets = planted.read("tickets")
    solved = tickets[tickets["solved_at"].notna()]
    assert 0.08 <= (tickets["transfer_count"] > 0).mean() <= 0.15
    assert 0.05 <= (solved["reopen_count"] > 0).mean() <= 0.08
    assert 0.01 <= tickets["status"].isin(["deleted", "merged", "spam"]).mean() <= 0.02
    unsolved = tickets["status"].isin(["new", "open", "pending", "on_hold"])
    assert set(tickets.loc[unsolved, "team"]) == set(centre.TEAM_NAMES)
    assert 0.002 < unsolved.mean() < 0.04

    surveys = planted.read("satisfaction").merge(tickets[["ticket_id", "team"]], on="ticket_id")
    good = np.where(surveys["scale_max"] == 5, surveys["score"] >= 4, surveys["score"] == 2)
    assert pd.Series(good).groupby(surveys["team"]).mean().between(0.72, 0.90).all()
    assert (surveys.groupby("team")["scale_max"].first() == 2).to_dict() == {
        "us-commerce": False,
        "us-creators": False,
        "us-general": False,
        "us-safety": True,
    }

    reviews = planted.read("quality_reviews").query("not calibration")
    failed = reviews[reviews["critical"] & (reviews["score"] == 0)]["review_id"]
    scores = (reviews["score"] / reviews["max_score"]).groupby(reviews["review_id"]).mean()
    assert 0.84 < scores.where(~scores.index.isin(failed), 0).mean() < 0.93


def test_agents_leave_and_change_their_team(planted):
    agents = planted.read("agents").set_index("agent_id")
    assert agents["left_on"].notna().any()
    events = planted.read("ticket_events")
    events = events[events["actor_role"] == "agent"]
    last_seen = events.groupby("actor_id")["occurred_at"].max().dt.tz_convert("America/New_York").dt.date
    left = pd.to_datetime(agents["left_on"].dropna()).dt.date
    assert (last_seen.reindex(left.index).dropna() <= left + pd.Timedelta(days=1)).all()


def test_routing_gives_the_queue_of_the_first_rule_in_force_that_fits():
    in_order = (
        rules.Rule("A", 1, (("channel", "is", "chat"),), "general-account", active_from=100),
        rules.Rule("B", 2, (("form", "is_not", "app_form"),), "general-spanish", active_from=0),
        rules.Rule("C", 3, (), "general-frontdesk", active_from=0),
    )
    fields = {
        "channel": (np.array([0, 0, 1, 1, 1]), ("chat", "email")),
        "form": (np.array([1, 1, 0, 1, -1]), ("app_form", "other")),
    }
    created = np.array([99, 100, 100, 100, 100])
    queue = [centre.QUEUES[number] for number in rules.route(in_order, fields, created)]
    assert queue == ["general-spanish", "general-account", "general-frontdesk", "general-spanish", "general-spanish"]


def test_the_first_queue_of_every_ticket_is_what_the_written_rules_say(small):
    """Rules are read back from the export and tried one by one, so that a replay of them can be trusted."""
    tickets = small.read("tickets").set_index("ticket_id")
    events = small.read("ticket_events")
    first = events[events["event"] == "queue"].groupby("ticket_id")["value"].first()
    rows = small.read("routing_rules").sort_values("position").to_dict("records")
    for row in rows:
        row["active_from"] = pd.Timestamp(row["active_from"])
        row["active_to"] = pd.Timestamp(row["active_to"]) if isinstance(row["active_to"], str) else None
    for ticket_id, ticket in tickets.sample(400, random_state=1).iterrows():
        for row in rows:
            if row["active_from"] > ticket["created_at"] or (
                row["active_to"] and row["active_to"] <= ticket["created_at"]
            ):
                continue
            conditions = json.loads(row["conditions"])["all"]
            fits = all(
                (ticket[field] != value)
                if operator == "is_not"
                else ticket[field] in ([value] if operator == "is" else value)
                for field, operator, value in conditions
            )
            if fits:
                break
        assert first[ticket_id] == row["target_queue"]
