"""Tables, lists and small lines as HTML: escaped, aligned, with the marks that screen readers need."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from opslib.display.cells import Cell, bullets, excerpt, frame, paragraphs, spark_words, sparkline, table_of
from opslib.display.theme import Markup

HOSTILE = '<img src=x onerror="alert(1)">'


def soup_of(markup: Markup) -> BeautifulSoup:
    return BeautifulSoup(markup.html, "html.parser")


def test_a_table_has_a_caption_headers_with_scopes_and_numbers_aligned():
    rows = [[Cell("email", header=True), Cell("12", number=True), "billing"], [Cell("web", header=True), "–", "login"]]
    soup = soup_of(table_of("By channel", ("Channel", "Tickets", "Most to"), rows))
    assert soup.caption.get_text() == "By channel"
    assert [head["scope"] for head in soup.thead.find_all("th")] == ["col"] * 3
    assert [head.get("class") for head in soup.thead.find_all("th")] == [None, ["num"], None]
    assert [head["scope"] for head in soup.tbody.find_all("th")] == ["row", "row"]
    assert [cell.get_text() for cell in soup.find_all("td", class_="num")] == ["12"]


def test_a_row_of_another_length_is_refused_and_named():
    with pytest.raises(ValueError, match=r"Queues: 1 cells under 2 heads, in \['billing'\]"):
        table_of("Queues", ("Queue", "Tickets"), [["billing"]])


def test_an_excerpt_says_of_how_many_only_where_it_leaves_some_out():
    rows = [["a"], ["b"]]
    assert excerpt("Names", ["Name"], rows, most=2, plural="names").html == table_of("Names", ["Name"], rows).html
    cut = excerpt("Names", ["Name"], rows, most=1, plural="names")
    assert soup_of(cut).p.get_text() == "The first 1 of 2 names; all are in the notebook."
    assert len(soup_of(cut).tbody.find_all("tr")) == 1


@pytest.mark.parametrize(
    "markup",
    [
        table_of(HOSTILE, [HOSTILE], [[HOSTILE], [Cell(HOSTILE, header=True)]]),
        frame(pd.DataFrame({HOSTILE: [HOSTILE]}), caption=HOSTILE),
        paragraphs(HOSTILE),
        bullets([HOSTILE]),
    ],
)
def test_what_comes_from_data_is_escaped(markup: Markup):
    assert soup_of(markup).img is None
    assert HOSTILE in soup_of(markup).get_text()


def test_the_name_of_a_sparkline_is_escaped():
    soup = BeautifulSoup(sparkline([1.0, 2.0], HOSTILE), "html.parser")
    assert soup.img is None
    assert soup.svg["aria-label"] == HOSTILE


def test_a_frame_of_an_analysts_own_shows_values_in_the_type_that_they_have():
    own = pd.DataFrame(
        {"n": [1, 2], "share": [0.123456, np.nan], "name": ["a", None], "flag": [True, False], "gone": [pd.NA, pd.NaT]}
    )
    soup = soup_of(frame(own, caption="Own"))
    assert [[cell.get_text() for cell in row.find_all("td")] for row in soup.tbody.find_all("tr")] == [
        ["1", "0.1235", "a", "True", "–"],
        ["2", "–", "–", "False", "NaT"],
    ]
    assert [head.get_text() for head in soup.find_all("th", class_="num")] == ["n", "share"]


def test_a_long_frame_is_cut_and_says_so():
    soup = soup_of(frame(pd.DataFrame({"n": range(1000)}), caption="Numbers"))
    assert len(soup.tbody.find_all("tr")) == 200
    assert soup.p.get_text() == "The first 200 of 1,000 rows."


def test_a_missing_week_breaks_a_sparkline_and_fewer_than_two_values_draw_none():
    assert sparkline([1.0, None, 3.0, 4.0], "line").count("M") == 2
    assert sparkline([None, 1.0, float("nan")], "line") == ""


def test_a_flat_sparkline_lies_in_the_middle():
    assert "M2.5 11.0L81.5 11.0" in sparkline([5.0, 5.0], "x")


def test_a_sparkline_in_words():
    assert spark_words("CSAT", [0.8, None, 0.9, 0.85], "share") == (
        "CSAT, last 4 weeks: lowest 80.0%, highest 90.0%, latest 85.0%"
    )
    assert spark_words("CSAT", [None, float("nan")], "share") == "CSAT: no values"
