from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.contact_drivers.follow_up import BACK, UNKNOWN, WAITING
from opslib.display.theme import Drawing, Markup
from opslib.reports.contact_drivers import drawings


def movers(changes: list[tuple[str, float, int]]) -> pd.DataFrame:
    """What `frames.movers` returns, of reasons with their mean before and their count."""
    frame = pd.DataFrame(changes, columns=["contact_reason", "trailing_mean", "count"])
    frame = frame.assign(dimension="all", segment="all", expected=frame["trailing_mean"], low=0.0, high=9.0, p=0.001)
    frame["excess"] = frame["count"] - frame["expected"]
    up = frame["excess"] > 0
    frame["history"] = [(1, 2, 3)] * len(frame)
    return frame.assign(
        left_out=0,
        q=0.01,
        discovery=True,
        direction=np.where(up, "up", "down"),
        ratio=frame["count"] / frame["expected"],
    )


def test_a_new_list_of_labels_is_not_told_as_a_change_of_contacts():
    new_list = drawings.movers(movers([("old", 40.0, 2), ("older", 30.0, 0), ("new", 1.0, 45), ("newer", 1.0, 30)]))
    grown = drawings.movers(movers([("old", 40.0, 41), ("older", 30.0, 28), ("new", 1.0, 45)]))
    assert "labels were renamed" in new_list.text
    assert "labels were renamed" not in grown.text


def test_how_many_tests_were_made_stands_below_the_movers():
    table = drawings.movers(movers([("a", 10.0, 30), ("b", 10.0, 30)]))
    assert "2 changes were judged, of reasons in all and by segment; 2 are signals" in table.text
    untested = movers([("a", 10.0, 30)]).assign(p=np.nan, discovery=False)
    assert "it takes eight complete weeks" in drawings.movers(untested).text


def ranked() -> pd.DataFrame:
    frame = pd.DataFrame({"contact_reason": ["<i>a</i>", "b"], "tickets": [30, 10], "share": [0.75, 0.25]})
    numbers = dict.fromkeys(("reopens", "answered", "dissatisfied", "dissatisfied_share", "per_1000"), np.nan)
    bounds = dict.fromkeys(("dissatisfied_low", "dissatisfied_high", "per_1000_low", "per_1000_high"), np.nan)
    hours = {"waited_hours": [60.0, 40.0], "waited_share": [0.6, 0.4], "waited_hours_per_ticket": [2.0, 4.0]}
    return frame.assign(cumulative_share=[0.75, 1.0], folded=0, **hours, **numbers, **bounds)


def test_the_bars_of_the_pareto_are_the_shares(monkeypatch: pytest.MonkeyPatch):
    figures = []
    drawing = drawings.theme.drawing
    monkeypatch.setattr(drawings.theme, "drawing", lambda figure, alt: figures.append(figure) or drawing(figure, alt))
    picture = drawings.pareto(ranked())
    assert isinstance(picture, Drawing)
    widths = [round(bar.get_width(), 4) for bar in figures[0].axes[0].patches]
    assert widths == [0.75, 0.25, 0.6, 0.4]
    assert "<i>a</i> with 30 tickets (75%)" in picture.alt
    assert "<i>a" not in picture.svg


def test_what_is_not_in_the_export_is_said_below_the_table():
    table = drawings.pareto_table(ranked())
    assert isinstance(table, Markup)
    assert "Satisfaction is not in this export." in table.text
    assert "Active users of these weeks are not in this export" in table.text
    assert "&lt;i&gt;a&lt;/i&gt;" in table.html


def test_a_weak_classifier_is_called_weak():
    accuracy = pd.DataFrame(
        [("en", 900, 6, 0.45, 0.43, 0.48, 0.36)],
        columns=["language", "texts", "labels", "accuracy", "low", "high", "baseline"],
    )
    pairs = pd.DataFrame(
        [("en", "a", "b", 100, 20, 0.2, 0.13, 0.29, ())],
        columns=[
            *("language", "contact_reason", "text_says", "tickets", "contradicted", "share", "low", "high"),
            "ticket_ids",
        ],
    )
    assert "read the pairs as overlap, not as errors" in drawings.labels(accuracy, pairs).text
    assert "overlap, not" not in drawings.labels(accuracy.assign(accuracy=0.93), pairs).text


