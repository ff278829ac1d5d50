from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from bs4 import BeautifulSoup
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from opslib.display import mime
from opslib.weekly.headline import headline_of, spark_label
from opslib.weekly.pages.page import title_of, to_html
from tests.weekly.weekly_notebooks import edition


def page(*cells: NotebookNode, sample: bool = False) -> str:
    this = edition()
    return to_html(
        new_notebook(cells=list(cells)),
        title="Weekly review",
        header=this.header(team="us-general", root="../"),
        footer=this.footer({"week": "2026-W46", "team": "us-general"}),
        sample=sample,
    )


def cell_showing(data: dict[str, Any], **metadata: Any) -> NotebookNode:
    return new_code_cell("x", outputs=[new_output("display_data", data, metadata=metadata)])


def test_the_header_says_whose_page_it_is_and_the_footer_what_it_is_made_from() -> None:
    html = page()
    for text in (
        "Test support",
        "US General",
        "Mon Nov 9 – Sun Nov 15, 2026",
        "Data up to Mon Nov 16, 2026, 6 am ET",
    ):
        assert text in html
    assert 'href="../data_quality.html"' in html
    for text in ("tickets.csv", "a" * 64, "0.1.0", "us-general", "Data checked"):
        assert text in html.partition("<footer")[2]


def test_the_footer_names_no_folder_of_the_person_who_made_the_page() -> None:
    assert edition().footer({"warehouse": "/home/jo.doe/data/warehouse", "weeks": 13})["parameters"] == {
        "warehouse": "…/warehouse",
        "weeks": "13",
    }


def test_only_pages_of_the_sample_say_so() -> None:
    assert "Sample data" in page(sample=True)
    assert "Sample data" not in page()


def test_the_policy_names_exactly_the_style_and_scripts_of_the_page() -> None:
    html = page(new_markdown_cell("## A"))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    policy_text = policy[1].replace("&#39;", "'")
    assert policy_text.startswith("default-src 'none'")
    inlined = re.findall(r"<(?:script|style)>(.*?)</(?:script|style)>", html, re.DOTALL)
    assert len(inlined) == 3
    for text in inlined:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy_text
    assert "unsafe" not in policy_text


def test_no_address_of_the_web_is_in_a_page() -> None:
    assert re.findall(r"https?://[^\s\"'<]+", page(new_markdown_cell("## A"), new_code_cell("1"))) == []


def test_parameters_are_left_out_and_code_is_folded() -> None:
    html = page(
        new_code_cell("week = 'default'", metadata={"tags": ["parameters"]}),
        new_code_cell("week = 'injected'", metadata={"tags": ["injected-parameters"]}),
        new_code_cell("answer = 42"),
    )
    assert "default&#39;" not in html
    assert "injected&#39;" not in html
    assert html.count('<details class="code"><summary>Code</summary>') == 1


def test_headings_get_anchors_of_their_own() -> None:
    html = page(new_markdown_cell("# Title\n\n## Flow & speed\n\n### Detail"), new_markdown_cell("## Flow & speed"))
    assert '<h2 id="s-flow-speed">Flow &amp; speed' in html
    assert '<h2 id="s-flow-speed-2">' in html
    assert html.count("<h1>") == 1, "the notebook's own title gives way to the page's"


def section_cell(answer: str = "", missing: str = "", *, folded: bool = False) -> Any:
    said = {"answer": answer, "folded": folded, "missing": missing}
    return cell_showing({mime.SECTION: said, "text/html": "<p>said twice</p>", "text/plain": "said twice"})


def test_sections_say_their_answer_and_those_that_are_folded_stand_together() -> None:
    html = page(
        new_markdown_cell("# Title\n\nWho reads it."),
        new_markdown_cell("## Backlog\n\nRead it so."),
        section_cell("193 <open>"),
        cell_showing({"text/html": "<p>a chart</p>"}),
        new_markdown_cell("A line after it.\n\n## All metrics"),
        section_cell("29 & more", folded=True),
        cell_showing({"text/html": "<p>a long table</p>"}),
        new_markdown_cell("## Method"),
        section_cell(folded=True),
        new_markdown_cell("## Plain"),
        cell_showing({"text/html": "<p>as it was</p>"}),
    )
    main = BeautifulSoup(html, "html.parser").main
    outline = [
        (part.name, [each.get_text(" ", strip=True) for each in part.find_all("h2")])
        for part in main.select("main > section, main > .folds")
    ]
    assert outline == [("section", ["Backlog #"]), ("div", ["All metrics", "Method"]), ("section", ["Plain"])]
    backlog, plain = main.find_all("section")
    assert backlog.find(class_="answer").get_text() == "193 <open>"
    assert "Read it so." in backlog.get_text()
    assert "A line after it." in backlog.get_text()
    assert "a chart" in backlog.get_text()
    assert "as it was" in plain.get_text()
    fold = main.find("details", class_="fold")
    assert fold.summary.find(class_="answer").get_text() == "29 & more"
    assert "a long table" in fold.get_text()
    assert not fold.has_attr("open")
    assert "said twice" not in html


def test_what_has_no_content_is_a_line_at_the_end_with_all_that_was_said_of_it_gone() -> None:
    html = page(
        new_markdown_cell("## Quality\n\nRead the table so."),
        section_cell(missing="The export has no <reviews>."),
        new_markdown_cell("## Speed"),
        section_cell("fast"),
    )
    main = BeautifulSoup(html, "html.parser").main
    assert "Read the table so." not in main.get_text()
    last = main.find_all("details", class_="fold")[-1]
    assert last.h2.get_text() == "Not on this page"
    assert last.li.get_text() == "Quality The export has no <reviews>."
    assert main.section.h2.get_text().startswith("Speed")


