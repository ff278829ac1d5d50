from __future__ import annotations

import pandas as pd
import pytest

from opslib.display.charts import NOTHING
from opslib.reports.weekly_review.backlog_charts import backlog_age_chart, backlog_chart
from tests.display.artists import bars_of, figure_of, texts_of


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
            "closed": ["", "Veterans Day"],
        }
    )


def test_bars_of_the_backlog_are_as_high_as_its_flows():
    figure, drawing = figure_of(lambda: backlog_chart(backlog()))
    flows, level = figure.charts
    assert [bar.height for bar in bars_of(flows)] == [30, 40, 25, 45]
    assert level.lines[0].get_ydata().tolist() == [20, 15]
    assert "40 in, 45 out, 15 left" in drawing.alt
    assert drawing.alt.endswith("Weeks with a closed day: 2026-W46 (Veterans Day).")


def test_ages_are_stacked_to_the_closing_backlog():
    figure, _ = figure_of(lambda: backlog_age_chart(backlog()))
    (axes,) = figure.charts
    tops: dict[float, float] = {}
    for bar in bars_of(axes):
        assert bar.y0 == pytest.approx(tops.get(round(bar.x0, 2), 0.0))
        tops[round(bar.x0, 2)] = bar.y1
    assert list(tops.values()) == [20, 15]
    assert axes.get_ylim()[1] > 20
    assert "over 30 days: 2" in texts_of(figure)


@pytest.mark.parametrize("chart", [backlog_chart, backlog_age_chart])
def test_a_team_without_a_backlog_is_one_line(chart):
    assert repr(chart(backlog().head(0))) == NOTHING
