from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from opslib.display import theme
from opslib.display.decomposition import decomposition_chart
from tests.display.artists import bars_of, canvas_of, figure_of, texts_of


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
            "against": "2026-W45",
            "missing": None,
        }
    )


def test_groups_are_drawn_with_their_rate_and_mix_and_the_small_ones_together():
    frame = parts(9)
    figure, _ = figure_of(lambda: decomposition_chart(frame, largest=3))
    (axes,) = figure.charts
    widths = [bar.x0 + bar.x1 for bar in bars_of(axes)]
    assert widths[:3] == pytest.approx(frame["rate"].iloc[:3].tolist())
    assert widths[3] == pytest.approx(frame["rate"].iloc[3:].sum())
    assert widths[7] == pytest.approx(frame["mix"].iloc[3:].sum())
    assert axes.yaxis.ticks_in_view().texts[-1] == "6 others"


def test_a_count_has_a_bar_for_each_total_and_no_word_of_mix():
    frame = parts(2).assign(unit="count", mix=np.nan, rate=np.nan, total=[30.0, -10.0])
    figure, drawing = figure_of(lambda: decomposition_chart(frame))
    assert [bar.x0 + bar.x1 for bar in bars_of(figure.charts[0])] == [30.0, -10.0]
    assert not {"make-up", "own rate"} & set(texts_of(figure))
    assert drawing.alt.startswith(
        "Customer satisfaction changed by +20; bars by channel, largest <b>0</b> & co with +30"
    )


def test_every_metric_and_grouping_has_a_chart_of_its_own():
    figure, _ = figure_of(lambda: decomposition_chart(pd.concat([parts(2), parts(3).assign(by="language")])))
    assert [len(axes.yaxis.ticks_in_view().texts) for axes in figure.charts] == [2, 3]


def test_the_heads_of_the_columns_stand_below_the_title_and_the_bars_have_the_width():
    long = parts(3).assign(label="Unanswered questions at the week's end", against="2026-W23 to 2026-W45")
    figure, _ = figure_of(lambda: decomposition_chart(long))
    (axes,) = figure.charts
    assert axes.get_position().width > 0.5
    with theme.style():
        heights = {text: y for text, _, y, *_ in canvas_of(figure).texts}
    (title,) = (y for text, y in heights.items() if text.endswith("against weeks 23 to 45"))
    assert all(abs(heights[head] - title) > 9 for head in ("make-up", "own rate", "total"))


def test_no_change_is_one_line():
    assert "No change to explain" in decomposition_chart(parts(2).head(0)).text


def test_names_from_the_data_stay_text_in_the_figure():
    _, drawing = figure_of(lambda: decomposition_chart(parts(2)))
    root = ElementTree.fromstring(drawing.svg)
    assert "<b>0</b> & co" in {"".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")}
