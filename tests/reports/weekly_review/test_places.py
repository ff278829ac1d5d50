"""Where and when: frames of a small warehouse against its weekly values, answers and tables from frames by hand."""

from __future__ import annotations

import shutil
from datetime import date

import pandas as pd
import pytest
from bs4 import BeautifulSoup

import opslib as ops
from opslib.display.section import LeftOut, Section
from opslib.reports.weekly_review import answers, open_review, places, show
from opslib.reports.weekly_review.place_charts import late_table, panel
from opslib.weeks import shift_week
from tests.reports.review_warehouse import LAST, shared_warehouse


@pytest.fixture(scope="module")
def review(tmp_path_factory):
    warehouse, params = shared_warehouse(tmp_path_factory)
    return open_review(ops.open_week(LAST, "alpha", warehouse=str(warehouse), params=str(params)))


def place(channel: str, queue: str, due: int, late: int, *, is_few: bool = False, priority: str = "normal") -> dict:
    return {"channel": channel, "priority": priority, "queue": queue, "due": due, "late": late, "is_few": is_few}


def test_the_places_sum_to_the_promise_of_the_week(review):
    frame = places.late_places(review)
    own = review.week.own_values
    value = own[(own["week"] == LAST) & (own["metric"] == "first_reply_sla")].iloc[0]
    sums = frame[frame["queue"] == places.ALL_QUEUES]
    assert sums["due"].sum() == value["denominator"] > 0
    assert sums["late"].sum() == value["denominator"] - value["numerator"]
    of_queues = frame[frame["queue"] != places.ALL_QUEUES].groupby(["channel", "priority"])[["due", "late"]].sum()
    assert of_queues.equals(sums.set_index(["channel", "priority"])[["due", "late"]])


def test_a_past_week_rests_on_no_later_one_and_has_nothing_to_open_today(tmp_path_factory, tmp_path):
    """Its page would else be made anew every week, and tell of tickets that came after it."""
    warehouse, params = shared_warehouse(tmp_path_factory)
    earlier = shutil.copytree(warehouse, tmp_path / "earlier")
    for path in earlier.glob(f"facts/*/week={LAST}"):
        if path.parent.name in ("tickets", "spells", "sla"):
            shutil.rmtree(path)
    before = shift_week(LAST, -1)
    now, then = (
        open_review(ops.open_week(before, "alpha", warehouse=str(each), params=str(params)))
        for each in (warehouse, earlier)
    )
    for ask in (places.standing, places.days, places.ages, places.arrivals, places.late_places):
        assert len(ask(now)), ask.__name__
        pd.testing.assert_frame_equal(ask(now), ask(then))
    drawn = show.open_tickets(ops.weekly_review.open_tickets(now))
    assert isinstance(drawn, LeftOut)
    assert "the newest week's page" in drawn.missing


def test_arrivals_sum_to_the_tickets_created(review):
    frame = places.arrivals(review)
    own = review.week.own_values
    created = own[(own["week"] == LAST) & (own["metric"] == "created")]["value"].iloc[0]
    assert frame["tickets"].sum() == created > 0
    assert frame["closed"].sum() == 0, "the team never closes"


def test_the_answer_names_the_channels_with_most_and_fewest_late():
    every = places.ALL_QUEUES
    frame = pd.DataFrame([place("email", every, 60, 50), place("email", every, 40, 30), place("chat", every, 50, 1)])
    assert answers.late_places(frame) == "Most are late by email, 80 of 100; fewest by chat, 1 of 50."
    alike = pd.DataFrame([place("email", every, 100, 50), place("chat", every, 100, 52)])
    assert answers.late_places(alike) == "Late everywhere alike: chat, 52 of 100."
    small = pd.DataFrame([place("email", every, 20, 19), place("email", "a", 20, 19)])
    assert answers.late_places(small) == "19 of the 20 first replies below were late."
    few = pd.DataFrame([place("email", every, 20, 0), place("chat", every, 40, 0), place("web", every, 2, 1)])
    assert answers.late_places(few) == "1 of the 62 first replies below was late."
    assert answers.late_places(few.head(2)) == "None of the 60 first replies below was late."
    untold = pd.DataFrame([place("email", every, None, None, is_few=True)])
    assert answers.late_places(untold) == ""
    hidden = pd.DataFrame([place("email", every, 60, 50), place("chat", every, 40, 40, is_few=True)])
    assert "chat" not in answers.late_places(hidden)