def test_a_figure_is_an_inert_image_with_the_alt_text_of_its_metadata() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>'
    html = page(
        cell_showing({"image/svg+xml": svg, "text/plain": "<Figure>"}, **{"image/svg+xml": {"alt": 'Backlog is "412"'}})
    )
    assert 'src="data:image/svg+xml;base64,' in html
    assert 'alt="Backlog is &quot;412&quot;"' in html
    assert "&lt;Figure&gt;" not in html


def test_a_bitmap_takes_its_alt_text_too_and_a_figure_without_one_says_so() -> None:
    html = page(
        cell_showing({"image/png": "aGVs\nbG8="}, **{"image/png": {"alt": "Gantt"}}),
        cell_showing({"image/png": "aGVsbG8="}),
    )
    assert 'src="data:image/png;base64,aGVsbG8=" alt="Gantt"' in html
    assert "it has no description" in html


def test_text_streams_and_errors_are_escaped_and_lose_their_colours() -> None:
    cell = new_code_cell("x", outputs=[new_output("stream", name="stdout", text="\x1b[31m<b>red</b>\x1b[0m")])
    html = page(cell, cell_showing({"text/plain": "<script>1</script>"}))
    assert "&lt;b&gt;red&lt;/b&gt;" in html
    assert "\x1b" not in html
    assert "<script>1</script>" not in html


def test_javascript_and_widgets_are_never_shown_as_such() -> None:
    html = page(cell_showing({"application/javascript": "attack()", "text/plain": "<Javascript>"}))
    assert "attack()" not in html
    assert "&lt;Javascript&gt;" in html


def test_a_report_of_many_figures_stays_under_a_megabyte() -> None:
    figure = '<svg xmlns="http://www.w3.org/2000/svg">' + '<path d="M0 0L100.25 200.5"></path>' * 800 + "</svg>"
    html = page(*[cell_showing({"image/svg+xml": figure}) for _ in range(18)])
    assert len(html.encode()) < 1_000_000


def notebook_saying(bundle: object) -> NotebookNode:
    return new_notebook(cells=[cell_showing({mime.HEADLINE: bundle})])


def test_headlines_are_read_from_the_outputs() -> None:
    item = {
        "label": "Reopened",
        "value": "4%",
        "change": "−1 pp",
        "signal": True,
        "spark": [1, None, 3],
        "closed": ["", "Labor Day"],
    }
    status, headlines = headline_of(notebook_saying({"status": "ready", "headlines": [item]}))
    assert status == "ready"
    assert headlines == [
        {
            "label": "Reopened",
            "value": "4%",
            "change": "−1 pp",
            "note": "",
            "signal": True,
            "judged": True,
            "signal_verdict": "",
            "goal_verdict": "",
            "is_missed": False,
            "chips": [],
            "facts": [],
            "spark": [1.0, None, 3.0],
            "closed": ["", "Labor Day"],
            "spark_label": "Reopened, last 3 weeks: lowest 1, highest 3, latest 3",
        }
    ]
    _, worded = headline_of(notebook_saying({"headlines": [item | {"spark_label": "Reopened: between 1% and 3%"}]}))
    assert worded[0]["spark_label"] == "Reopened: between 1% and 3%"


def test_a_notebook_without_data_says_so_and_one_without_headlines_is_ready() -> None:
    assert headline_of(notebook_saying({"status": "no_data", "headlines": []})) == ("no_data", [])
    assert headline_of(new_notebook(cells=[new_code_cell("1")])) == ("ready", [])


def test_headlines_carry_their_verdicts_and_color_stands_for_nothing_else() -> None:
    goal = {"look": "missed", "text": "Missed <b>"}
    said = {"goal_verdict": "missed", "is_missed": True, "signal_verdict": "within", "facts": ["goal ≥ 85 %"]}
    item = {"label": "CSAT", "value": "80 %", "change": "↓ 3 points", "chips": [goal], **said}
    _, (line,) = headline_of(notebook_saying({"headlines": [item]}))
    assert {name: line[name] for name in said} == said
    html = page(cell_showing({mime.HEADLINE: {"headlines": [item]}}))
    assert '<span class="chip chip-missed">Missed &lt;b&gt;</span>' in html
    assert '<span class="change">↓ 3 points</span>' in html
    assert "<li>goal ≥ 85 %</li>" in html


def test_headlines_stand_above_the_report_and_are_escaped() -> None:
    html = page(cell_showing({mime.HEADLINE: {"headlines": [{"label": "<b>", "value": "<i>7</i>"}]}}))
    assert "<dt>&lt;b&gt;</dt>" in html
    assert "&lt;i&gt;7&lt;/i&gt;" in html


def test_a_sparkline_says_what_it_shows() -> None:
    assert spark_label("Created", [1.0, 2.0, None, 4.0]) == "Created, last 4 weeks: lowest 1, highest 4, latest 4"


def test_the_title_is_the_first_heading_without_its_markup() -> None:
    assert title_of(new_notebook(cells=[new_markdown_cell("text\n# The *weekly* review")]), "x") == "The weekly review"
    assert title_of(new_notebook(), "x") == "x"
