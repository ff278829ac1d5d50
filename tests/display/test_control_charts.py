"""Control charts draw what the frame says: asserted on artists and descriptions, not on pixels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.display import theme
from opslib.display.charts import NOTHING
from opslib.display.control_charts import control_chart, control_charts, describe, small_multiples
from opslib.display.theme import Markup
from tests.display.artists import canvas_of, figure_of, texts_of
from tests.display.control_frames import control


def test_a_control_chart_draws_values_limits_goal_and_signals():
    frame = control()
    figure, _ = figure_of(lambda: control_chart(frame))
    (axes,) = figure.charts
    lines = [line.get_ydata() for line in axes.lines]
    assert any(np.array_equal(line, frame["value"]) for line in lines)
    assert any(len(line) == 13 and np.allclose(line, 0.85) for line in lines), "the goal"
    assert any(len(line) == 1 and line[0] == pytest.approx(0.82) for line in lines), "the signal"
    intervals = next(line for line in axes.lines if line.get_linewidth() > 2)
    assert intervals.get_xdata()[:2].tolist() == [0, 0]
    assert intervals.get_ydata()[:2].tolist() == pytest.approx([0.65, 0.75])
    assert np.isnan(intervals.get_ydata()[2::3]).all()
    (usual,) = axes.patches
    assert usual.get_extents().transformed(axes.transData.inverted()).intervaly.tolist() == pytest.approx([0.68, 0.80])
    assert {"82.0%", "goal ≥ 85%", "Missed; new signal: above its usual level"} <= set(texts_of(figure))


@pytest.mark.parametrize("goal", [0.60, 0.81, 0.82, 0.83, 0.90])
def test_the_goal_is_named_beside_its_line_and_clear_of_the_last_value(goal: float):
    figure, _ = figure_of(lambda: control_chart(control(goal=goal)))
    with theme.style():
        heights = {text: y for text, _, y, *_ in canvas_of(figure).texts}
    (of_goal,) = (y for text, y in heights.items() if text.startswith("goal"))
    assert abs(of_goal - heights["82.0%"]) > 10


def test_an_open_circle_without_a_range_is_not_said_to_have_a_bar():
    open_week = control(state=["settled"] * 12 + ["so far"])
    figure, _ = figure_of(lambda: control_chart(open_week))
    assert "Open circle: not settled yet." in [text.get_text() for text in figure.texts]
    figure, _ = figure_of(lambda: control_chart(open_week.assign(still_low=0.8, still_high=0.84)))
    assert any("the dark bar through it" in text.get_text() for text in figure.texts)


def test_a_week_without_a_value_is_a_gap_and_not_a_zero():
    frame = control()
    frame.loc[5, ["value", "low", "high"]] = np.nan
    figure, _ = figure_of(lambda: control_chart(frame))
    values = next(line.get_ydata() for line in figure.charts[0].lines if line.get_marker() == "o")
    assert np.isnan(values).tolist() == [week == 5 for week in range(13)]


def test_a_median_that_is_not_reached_is_marked_at_its_bound():
    frame = control(unit="seconds", value=3600.0, low=3000.0, high=4000.0, goal=np.nan, verdict="within")
    frame[["centre", "lower", "upper"]] = np.nan
    frame.loc[12, ["value", "high"]] = np.nan
    figure, drawing = figure_of(lambda: control_chart(frame))
    (triangles,) = [line for line in figure.charts[0].lines if line.get_marker() == "^"]
    assert (triangles.get_xdata().tolist(), triangles.get_ydata().tolist()) == ([12], [3000.0])
    assert "Week 46: not reached, at least 50 min." in drawing.alt


def unsettled(**last: object) -> pd.DataFrame:
    frame = control(unit="seconds", value=12000.0, low=10000.0, high=14000.0, goal=np.nan, signal="")
    frame[["centre", "lower", "upper"]] = np.nan
    for column, value in last.items():
        frame[column] = [*frame[column][:-1], value]
    return frame


def test_a_week_that_is_not_settled_is_an_open_circle_with_the_range_of_its_final_value():
    frame = unsettled(state="so far", settles_on="2026-11-18", still_low=11880.0, still_high=14400.0)
    figure, drawing = figure_of(lambda: control_chart(frame))
    (axes,) = figure.charts
    (circle,) = [line for line in axes.lines if line.get_marker() == "o" and line.get_markerfacecolor() == "white"]
    assert (circle.get_xdata().tolist(), circle.get_ydata().tolist()) == ([12], [12000.0])
    ends = [line.get_xydata().tolist()[:2] for line in axes.lines if len(line.get_xdata()) == 3]
    assert [[12, 11880.0], [12, 14400.0]] in ends
    assert "3 h 20 min\nso far" in texts_of(figure)
    assert [text.get_text()[:33] for text in figure.texts] == ["Open circle: not settled yet; the"]
    assert (
        "Week 46: 3 h 20 min so far (2 h 47 min–3 h 53 min); the final value will lie within 3 h 18 min–4 h; "
        "known Wed Nov 18." in drawing.alt
    )


@pytest.mark.parametrize(
    ("last", "label", "sentence"),
    [
        ({"state": "bounds", "value": np.nan, "low": 3600.0, "high": np.nan}, "at least\n1 h", "at least 1 h."),
        (
            {"state": None, "settles_on": "2026-11-24", "value": np.nan, "low": np.nan, "high": np.nan},
            "known\nTue Nov 24",
            "known Tue Nov 24.",
        ),
    ],
)
def test_a_week_without_a_value_yet_says_what_is_known(last: dict[str, object], label: str, sentence: str):
    figure, drawing = figure_of(lambda: control_chart(unsettled(**last)))
    assert label in texts_of(figure)
    assert f"Week 46: {sentence}" in drawing.alt
    assert not figure.texts, "no circle, no key"


def test_the_description_says_value_goal_range_and_signal():
    assert describe(control()) == (
        "Customer satisfaction, weekly, weeks 34 to 46. Week 46: 82.0% (77.0–87.0). Goal ≥ 85%: missed; "
        "3.0 points, 6 answers short; missed 13 of 13 weeks. Usual: 68.0% to 80.0%, around 75.0%. Signals: week 46 "
        "(new signal: above its usual level)."
    )


@pytest.mark.parametrize(
    ("changes", "last_sentence"),
    [
        ({"verdict": "within"}, "Week 46: usual."),
        ({"verdict": "back", "since": "2026-W44"}, "Week 46: usual again since week 44."),
        ({"verdict": "not judged", "why": "holiday week", "upper": np.nan}, "Week 46: not judged: holiday week."),
    ],
)
def test_a_description_of_a_week_that_is_no_signal_says_what_it_is(changes: dict[str, object], last_sentence: str):
    assert describe(control(**changes)).endswith(last_sentence)


def test_limits_that_leave_out_weeks_or_are_not_level_say_so():
    text = describe(control(left_out="2026-W33, 2026-W36", level_shift="2026-W37"))
    assert "The limits leave out weeks 33 and 36 (far outside their neighbors). The weeks that set the limits" in text
    assert "change level in week 37." in text


def test_a_new_signal_is_a_full_diamond_and_one_still_outside_an_empty_one():
    frame = control(verdict=["within"] * 11 + ["new", "outside"], direction="up", since="2026-W45")
    figure, _ = figure_of(lambda: control_chart(frame))
    inside = {
        line.get_xdata()[0]: line.get_markerfacecolor() for line in figure.charts[0].lines if line.get_marker() == "D"
    }
    assert inside == {11: theme.VIOLET, 12: "white"}
    assert "Missed; still outside, 2nd week: above its usual level" in texts_of(figure)


@pytest.mark.parametrize("chart", [control_chart, control_charts])
def test_the_words_of_a_signal_stand_between_title_and_axes(chart):
    """Beside the title or on the values they would clip or overlap."""
    frame = pd.concat([control(together=True), control(metric="other", label="Other", together=True)])
    figure, _ = figure_of(lambda: chart(frame if chart is control_charts else control(together=True)))
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    for axes in figure.charts:
        (verdict,) = [text for text in axes.texts if text.get_text().startswith("Missed; new signal: two")]
        box, room = verdict.get_window_extent(renderer), axes.get_window_extent(renderer)
        assert box.y0 >= room.y1
        assert box.x1 <= figure.bbox.x1


def test_several_metrics_share_a_figure_and_what_is_missing_is_named():
    gone = control(metric="qa_score", label="QA score", missing="not in this export: no quality_reviews")
    gone[["value", "low", "high"]] = np.nan
    frame = pd.concat([control(), control(metric="other", label="Other"), gone])
    figure, drawing = figure_of(lambda: control_charts(frame))
    assert [axes.get_title(loc="left").strip() for axes in figure.charts] == ["Customer satisfaction", "Other"]
    assert [text.get_text() for text in figure.texts] == ["QA score: not in this export: no quality_reviews"]
    assert "QA score: not in this export: no quality_reviews." in drawing.alt


def test_only_missing_metrics_give_a_line_and_no_figure():
    gone = control(missing="not in this export: no satisfaction", value=np.nan, low=np.nan, high=np.nan)
    for chart in (control_chart, control_charts):
        line = chart(gone)
        assert isinstance(line, Markup)
        assert line.text == "Customer satisfaction: not in this export: no satisfaction."


@pytest.mark.parametrize("chart", [control_chart, control_charts, small_multiples])
def test_nothing_to_draw_is_one_line(chart):
    assert repr(chart(control(team_label="").head(0))) == NOTHING


def test_small_multiples_show_every_team_on_one_scale():
    slow = control(
        value=np.linspace(0.2, 0.4, 13), low=0.1, high=0.5, goal=np.nan, centre=np.nan, lower=np.nan, upper=np.nan
    )
    quiet = control(value=np.nan, low=np.nan, high=np.nan, missing="no surveys in this export", verdict="")
    teams = {"Alpha": control(), "Beta": slow, "Quiet": quiet}
    frame = pd.concat([rows.assign(team_label=team) for team, rows in teams.items()])
    figure, drawing = figure_of(lambda: small_multiples(frame))
    first, second = figure.charts
    assert first.get_title(loc="left").strip() == "Alpha: Customer satisfaction"
    assert second.get_title(loc="left").strip() == "Beta: Customer satisfaction"
    assert first.get_ylim() == second.get_ylim()
    assert first.yaxis.ticks_in_view().texts == second.yaxis.ticks_in_view().texts != []
    assert "Quiet: no surveys in this export." in drawing.alt