def test_a_place_of_few_people_says_no_number_and_a_row_of_such_places_is_left_out():
    rows = [
        place("email", "a<b>", 12, 9),
        place("email", "b", 3, 2, is_few=True),
        place("email", places.ALL_QUEUES, 15, 11),
        place("chat", "b", 4, 4, is_few=True),
        place("chat", places.ALL_QUEUES, 4, 4, is_few=True),
    ]
    soup = BeautifulSoup(late_table(pd.DataFrame(rows)).html, "html.parser")
    assert [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in soup.find_all("tr")] == [
        ["Channel and priority", "a<b>", "b", "All"],
        ["Email, normal", "3 of 12", "few", "4 of 15"],
    ]


def test_the_answer_of_what_is_held_is_that_of_the_closing_time():
    closes = pd.to_datetime(["2026-11-06 19:00", "2026-11-13 19:00"]).tz_localize("America/Los_Angeles")
    frame = pd.DataFrame({"week": ["2026-W45", LAST], "closes_at": closes, "tickets": [145, 193], "closed": ["", ""]})
    assert answers.standing(frame) == "193 open at Friday's close, 7 pm PT, 145 a week before."
    days = pd.DataFrame({"day": [date(2026, 11, 9)], "came": [2], "went": [0], "left": [2], "closed": ["Fête"]})
    drawn = show.standing(frame, days, pd.DataFrame({"age": ["under 1 day"], "tickets": [2]}))
    assert [part.alt for part in drawn.parts] == [
        "Line of the tickets open at Friday's close, 7 pm PT, weeks 45 to 46: 193 in the last, 145 to 193 in all.",
        "Bars of tickets in and out by day: Mon Nov 9 2 in, 0 out (Fête).",
        "Bars of open tickets by age: under 1 day 2.",
    ]


def test_a_team_that_never_closes_has_no_closing_time():
    closes = pd.to_datetime(["2026-11-14 00:00"]).tz_localize("America/New_York")
    frame = pd.DataFrame({"week": [LAST], "closes_at": closes, "tickets": [73], "closed": [""]})
    assert answers.standing(frame) == "73 open at Friday's midnight."


def test_what_is_not_told_is_left_out_with_the_reason():
    nothing = show.standing(pd.DataFrame(columns=["week"]), pd.DataFrame(), pd.DataFrame())
    assert isinstance(nothing, LeftOut)
    assert nothing.missing == "The export does not tell which tickets were open."


def test_a_panel_says_its_value_and_its_goal(review):
    rows = review.chart[review.chart["metric"] == "first_reply_median"]
    assert "the goal is ≤ 2 h" in panel(rows).alt


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["new", "outside", "not judged"], "one new signal, 1 still outside, 1 not judged"),
        (["within", "within"], "No signal"),
    ],
)
def test_the_answer_of_signals_counts_them(verdicts, said):
    assert answers.signals(pd.DataFrame({"verdict": verdicts})) == said


def test_a_section_shows_its_answer_and_parts_in_a_notebook(capsys):
    section = Section("the chart", answer="It grows.", folded=True)
    assert repr(section) == "It grows.\n'the chart'"


def test_nothing_late_has_no_answer():
    nothing = pd.DataFrame(columns=["channel", "priority", "queue", "due", "late", "is_few"])
    assert answers.late_places(nothing) == ""
