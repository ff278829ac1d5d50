from __future__ import annotations

import pytest

from opslib.weekly.pages.safe_html import clean_markdown, clean_output, is_number, is_svg, picture


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='java&#x09;script:alert(1)'>x</a>",
        "<a href='https://evil.example/?q=1'>x</a>",
        "<a href='//evil.example'>x</a>",
        "<iframe src='https://evil.example'></iframe>",
        "<style>@import url(https://evil.example)</style>",
        "<p style='background:url(https://evil.example)'>x</p>",
        "<form action='https://evil.example'><input><button>x</button></form>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<svg><path fill='url(https://evil.example)' d='M0 0'></path></svg>",
        "<svg><use href='https://evil.example/x.svg#y'></use></svg>",
        "<img src='data:text/html;base64,PHNjcmlwdD4='>",
        "<object data='https://evil.example'></object><embed src='https://evil.example'>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'><base href='https://evil.example'>",
        "<details ontoggle=alert(1) open>x</details>",
        "<table><tr><td onclick=alert(1) background='https://evil.example'>x</td></tr></table>",
    ],
)
def test_nothing_active_and_no_way_out_survives(hostile: str) -> None:
    safe = clean_output(hostile, section="S").lower()
    for forbidden in ("<script", "onerror", "onload=", "onclick", "ontoggle", "javascript", "evil.example", "style"):
        assert forbidden not in safe
    for element in ("<iframe", "<form", "<input", "<object", "<embed", "<meta", "<base", "<math", "<img"):
        assert element not in safe


def test_text_that_only_looks_like_markup_stays_text() -> None:
    assert clean_output("<p>&lt;b&gt; 3 &lt; 5</p>", section="S") == "<p>&lt;b&gt; 3 &lt; 5</p>"


@pytest.mark.parametrize(
    ("html", "safe"),
    [
        ("<font color='red'>a</font><blink>b</blink>", "ab"),
        ("<article>one</article><nav>two</nav>", "\none\ntwo"),
        ("<p>seen<!-- not seen --></p>", "<p>seen</p>"),
        ("<p>from <a@example.org> to <T1001></p>", "<p>from  to </p>"),
        ("<b title='Q &amp; A'>x</b>", '<b title="Q &amp; A">x</b>'),
        ("<a href='#s-flow' rel='me' target='_blank'>x</a>", '<a href="#s-flow">x</a>'),
    ],
)
def test_a_tag_that_is_not_let_through_leaves_its_words(html: str, safe: str) -> None:
    """Words of blocks do not run together, an attribute is escaped once, and a link gets nothing that it had not."""
    assert clean_output(html, section="S") == safe


def test_links_beside_the_page_and_to_its_sections_stay() -> None:
    html = "<a href='../index.html'>a</a><a href='#s-flow'>b</a>"
    assert clean_output(html, section="S").count("href=") == 2


def test_markdown_of_the_author_may_link_to_the_web_but_not_run_anything() -> None:
    safe = clean_markdown("<a href='https://example.org/x'>a</a><a href='javascript:alert(1)'>b</a>", section="S")
    assert 'href="https://example.org/x"' in safe
    assert "javascript" not in safe


def test_a_small_drawing_and_a_fold_stay() -> None:
    drawing = '<svg viewBox="0 0 9 9" role="img" aria-label="l"><path d="M0 0L9 9"></path></svg>'
    html = f'<details class="definition"><summary>s</summary>{drawing}</details>'
    safe = clean_output(html, section="S")
    assert 'viewBox="0 0 9 9"' in safe
    assert '<path d="M0 0L9 9">' in safe
    assert '<details class="definition">' in safe


TABLE = """
<table border="1" class="dataframe" style="x">
<thead><tr><th></th><th>Metric</th><th>Value</th><th>Week</th></tr></thead>
<tbody><tr><th>0</th><td>Created</td><td>1,204</td><td>2026-W46</td></tr>
<tr><th>1</th><td>Solved</td><td>–</td><td>2026-W46</td></tr></tbody></table>
"""


