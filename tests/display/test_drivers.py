from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.display import drivers as show
from opslib.display.theme import Drawing, Markup


def movers(changes: list[tuple[str, float, int]]) -> pd.DataFrame:
    """Frames of `drivers_report.moved`: reason, mean before, count."""
    frame = pd.DataFrame(changes, columns=["contact_reason", "trailing_mean", "count"])
    frame = frame.assign(dimension="all", segment="all", expected=frame["trailing_mean"], low=0.0, high=9.0, p=0.001)
    frame["excess"] = frame["count"] - frame["expected"]
    up = frame["excess"] > 0
    frame["history"] = [(1, 2, 3)] * len(frame)
    return frame.assign(
        q=0.01, discovery=True, direction=np.where(up, "up", "down"), ratio=frame["count"] / frame["expected"]
    )


def test_a_new_list_of_labels_is_not_told_as_a_change_of_contacts():
    renamed = show.moved(movers([("old", 40.0, 2), ("older", 30.0, 0), ("new", 1.0, 45), ("newer", 1.0, 30)]))
    grown = show.moved(movers([("old", 40.0, 41), ("older", 30.0, 28), ("new", 1.0, 45)]))
    assert "labels were renamed" in renamed.text
    assert "labels were renamed" not in grown.text


def test_how_many_tests_were_made_stands_below_the_movers():
    shown = show.moved(movers([("a", 10.0, 30), ("b", 10.0, 30)]))
    assert "2 changes were tested, of reasons in all and by segment; 2 are discoveries" in shown.text
    untested = movers([("a", 10.0, 30)]).assign(p=np.nan, discovery=False)
    assert "it needs eight complete weeks" in show.moved(untested).text


def ranked() -> pd.DataFrame:
    frame = pd.DataFrame({"contact_reason": ["<i>a</i>", "b"], "tickets": [30, 10], "share": [0.75, 0.25]})
    numbers = dict.fromkeys(("reopens", "answered", "dissatisfied", "dissatisfied_share", "per_1000"), np.nan)
    bounds = dict.fromkeys(("dissatisfied_low", "dissatisfied_high", "per_1000_low", "per_1000_high"), np.nan)
    hours = {"agent_work_hours": [60.0, 40.0], "hours_share": [0.6, 0.4], "hours_per_ticket": [2.0, 4.0]}
    return frame.assign(cumulative_share=[0.75, 1.0], folded=0, **hours, **numbers, **bounds)


def test_the_bars_of_the_pareto_are_the_shares(monkeypatch: pytest.MonkeyPatch):
    drawn = []
    kept = show.theme.drawing
    monkeypatch.setattr(show.theme, "drawing", lambda figure, alt: drawn.append(figure) or kept(figure, alt))
    picture = show.pareto_chart(ranked())
    assert isinstance(picture, Drawing)
    widths = [round(bar.get_width(), 4) for bar in drawn[0].axes[0].patches]
    assert widths == [0.75, 0.25, 0.6, 0.4]
    assert "<i>a</i> with 30 tickets (75 %)" in picture.alt
    assert "<i>a" not in picture.svg


def test_what_is_not_in_the_export_is_said_below_the_table():
    shown = show.pareto_table(ranked())
    assert isinstance(shown, Markup)
    assert "Satisfaction is not in this export." in shown.text
    assert "Active users of these weeks are not in this export" in shown.text
    assert "&lt;i&gt;a&lt;/i&gt;" in shown.html


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
    assert "read the pairs as overlap, not as errors" in show.labels(accuracy, pairs).text
    assert "overlap, not" not in show.labels(accuracy.assign(accuracy=0.93), pairs).text


@pytest.mark.parametrize("draw", [show.pareto_chart, show.pareto_table, show.history_chart, show.candidates])
def test_nothing_to_show_is_one_line(draw):
    assert isinstance(draw(pd.DataFrame()), Markup)
    assert show.brief(None).text
    assert show.trend_chart(None).text