@pytest.mark.parametrize("draw", [drawings.pareto, drawings.pareto_table, drawings.history, drawings.candidates])
def test_nothing_to_show_is_one_line(draw):
    assert isinstance(draw(pd.DataFrame()), Markup)
    assert drawings.top_escalation(None).text
    assert drawings.top_escalation_trend(None).text


def test_a_segment_that_holds_all_tickets_of_a_reason_is_not_told_twice():
    whole = movers([("a", 10.0, 30)])
    part = whole.assign(dimension="channel", segment="forum")
    other = movers([("a", 4.0, 12)]).assign(dimension="region", segment="east", q=0.001)
    text = drawings.movers(pd.concat([part, other, whole], ignore_index=True)).text
    assert "Forum" not in text
    assert text.index("a | all | 30") < text.index("a | East | 12"), "the whole comes first, however strong a part is"


def test_warnings_are_told_once_for_each_reason():
    days = pd.DataFrame(
        [("2026-10-08", "sync", 3, 19, 0.1, 0.001), ("2026-10-07", "sync", 3, 16, 0.1, 0.0001)],
        columns=["day", "contact_reason", "days", "count", "expected", "q"],
    ).assign(before=[(0, 1, 0, 0), (0, 0, 0, 0)], flow=0.4)
    assert "Sync | Wed Oct 7 | the last 3 days | 16 | 0.1 |" in drawings.warnings(days).text
    assert "| < 0.1% | 2 of 7" in drawings.warnings(days).text
    assert "2026-10-08" not in drawings.warnings(days).text


def test_a_warning_shows_how_what_was_expected_is_reckoned():
    """Thursdays of 4.8 on average, on a day on which other reasons had two thirds of their tickets: 3.2."""
    rows = {"contact_reason": "sync", "count": 12, "expected": 3.2, "flow": 2 / 3, "q": 0.001}
    day = pd.DataFrame([rows | {"day": "2026-10-08", "days": 1, "before": (4, 5, 6, 4, 5)}])
    assert "12 | 3.2 | Thursdays of 5 weeks before: 4.8 on average; × 0.67, as other reasons went" in (
        drawings.warnings(day).text
    )
    assert "Tuesday to Thursday of 5 weeks before" in drawings.warnings(day.assign(days=3)).text


def test_weeks_that_had_already_risen_are_named_below_what_was_expected_without_them():
    table = drawings.movers(movers([("a", 10.0, 30), ("b", 10.0, 30)]).assign(left_out=[2, 0])).text
    assert "a | all | 30 | 10 (0–9) * |" in table
    assert "already risen far above those before: a (the last 2 weeks)." in table
    assert "already risen" not in drawings.movers(movers([("b", 10.0, 30)])).text


@pytest.mark.parametrize(
    ("state", "weeks", "needed", "text"),
    [
        (UNKNOWN, 1, 3, "not known yet: 1 of the 3 weeks that it takes"),
        (UNKNOWN, 5, 3, "not known yet, 5 weeks after"),
        (UNKNOWN, 5, pd.NA, "not known yet, 5 weeks after: too few tickets so far to tell"),
        (BACK, 1, 1, "back to its level before, a week after"),
        (WAITING, 0, 2, "no week since"),
    ],
)
def test_what_became_of_an_escalation_says_how_long_it_takes_to_tell(state: str, weeks: int, needed: object, text: str):
    row = {"subject": "a", "escalated_week": "2026-W41", "before_per_week": 10.0, "excess": 30.0, "state": state}
    row |= {"latest_per_week": 12.0, "latest_low": 9.0, "latest_high": 15.0, "weeks_since": weeks}
    frame = pd.DataFrame([row]).assign(needed_weeks=pd.array([needed], dtype="Int64"))
    assert f"a | Oct 5 | 10 | 40 | 12 (9–15) | {text}\n" in drawings.register(frame).text


