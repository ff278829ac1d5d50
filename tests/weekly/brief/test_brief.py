"""What the Monday brief says of a week, from numbers and findings written by hand and counted by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from opslib.analysis.findings.register import finding, finding_id
from opslib.store.files import write_text
from opslib.store.warehouse import Warehouse
from opslib.weekly.brief import Brief, brief_of_week
from opslib.weekly.escalations import Escalated
from tests.weekly.brief.brief_warehouse import (
    BEFORE,
    CSAT,
    SLA,
    SPEED,
    TEAMS,
    WEEK,
    Judged,
    goal_finding,
    met,
    missed,
    organisation,
    write_findings,
    write_notes,
    write_numbers,
)

TODAY = date(2026, 11, 16)
ALL_GOALS = dict.fromkeys(TEAMS, (SLA, CSAT, SPEED))
HOUR = 3600.0


def brief(
    root: Path,
    rows: Iterable[Judged] = (),
    findings: Sequence[dict[str, Any]] = (),
    *,
    goals: Mapping[str, Iterable[str]] = ALL_GOALS,
    teams: Mapping[str, str] = TEAMS,
    blocked: Collection[str] = (),
    closed: Iterable[str] = (),
    actions: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> Brief:
    warehouse = Warehouse(root / "warehouse")
    if rows:
        write_numbers(warehouse, rows)
    if findings:
        write_findings(warehouse, *findings)
    if actions:
        write_notes(warehouse, *actions)
    desk = organisation(root / "params", goals, teams=teams, closed=closed)
    folder = root / WEEK
    return brief_of_week(warehouse, desk, WEEK, teams=list(teams), blocked=blocked, folder=folder, today=TODAY, **more)


BUSY = [
    missed("north", SLA, 0.3, n=200),
    missed("north", CSAT, 0.8, "missed, could be chance"),
    met("north", SPEED, HOUR),
    missed("south", SLA, 0.8, n=50),
    missed("south", CSAT, 0.7, "too few to say", n=10),
    Judged("south", SPEED, 3.9 * HOUR, "at risk"),
    met("west", SLA, 0.95),
    missed("west", CSAT, 0.8, "missed, could be chance"),
    Judged("west", SPEED, None, "no value", more={"goal_why": "not known yet"}),
    met("north", SLA, 0.9, n=200, week=BEFORE),
    met("north", CSAT, 0.9, week=BEFORE),
    met("north", SPEED, HOUR, week=BEFORE),
    missed("south", SLA, 0.8, n=50, week=BEFORE),
    missed("south", CSAT, 0.8, week=BEFORE),
    met("south", SPEED, HOUR, week=BEFORE),
    met("west", SLA, 0.95, week=BEFORE),
    met("west", CSAT, 0.95, week=BEFORE),
    met("west", SPEED, HOUR, week=BEFORE),
]
"""Of eight goals that were judged three are met, one of them at risk; of the same goals six were met the week before.
Late are 140 of 200, 10 of 50 and 5 of 100; the week before 20, 10 and 5."""
FOUND = [
    goal_finding("south", SLA, 5.0),
    goal_finding("north", SLA, 120.0),
    goal_finding("north", CSAT, 5.0, standing="could be chance", score=500.0),
    goal_finding("west", CSAT, 5.0, standing="could be chance", score=90.0),
]


def test_a_busy_week_begins_with_the_goals_met_and_with_whom_to_act_first(tmp_path: Path):
    page = brief(tmp_path, BUSY, FOUND)
    assert page.verdict == (
        "3 of 8 goals met, down from 6. Act on North desk first: First reply within SLA is 30.0%, and the goal is 90%."
    )
    goals, late, overdue = page.numbers
    assert (goals.value, goals.whole, goals.move) == ("3", "of 8", "↓ 6 last week")
    assert goals.verdict is not None
    assert goals.verdict.text == "1 of the 3 at risk"
    assert goals.fact == "1 more could not be judged"
    assert goals.spark is not None
    assert goals.spark.values == (6.0, 3.0)
    assert (late.label, late.value, late.whole) == ("First replies later than promised", "155", "of 350")
    assert (late.move, late.fact) == ("↑ 120 more than last week", "140 of them in North desk")
    assert (overdue.value, overdue.fact) == ("0", "none is written in notes/actions.csv yet")


def test_things_are_ranked_as_findings_are_with_bars_and_what_is_beyond_them_is_also_missed(tmp_path: Path):
    page = brief(tmp_path, BUSY, FOUND)
    assert [(each.team, each.subject, each.share) for each in page.points] == [
        ("north", SLA, 100),
        ("south", SLA, 4),
        ("north", CSAT, 4),
        ("west", CSAT, 4),
    ], "what is clear comes before what could be chance, however large its score"
    first = page.points[0]
    assert (first.what, first.size) == ("First reply within SLA 30.0%, goal ≥ 90%", "120 short")
    assert first.facts == ("140 of 200 late", "missed 4 of 13 weeks")
    assert (first.owner, first.due, first.state) == ("", "", "proposed")
    assert page.also_missed == "Also missed: Customer satisfaction in South desk."


def test_goals_missed_alike_are_said_together(tmp_path: Path):
    rows = [missed(team, metric, value) for team in TEAMS for metric, value in ((SLA, 0.5), (CSAT, 0.5))]
    rows += [missed("west", SPEED, 9 * HOUR)]
    said = brief(tmp_path, rows, [goal_finding("north", SLA, 40.0)]).also_missed
    assert said == (
        "Also missed: First reply, median in West desk; First reply within SLA in South desk and West desk; "
        "Customer satisfaction in all three teams."
    )


@pytest.mark.parametrize(
    ("rows", "goals", "verdict"),
    [
        (
            [met("north", SLA, 0.95), met("south", SLA, 0.95)],
            {"north": [SLA], "south": [SLA]},
            "Both goals are met.",
        ),
        ([Judged("north", SLA, 0.91, "at risk")], {"north": [SLA]}, "The one goal is met, but at risk."),
        ([met("north", SLA, 0.95)], {}, "No team has a goal that could be missed."),
    ],
    ids=["met", "at risk", "no goals"],
)
def test_a_quiet_week_says_that_nothing_needs_anybody(
    rows: list[Judged], goals: dict[str, list[str]], verdict: str, tmp_path: Path
):
    unneeded = finding(
        "signal",
        week=WEEK,
        team="north",
        subject="one_touch_share",
        what="It rose.",
        next_step="",
        section="",
        tickets={},
        standing="no need",
    )
    page = brief(tmp_path, rows, [unneeded], goals=goals)
    assert page.verdict == f"Nothing needs anybody this week. {verdict}"
    assert "by chance in one week in five at most" in page.lead
    assert (page.points, page.also_missed) == ((), "")


def test_without_goals_the_first_thing_is_said_and_no_table_is_made(tmp_path: Path):
    rule = finding(
        "broken rule",
        week=WEEK,
        team="south",
        subject="R-1",
        what="R-1 sends tickets wrong.",
        next_step="Mend it.",
        section="south/routing_audit.html",
        tickets={},
        size=7.0,
        since="2026-10-05",
    )
    page = brief(tmp_path, [Judged("north", SLA, 0.95)], [rule], goals={})
    assert page.verdict == "No team has a goal, so none is judged. Act on South desk first: R-1 sends tickets wrong."
    assert (page.rows, page.goals, page.numbers[0].value) == ((), (), "–")
    (point,) = page.points
    assert point.size == "7 a week"
    assert point.verdict is not None
    assert point.verdict.text == "Broken since Oct 5"


def test_goals_that_nobody_could_judge_say_why(tmp_path: Path):
    rows = [
        Judged("north", SLA, None, "no value", more={"goal_why": "the export is not whole"}),
        Judged("south", CSAT, None, missing="not in this export: no satisfaction surveys"),
    ]
    page = brief(tmp_path, rows, goals={"north": [SLA], "south": [CSAT]})
    assert page.verdict == "No goal could be judged this week: not in this export and the export is not whole."
    north, south, west = page.rows
    assert [cell.value if cell else None for cell in north.cells] == ["–", None]
    assert [cell.value if cell else None for cell in south.cells] == [None, "not in this export"]
    assert west.cells == (None, None)
    assert page.numbers[1].fact == "not in this export: no promise is known"


def test_a_first_week_compares_with_nothing(tmp_path: Path):
    rows = [row for row in BUSY if row.week == WEEK]
    page = brief(tmp_path, rows, FOUND)
    assert page.verdict.startswith("3 of 8 goals met. Act on North desk first")
    assert [number.move for number in page.numbers] == ["", "", ""]


def test_before_anything_is_known_the_brief_says_so(tmp_path: Path):
    page = brief(tmp_path)
    assert page.verdict == "No number of week 46 is known yet."
    assert (page.rows, page.lead) == ((), "")


def test_a_blocked_team_is_left_out_of_every_count_and_all_blocked_leave_no_week(tmp_path: Path):
    page = brief(tmp_path, BUSY, FOUND, blocked=["north"])
    assert page.verdict.startswith("2 of 5 goals met, down from 3. Act on South desk first")
    assert [row.team for row in page.rows] == ["south", "west"]
    assert {point.team for point in page.points} == {"south", "west"}
    assert page.numbers[1].value == "15"
    every = brief(tmp_path / "every", BUSY, FOUND, blocked=["*"])
    assert every.verdict == "There is no week 46 yet: the data of all three teams are blocked."
    assert (every.points, every.rows, every.numbers) == ((), (), ())


def test_the_table_has_the_gap_the_misses_and_the_cases_of_each_goal_and_a_line_with_holidays(tmp_path: Path):
    rows = [*BUSY, missed("north", SLA, 0.5, week="2026-W44")]
    page = brief(tmp_path, rows, closed=["north"])
    assert page.goal_labels == ["First reply, median", "First reply within SLA", "Customer satisfaction"]
    cell = page.rows[0].cells[1]
    assert cell is not None
    assert cell.verdict is not None
    assert (cell.value, cell.verdict.text) == ("30.0%", "Missed")
    assert cell.facts == ("60.0 points short", "missed 4 of 13 weeks", "200 tickets")
    assert cell.spark is not None
    assert cell.spark.values == (0.5, 0.9, 0.3)
    assert cell.spark.closed == ("", "", "Veterans Day")
    assert (cell.spark.goal, cell.spark.look) == (0.9, "missed")
    unknown = page.rows[2].cells[0]
    assert unknown is not None
    assert unknown.facts[-2:] == ("not known yet", "week 45: 1 h, met")


def test_holidays_explain_only_what_their_teams_met_the_week_before(tmp_path: Path):
    """North met both goals the week before and is closed on Wednesday; south and west never close."""
    page = brief(tmp_path, BUSY, closed=["north"], closures="Veterans Day on Wed Nov 11 closed North desk")
    assert page.lead == (
        "Veterans Day on Wed Nov 11 closed North desk. It may explain 2 of the 5 goals missed, which these teams met "
        "the week before; the other 3 were missed before it or where nothing was closed."
    )


def test_goals_that_are_too_easy_are_told_to_whoever_sets_them(tmp_path: Path):
    rows = [met("north", SPEED, HOUR, more={"too_easy": True}), met("south", SPEED, HOUR)]
    assert brief(tmp_path, rows).too_easy.startswith(
        "For whoever sets goals: First reply, median of North desk (≤ 4 h) is too easy to steer by"
    )


def test_actions_come_overdue_ones_first_with_what_became_of_the_number(tmp_path: Path):
    name = finding_id("goal missed", "north", SLA)
    earlier = {**goal_finding("north", SLA, 90.0), "week": BEFORE}
    actions = [
        {"finding_id": name, "team": "north", "owner": "North lead", "due": "2026-11-08", "state": "accepted"},
        {"what": "Call them", "team": "south", "due": "2026-11-20", "remark": "soon"},
        {"what": "Old", "due": "2026-08-01", "state": "done"},
        {"what": "Swap", "due": "2026-11-12", "state": "declined", "remark": "no people"},
    ]
    page = brief(tmp_path, BUSY, [*FOUND, earlier], actions=actions)
    told = page.actions
    assert (told.count, told.open, told.overdue, told.oldest) == (4, 2, 1, "2026-11-08")
    assert told.sentence == "1 is overdue, 1 was declined and 1 is open and not due yet."
    assert [(line.what, line.state) for line in told.lines] == [
        ("Do it.", "eight days overdue"),
        ("Call them", "proposed"),
        ("Swap", "declined"),
    ], "what was settled long ago is in the file"
    first = told.lines[0]
    assert first.outcome == "120 a week now, 90 when it was due. Accepted, not done."
    assert told.lines[2].outcome == "“no people”"
    overdue = page.numbers[2]
    assert (overdue.value, overdue.whole) == ("1", "of 2 open")
    point = page.points[0]
    assert (point.owner, point.due, point.state, point.is_overdue) == ("North lead", "Sun Nov 8", "accepted", True)


def test_causes_and_links_stand_with_each_thing_as_far_as_their_pages_are_there(tmp_path: Path):
    def cause(text: str, *, is_measured: bool, **more: Any) -> dict[str, Any]:
        return {"text": text, "is_measured": is_measured, "unit": "count", "now": 5.0, "usual": 6.0, **more}

    causes = [
        cause("People on shift", is_measured=False),
        cause("Rule R-1 broke", is_measured=True, cases=29.0, of=140.0),
        cause("Open days", is_measured=False),
    ]
    moved = finding(
        "reason moved",
        week=WEEK,
        team="west",
        subject="refund",
        what="More refunds.",
        next_step="",
        section="west/contact_drivers.html#s-x",
        tickets={},
        size=12.0,
        since="2026-10-05",
    )
    matter = Escalated("2026-W46-west-refund", "west", "refund", 12.0, 8.0, 16.0)
    for name in ("weekly_review", f"lists/{SLA}"):
        write_text("x", tmp_path / WEEK / "north" / f"{name}.html")
    write_notes(Warehouse(tmp_path / "warehouse"), sentences={"north": "North lead"})
    page = brief(tmp_path, BUSY, [goal_finding("north", SLA, 120.0, causes=causes), moved], escalated=[matter])
    first, second = page.points
    assert first.causes == (
        ("Cause", "Rule R-1 broke: 29 of the 140."),
        ("At the same time", "People on shift (5, usually 6)."),
    )
    assert [(link.label, link.href) for link in first.links] == [
        ("Why", "north/weekly_review.html#s-sla"),
        ("140 late tickets", f"north/lists/{SLA}.html"),
        ("Note by North lead", "north/weekly_review.html"),
    ]
    assert [(link.label, link.href) for link in second.links] == [
        ("The escalation", matter.brief),
        ("Its tickets", matter.tickets),
    ], "its page was not made"
    assert page.escalations == {matter.escalation_id: "proposed"}


def test_an_escalation_has_the_state_that_its_action_gives_it(tmp_path: Path):
    """One that nobody wrote of stays proposed, even where another escalation of its team was sent."""
    matters = [
        Escalated(f"{WEEK}-west-{name}", "west", name, 12.0, 8.0, 16.0) for name in ("refund", "upload", "login")
    ]
    sent, late = (finding_id("reason moved", "west", name) for name in ("refund", "upload"))
    actions = [
        {"finding_id": sent, "team": "west", "owner": "Product liaison", "due": "2026-11-10", "state": "sent"},
        {"finding_id": late, "team": "west", "owner": "", "due": "2026-11-10", "state": "accepted"},
    ]
    states = brief(tmp_path, BUSY, FOUND, actions=actions, escalated=matters).escalations
    assert states[matters[0].escalation_id] == "sent (Product liaison)"
    assert states[matters[1].escalation_id].endswith("overdue")
    assert states[matters[2].escalation_id] == "proposed"


def test_one_team_and_thirty_are_said_in_words_that_fit(tmp_path: Path):
    one = brief(tmp_path / "one", [missed("solo", SLA, 0.5)], teams={"solo": "Solo"}, goals={"solo": [SLA]})
    assert one.verdict == "The one goal is missed."
    assert one.numbers[1].fact == "", "there is no other team"
    many = {f"t{number:02}": f"Team {number:02}" for number in range(30)}
    rows = [missed(team, SLA, 0.5) for team in many] + [missed(team, CSAT, 0.5) for team in list(many)[:9]]
    page = brief(tmp_path / "many", rows, teams=many, goals=dict.fromkeys(many, (SLA, CSAT)))
    assert len(page.rows) == 30
    assert page.also_missed == (
        "Also missed: First reply within SLA in all 30 teams; Customer satisfaction in nine teams."
    )


def test_what_the_export_lacks_for_several_teams_is_said_once(tmp_path: Path):
    lacking = [
        finding(
            "data incomplete",
            week=WEEK,
            team=team,
            subject="export",
            what="The data of this week are not complete.",
            standing="first",
            next_step="Ask for them.",
            section="",
            tickets={},
        )
        for team in ("north", "south")
    ]
    page = brief(tmp_path, BUSY, [*FOUND, *lacking])
    assert [each.teams for each in page.points] == [("north", "south"), ("north",), ("south",), ("west",)]
    assert page.verdict.endswith(
        "Complete the data of North desk and South desk first: the data of this week are not complete."
    )
