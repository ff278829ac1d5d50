"""The pages that the whole line makes of the sample, in a real browser: what small notebooks of our own cannot show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
KINDS = ("report", "drivers", "index", "data_quality", "compare")


@pytest.fixture(scope="module")
def pages(real_reports: Path) -> dict[str, Path]:
    """One real page of each kind; the newest week that has one before it."""
    compare = sorted(real_reports.glob("*/*/*.compare.html"))[-1]
    return {
        "compare": compare,
        "report": compare.with_name(compare.name.replace(".compare", "")),
        "drivers": compare.with_name("contact_drivers.html"),
        "index": compare.parents[1] / "index.html",
        "data_quality": compare.parents[1] / "data_quality.html",
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_real_page_asks_for_nothing_complains_of_nothing_and_satisfies_axe(
    kind: str, scheme: str, pages: dict[str, Path], visit: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab = visit(pages[kind], color_scheme=scheme)
    tab.page.wait_for_timeout(100)
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.startswith(("file:", "data:"))] == []
    some = "Array.from(document.querySelectorAll('main details')).slice(0, 20).forEach(fold => { fold.open = true; })"
    tab.page.evaluate(some)
    violations = [
        (item["id"], [node["html"][:200] for node in item["nodes"]][:3])
        for item in Axe().run(tab.page).response["violations"]
    ]
    assert violations == []


def unfolded(page: Any) -> Any:
    """The page with all open that is folded."""
    page.evaluate("document.querySelectorAll('main details, footer details').forEach(fold => { fold.open = true; })")
    return page


@pytest.mark.parametrize("kind", KINDS)
def test_a_real_page_fits_a_phone(kind: str, pages: dict[str, Path], visit: Any) -> None:
    page = visit(pages[kind], viewport={"width": 390, "height": 844}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    rows = "document.querySelectorAll('.table-box table:not([role=table]) tbody tr')"
    tall = f"Array.from({rows}).filter(row => row.offsetHeight > 150).length"
    if kind in ("report", "drivers"):
        assert page.evaluate(tall) == 0, "columns of text scroll, they are not squeezed into towers"


def test_a_headline_value_stays_on_one_line(pages: dict[str, Path], visit: Any) -> None:
    lines = "all => all.map(value => value.offsetHeight / parseFloat(getComputedStyle(value).lineHeight))"
    for kind in ("index", "report"):
        for width in (390, 1280):
            values = visit(pages[kind], viewport={"width": width, "height": 844}).page.locator("main .value")
            assert values.count() > 3
            assert max(values.evaluate_all(lines)) < 1.6


@pytest.mark.parametrize("kind", KINDS)
def test_tab_goes_to_the_skip_link_then_through_the_page_in_order(
    kind: str, pages: dict[str, Path], visit: Any
) -> None:
    """Nothing takes the focus that cannot be seen, and the order of focus is the order of the document."""
    page = visit(pages[kind]).page
    place = """() => {
        const all = Array.from(document.querySelectorAll('*')), here = document.activeElement;
        return [all.indexOf(here), here.className, here.getBoundingClientRect().width > 0];
    }"""
    stops = []
    for _ in range(18):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") in ("IFRAME", "BODY"):
            break
        stops.append(page.evaluate(place))
    assert stops[0][1] == "skip"
    assert len(stops) >= 8
    assert all(visible for _, _, visible in stops)
    assert [at for at, _, _ in stops] == sorted(at for at, _, _ in stops)


def test_all_metrics_can_be_sorted_and_filtered_with_the_keyboard(pages: dict[str, Path], visit: Any) -> None:
    page = unfolded(visit(pages["report"]).page)
    table = page.get_by_role("table", name="All metrics of the week")
    names = "rows => rows.map(row => row.cells[0].innerText.trim())"
    rows = table.locator("tbody tr")
    table.get_by_role("columnheader", name="Metric").get_by_role("button").press("Enter")
    row_names = rows.evaluate_all(names)
    assert len(row_names) > 15
    assert [name.lower() for name in row_names] == sorted(name.lower() for name in row_names)
    page.get_by_role("searchbox", name=re.compile("All metrics")).press_sequentially("within sla")
    assert 0 < rows.locator("visible=true").count() < len(row_names)
    assert all("within SLA" in name for name in table.locator("tbody tr:visible").evaluate_all(names))


def test_a_column_of_sparklines_has_lines_with_words_and_no_sort_button(pages: dict[str, Path], visit: Any) -> None:
    table = unfolded(visit(pages["report"]).page).get_by_role("table", name="All metrics of the week")
    assert table.get_by_role("img", name=re.compile("last 13 weeks: lowest")).count() > 15
    assert table.get_by_role("columnheader", name="13 weeks").get_by_role("button").count() == 0


def test_a_report_prints_as_pages_of_text_with_nothing_cut(pages: dict[str, Path], visit: Any, tmp_path: Path) -> None:
    page = unfolded(visit(pages["report"], color_scheme="dark").page)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})
    wide = "Array.from(document.querySelectorAll('main table, main img')).filter(e => e.offsetWidth > 690).length"
    assert page.evaluate(wide) == 0, "182 mm of A4 are 688 px"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    heads = "all => all.map(head => [getComputedStyle(head, '::before').content, head.textContent.trim()])"
    words = page.locator("main thead th:has(button)").evaluate_all(heads)
    assert "Metric" in [name for _, name in words]
    assert [word for word, _ in words] == [f'"{name}"' for _, name in words], "Chromium leaves buttons out of it"
    page.emulate_media(media="screen")
    printed = page.pdf(path=tmp_path / "report.pdf", print_background=True, prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 3
    assert b"/ToUnicode" in printed, "text that can be searched, not pictures of it"


def test_every_section_can_be_linked_and_the_link_shows_on_focus(pages: dict[str, Path], visit: Any) -> None:
    page = visit(pages["report"]).page
    sections, anchors = page.locator("main h2"), page.locator("main .anchor")
    assert sections.count() == anchors.count() > 5
    assert anchors.first.evaluate("link => getComputedStyle(link).opacity") == "0"
    anchors.first.focus()
    assert anchors.first.evaluate("link => getComputedStyle(link).opacity") == "1"


def test_the_weeks_of_a_real_report_link_each_other(pages: dict[str, Path], visit: Any) -> None:
    page = visit(pages["report"]).page
    this = page.url
    page.keyboard.press("[")
    page.wait_for_url(lambda url: url != this)
    assert page.locator("h1").inner_text() == "Weekly review"
    page.keyboard.press("]")
    page.wait_for_url(this)
    assert page.url == this


def test_a_real_report_is_under_a_megabyte_and_says_where_it_comes_from(
    pages: dict[str, Path], real_reports: Path, visit: Any
) -> None:
    reports = [page for page in real_reports.glob("*/*/*.html") if ".compare." not in page.name]
    assert max(page.stat().st_size for page in reports) < 1_000_000
    foot = unfolded(visit(pages["report"]).page).locator("footer")
    text = foot.inner_text()
    for word in ("Data up to", "Made", "Gate", "Commit", "warehouse", "week"):
        assert word in text
    assert re.search(r"tickets\.csv\.gz [0-9a-f]{64}\b", foot.inner_text())
    assert re.search(r"python \d+\.\d+", foot.inner_text())


def test_no_path_of_this_machine_is_on_a_page(pages: dict[str, Path], real_reports: Path) -> None:
    for page in pages.values():
        assert str(real_reports.parent) not in page.read_text(encoding="utf-8")