def test_a_table_gets_scopes_a_caption_a_box_and_right_aligned_numbers() -> None:
    safe = clean_output(TABLE, section="Flow")
    assert '<div class="table-box"><table class="dataframe">' in safe
    assert '<caption class="visually-hidden">Flow</caption>' in safe
    assert '<th scope="col">Metric</th>' in safe
    assert '<th class="num" scope="col">Value</th>' in safe
    assert '<td class="num">1,204</td>' in safe
    assert '<td class="num">–</td>' in safe
    assert "<td>2026-W46</td>" in safe
    assert '<th class="num" scope="row">0</th>' in safe
    assert '<td class="num"></td>' in safe, "an empty header names nothing"


def test_a_caption_is_shown_where_the_notebook_gives_one_and_its_own_is_kept() -> None:
    assert "<caption>Weeks</caption>" in clean_output(TABLE, section="Flow", caption="Weeks")
    own = "<table><caption>Mine</caption><tr><td>x</td></tr></table>"
    assert clean_output(own, section="Flow", caption="Weeks").count("<caption>") == 1


def test_the_first_column_heads_the_rows_where_it_tells_them_apart() -> None:
    html = "<table><tbody><tr><td>A</td><td>1</td></tr><tr><td>B</td><td>2</td></tr></tbody></table>"
    assert '<th scope="row">A</th>' in clean_output(html, section="S")
    assert "<th" not in clean_output(html.replace("B", "A"), section="S")


@pytest.mark.parametrize(
    "text", ["0", "1,204", "−3.1%", "+2 pp", "2h 05min", "3d 4h", "12 [9, 15]", "$4.20", "0.95 (0.93–0.97)"]
)
def test_numbers_with_units_and_intervals_are_numbers(text: str) -> None:
    assert is_number(text)


@pytest.mark.parametrize("text", ["2026-11-09", "2026-W46", "T1001", "", "3 of 4", "us-general"])
def test_dates_ids_and_words_are_not_numbers(text: str) -> None:
    assert not is_number(text)


def test_an_svg_is_embedded_without_its_prologue() -> None:
    """matplotlib's DOCTYPE names an address of the web."""
    svg = '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd"><svg></svg>'
    assert picture(svg, "image/svg+xml") == "data:image/svg+xml;base64,PHN2Zz48L3N2Zz4="


def test_an_svg_that_is_broken_or_expands_entities_is_refused() -> None:
    assert is_svg('<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    assert not is_svg("<svg")
    assert not is_svg("<html></html>")
    assert not is_svg('<!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>')


def test_cells_of_running_text_ask_for_width_and_short_ones_do_not() -> None:
    """Else a phone squeezes such a column into a tower of single words instead of scrolling the table."""
    rows = "<tr><td>Reopened</td><td>outside its usual range; changed</td></tr><tr><td>Created</td><td>usual</td></tr>"
    html = clean_output(f"<table><tbody>{rows}</tbody></table>", section="s")
    assert '<td class="long">outside its usual range; changed</td>' in html
    assert html.count("long") == 1


def test_a_number_that_is_aligned_already_keeps_one_class() -> None:
    html = clean_output('<table><tbody><tr><td class="num">1</td></tr></tbody></table>', section="s")
    assert '<td class="num">1</td>' in html


def test_a_table_of_ours_names_in_each_cell_its_column_for_screens_that_show_rows_as_cards() -> None:
    html = (
        '<table class="ops-table"><thead><tr><th>Rule</th><th>Made &lt;b&gt; right</th></tr></thead>'
        "<tbody><tr><th>R-1</th><td>12</td></tr></tbody></table>"
    )
    safe = clean_output(html, section="S")
    assert 'data-label="Made &lt;b&gt; right"' in safe or 'data-label="Made <b> right"' in safe
    assert safe.count('role="cell"') == safe.count('role="rowheader"') == 1
    assert "data-label" not in clean_output(html.replace("<td>12</td>", ""), section="S")
