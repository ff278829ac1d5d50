"""Charts draw what the frame says: asserted on artists and descriptions, not on pixels."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from opslib.display import charts, theme
from opslib.display.theme import Drawing, Markup

Caught = Callable[[], Figure]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Caught:
    """The figure that was drawn last."""
    kept: list[Figure] = []
    finish = theme.drawing

    def keep(figure: Figure, alt: str) -> Drawing:
        kept.append(figure)
        return finish(figure, alt)

    monkeypatch.setattr(theme, "drawing", keep)
    return lambda: kept[-1]


def control(**changes: object) -> pd.DataFrame:
    count = 13
    frame = pd.DataFrame(
        {
            "week": [f"2026-W{number}" for number in range(34, 47)],
            "metric": "csat",
            "label": "Customer satisfaction",
            "unit": "share",
            "better": "higher",
            "value": np.linspace(0.7, 0.82, count),
            "low": np.linspace(0.65, 0.77, count),
            "high": np.linspace(0.75, 0.87, count),
            "n": 100,
            "missing": None,
            "goal": 0.85,
            "centre": 0.75,
            "lower": 0.68,
            "upper": 0.80,
            "signal": [""] * 12 + ["beyond the limits"],
            "in_baseline": True,
            "baseline": "2026-W27 to 2026-W39",
        }
    )
    return frame.assign(**changes)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in [*axes.texts, axes.title, axes._left_title]]


def bars_of(axes: Axes) -> list[Bbox]:
    """The rectangles of all bars, in the order in which they were drawn."""
    return [path.get_extents() for each in axes.collections for path in each.get_paths()]


def test_a_control_chart_draws_values_limits_goal_and_signals(drawn: Caught):
    frame = control()
    charts.control_chart(frame)
    (axes,) = drawn().axes
    lines = [line.get_ydata() for line in axes.lines]
    assert any(np.array_equal(line, frame["value"]) for line in lines)
    assert any(len(line) == 13 and np.allclose(line, 0.85) for line in lines), "the goal"
    assert any(len(line) == 1 and line[0] == pytest.approx(0.82) for line in lines), "the signal"
    bars = next(line for line in axes.lines if line.get_linewidth() > 2)
    assert bars.get_xdata()[:2].tolist() == [0, 0]
    assert bars.get_ydata()[:2].tolist() == pytest.approx([0.65, 0.75])
    assert np.isnan(bars.get_ydata()[2::3]).all()
    assert {"82.0 %", "goal ≥ 85 %", "signal: outside its usual range"} <= set(texts(drawn()))


def test_a_week_without_a_value_is_a_gap_and_not_a_zero(drawn: Caught):
    frame = control()
    frame.loc[5, ["value", "low", "high"]] = np.nan
    charts.control_chart(frame)
    values = next(line.get_ydata() for line in drawn().axes[0].lines if line.get_marker() == "o")
    assert np.isnan(values[5])


def test_a_median_that_is_not_reached_is_marked_at_its_bound(drawn: Caught):
    frame = control(unit="seconds", value=3600.0, low=3000.0, high=4000.0, goal=np.nan, signal="")
    frame[["centre", "lower", "upper"]] = np.nan
    frame.loc[12, ["value", "high"]] = np.nan
    shown = charts.control_chart(frame)
    triangles = [line for line in drawn().axes[0].lines if line.get_marker() == "^"]
    assert triangles[0].get_ydata().tolist() == [3000.0]
    assert "2026-W46: not reached, at least 50 min." in shown.alt


def test_the_description_says_value_goal_range_and_signal():
    said = charts.describe(control())
    assert said == (
        "Customer satisfaction, weekly, 2026-W34 to 2026-W46. 2026-W46: 82.0 % (77.0–87.0). Goal: ≥ 85 %, not met. "
        "Usual range: 68.0 % to 80.0 %, around 75.0 %. Signals: 2026-W46 (outside its usual range)."
    )


def test_several_metrics_share_a_figure_and_what_is_missing_is_named(drawn: Caught):
    gone = control(metric="qa_score", label="QA score", missing="not in this export: no quality_reviews")
    gone[["value", "low", "high"]] = np.nan
    shown = charts.control_charts(pd.concat([control(), control(metric="other", label="Other"), gone]))
    assert len(drawn().axes) == 2
    assert "QA score: not in this export: no quality_reviews." in shown.alt


def test_only_missing_metrics_give_a_line_and_no_figure():
    gone = control(missing="not in this export: no satisfaction", value=np.nan, low=np.nan, high=np.nan)
    shown = charts.control_charts(gone)
    assert isinstance(shown, Markup)
    assert shown.text == "Customer satisfaction: not in this export: no satisfaction."


@pytest.mark.parametrize(
    "chart", [charts.control_chart, charts.control_charts, charts.backlog_chart, charts.backlog_age_chart]
)
def test_nothing_to_draw_is_said_in_one_line(chart: Callable[[pd.DataFrame], Drawing | Markup]):
    assert repr(chart(control().head(0))) == charts.NOTHING


def backlog() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "week": ["2026-W45", "2026-W46"],
            "inflow": [30, 40],
            "outflow": [25, 45],
            "closing": [20, 15],
            "up_to_7d": [10, 9],
            "from_8_to_30d": [6, 4],
            "older_than_30d": [4, 2],
            "median_age_days": [3.0, 2.0],
        }
    )


def test_bars_of_the_backlog_are_as_high_as_its_flows(drawn: Caught):
    shown = charts.backlog_chart(backlog())
    flows, left = drawn().axes
    assert [bar.height for bar in bars_of(flows)] == [30, 40, 25, 45]
    assert left.lines[0].get_ydata().tolist() == [20, 15]
    assert "40 in, 45 out, 15 left" in shown.alt


def test_ages_are_stacked_to_the_closing_backlog(drawn: Caught):
    charts.backlog_age_chart(backlog())
    tops = {}
    for bar in bars_of(drawn().axes[0]):
        assert bar.y0 == pytest.approx(tops.get(round(bar.x0, 2), 0.0))
        tops[round(bar.x0, 2)] = bar.y1
    assert list(tops.values()) == [20, 15]
    assert drawn().axes[0].get_ylim()[1] > 20
    assert "over 30 days: 2" in texts(drawn())


def parts(groups: int) -> pd.DataFrame:
    size = np.arange(groups, 0, -1) / 100
    return pd.DataFrame(
        {
            "metric": "csat",
            "label": "Customer satisfaction",
            "unit": "share",
            "by": "channel",
            "group": [f"<b>{n}</b> & co" for n in range(groups)],
            "mix": size / 4,
            "rate": -size,
            "total": -size * 3 / 4,
        }
    )


def test_groups_are_drawn_with_their_rate_and_mix_and_the_small_ones_together(drawn: Caught):
    frame = parts(9)
    charts.decomposition_chart(frame, largest=3)
    (axes,) = drawn().axes
    widths = [bar.x0 + bar.x1 for bar in bars_of(axes)]
    assert widths[:3] == pytest.approx(frame["rate"].iloc[:3].tolist())
    assert widths[3] == pytest.approx(frame["rate"].iloc[3:].sum())
    assert widths[7] == pytest.approx(frame["mix"].iloc[3:].sum())
    assert axes.yaxis.shown().texts[-1] == "6 others"


def test_names_from_the_data_stay_text_in_the_figure():
    svg = charts.decomposition_chart(parts(2)).svg
    root = ElementTree.fromstring(svg)
    assert "<b>0</b> & co" in {"".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")}


def test_the_same_frame_gives_the_same_bytes():
    assert charts.control_chart(control()).svg == charts.control_chart(control()).svg


def test_a_figure_is_small_keeps_its_text_and_loads_nothing():
    svg = charts.control_charts(pd.concat([control(metric=f"m{n}", label=f"Metric {n}") for n in range(6)])).svg
    assert len(svg) < 150_000
    assert "DejaVu" not in svg
    root = ElementTree.fromstring(svg)
    said = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Metric 5" in said
    assert not any("http" in value and "w3.org" not in value for node in root.iter() for value in node.attrib.values())


def test_a_figure_is_displayed_with_its_description():
    bundle, metadata = charts.control_chart(control())._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert metadata["image/svg+xml"]["alt"] == bundle["text/plain"]


@pytest.mark.parametrize("colour", [theme.INK, theme.MUTED, theme.BLUE, theme.ORANGE, theme.GREEN])
def test_colours_of_text_are_readable_on_white(colour: str):
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5 to 1."""
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5