def choices(*lines: tuple[str, str, str]) -> pd.DataFrame:
    """What `frames.forms` returns, all of them discoveries: choice, value, outcome."""
    frame = pd.DataFrame(lines, columns=["choice", "value", "outcome"])
    numbers = {"tickets": 10, "hits": 9, "share": 0.9, "low": 0.6, "high": 0.98, "others_share": 0.1, "extra": 8.0}
    return frame.assign(discovery=True, **numbers)


def test_a_reason_within_a_form_that_goes_wrong_as_a_whole_is_left_out():
    both = "form, contact_reason"
    lines = drawings.forms(
        choices(
            ("form", "web", "misrouted"),
            (both, "web · refund", "misrouted"),
            (both, "web · refund", "asked_back"),
            (both, "app · refund", "misrouted"),
            ("channel", "phone", "misrouted"),
        )
    ).text.splitlines()
    rows = [line.split(" | ")[:2] for line in lines if "| 9 of 10 |" in line]
    assert rows == [
        ["form: Web", "misrouted"],
        ["Web, reason refund", "asked back"],
        ["App, reason refund", "misrouted"],
        ["channel: Phone", "misrouted"],
    ]


def test_signals_stand_first_among_topics_and_the_column_only_where_there_is_one():
    names = [f"word{number}, more, and, more, of, them, still, on" for number in range(20)]
    frame = pd.DataFrame({"terms": names, "topic": range(20), "language": "en", "tickets": 9, "expected": 9.0})
    frame = frame.assign(low=4.0, high=14.0, similarity=0.9, reason="r", reason_share=0.5, ratio=1.2, q=0.01)
    frame = frame.assign(history=[(1, 2)] * 20, discovery=[number == 19 for number in range(20)])
    lines = drawings.topics(frame).text.splitlines()
    assert lines[1].split(" | ") == ["Topic", "Tickets", "Expected (95%)", "Signal", "Mostly labeled", "9 weeks"]
    assert lines[2].startswith("word19, more, and, more, of | 9 |")
    assert lines[-1] == "Signals first, then the largest: 12 of 20 topics."
    fresh = drawings.topics(frame.assign(similarity=float("nan"))).text.splitlines()
    assert fresh[2].startswith("new: word19, more")
    calm = drawings.topics(frame.assign(discovery=False)).text
    assert "Signal |" not in calm
    assert "No topic is a signal." in calm


def test_only_the_strongest_phrases_are_shown():
    frame = pd.DataFrame({"phrase": [f"p{number}" for number in range(15)], "language": "en", "tickets": 9})
    frame = frame.assign(before=0.0, first_week="2026-W41", reason="r", reason_share=0.5, example="Lost <it>")
    languages = pd.DataFrame([("en", 300, True)], columns=["language", "texts", "enough"])
    text = drawings.emerging(frame, languages).text
    assert "p11 | English" in text
    assert "“Lost <it>”" in text
    assert "&lt;it&gt;" in drawings.emerging(frame, languages).html
    assert "p12" not in text
    assert "The strongest 12 of 15." in text


def test_the_same_channel_for_all_tickets_is_said_and_not_drawn():
    frame = pd.DataFrame(
        {"channel": "forum", "contact_reason": ["a", "b"], "tickets": [9, 8], "share": 0.5, "folded": 0}
    )
    assert drawings.per_segment(frame, by="channel").text == (
        "All tickets have the same channel, Forum: there is nothing to compare."
    )


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0.9403, "0.94 (0.84–1.04)"), (0.0432, "0.043 (0.000–0.143)"), (12.4, "12 (12–12)")],
)
def test_a_rate_and_its_interval_have_as_many_figures(rate: float, text: str):
    row = {"tickets": 8, "weeks": 4, "users": 100.0, "rate": rate, "low": max(rate - 0.1, 0), "high": rate + 0.1}
    table = drawings.per_user(pd.DataFrame([{"dimension": "all", "segment": "all", **row}])).text
    assert table.endswith(f"all | 2 | 100 | {text}")