def test_small_multiples_show_every_team_on_one_scale(drawn: Caught):
    slow = control(
        value=np.linspace(0.2, 0.4, 13), low=0.1, high=0.5, goal=np.nan, centre=np.nan, lower=np.nan, upper=np.nan
    )
    quiet = control(value=np.nan, low=np.nan, high=np.nan, missing="no surveys in this export", signal="")
    named = zip(("Alpha", "Beta", "Quiet"), (control(), slow, quiet), strict=True)
    shown = charts.small_multiples(pd.concat([rows.assign(team_label=name) for name, rows in named]))
    first, second = drawn().axes
    assert first.get_title(loc="left") == "Alpha: Customer satisfaction"
    assert second.get_title(loc="left") == "Beta: Customer satisfaction"
    assert first.get_ylim() == second.get_ylim()
    assert first.yaxis.shown().texts == second.yaxis.shown().texts != []
    assert "Quiet: no surveys in this export." in shown.alt


def test_small_multiples_of_nothing_are_a_line_that_says_so():
    assert charts.small_multiples(control().head(0).assign(team_label="")).text == charts.NOTHING


def test_a_share_of_a_few_per_mille_has_an_axis_that_tells_its_ticks_apart(drawn: Caught):
    small = control(
        value=np.linspace(0.002, 0.011, 13), low=0.001, high=0.013, goal=np.nan, centre=0.006, lower=0.0, upper=0.012
    )
    charts.control_chart(small)
    names = drawn().axes[0].yaxis.shown().texts
    assert len(set(names)) == len(names) > 2
