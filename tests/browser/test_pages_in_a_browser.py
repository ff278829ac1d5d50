"""Every kind of page, opened from disk in a real browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browser_pages import ALT

pytestmark = pytest.mark.browser
KINDS = ("report", "index", "data_quality", "failed", "blocked", "compare")
FILES = {"forward": 2, "compare": 3}
PATIENCE_SECONDS = 10


def settled(place: Any, expression: str, wanted: Any) -> Any:
    """What a page or element says once it says what is wanted, or at the end of patience.

    Playwright's own waiting is refused by the pages' policy.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (value := place.evaluate(expression)) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


@pytest.mark.parametrize("kind", [*KINDS, "forward"])
def test_a_page_loads_nothing_says_nothing_wrong_and_is_not_hacked(
    kind: str, site: dict[str, Path], visit: Any
) -> None:
    tab = visit(site[kind])
    tab.page.wait_for_timeout(150)
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in tab.requests if url.startswith("file:")]) <= FILES.get(kind, 1)
    assert "hacked" not in tab.page.title()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_does_not_scroll_sideways(kind: str, width: int, site: dict[str, Path], visit: Any) -> None:
    tab = visit(site[kind], viewport={"width": width, "height": 844})
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.page.evaluate("document.body.scrollWidth") <= width


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_mend(kind: str, scheme: str, site: dict[str, Path], visit: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    tab = visit(site[kind], color_scheme=scheme)
    tab.page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    results = Axe().run(tab.page)
    violations = [(item["id"], [node["html"] for node in item["nodes"]][:3]) for item in results.response["violations"]]
    assert violations == []


def test_axe_finds_nothing_to_mend_on_a_phone(site: dict[str, Path], visit: Any) -> None:
    """Tables and figures scroll inside their boxes there, which the keyboard must reach."""
    from axe_playwright_python.sync_playwright import Axe

    for kind in ("report", "index"):
        tab = visit(site[kind], viewport={"width": 390, "height": 844})
        assert [item["id"] for item in Axe().run(tab.page).response["violations"]] == []


def test_hostile_text_is_shown_or_gone_but_never_alive(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["report"]).page
    assert page.locator("main script, main iframe, main style, main [onerror], main [onclick]").count() == 0
    assert page.locator('main a[href^="javascript"]').count() == 0
    assert page.locator("img:not([src^='data:'])").count() == 0
    assert "<script>document.title='hacked'</script>" in page.locator("pre.stream").first.inner_text()
    page.locator("main a", has_text="click").first.click()
    assert "hacked" not in page.title()


def test_the_policy_stops_a_script_that_would_get_past_the_allow_list(site: dict[str, Path], visit: Any) -> None:
    """The second shield: an inline handler put into the page afterwards does not run."""
    page = visit(site["report"]).page
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')"
    )
    page.wait_for_timeout(150)
    assert page.title() != "1"


def test_code_is_folded_and_one_button_opens_all_of_it(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["report"]).page
    folds = page.locator("details.code")
    assert folds.count() >= 5
    assert page.locator("details.code[open]").count() == 0
    page.get_by_role("button", name="Show code").press("Enter")
    assert page.locator("details.code[open]").count() == folds.count()
    assert "SECRET-PARAMETER" not in page.content()


def test_a_figure_is_described(site: dict[str, Path], visit: Any) -> None:
    assert visit(site["report"]).page.get_by_role("img", name=ALT).count() == 3


def test_a_table_is_sorted_with_the_keyboard_and_says_so(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["report"]).page
    table = page.get_by_role("table", name="Oldest open tickets")
    header = table.get_by_role("columnheader", name="Age, days")
    ages = "rows => rows.map(row => Number(row.cells[2].innerText))"
    before = table.locator("tbody tr").evaluate_all(ages)
    button = header.get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    assert table.locator("tbody tr").evaluate_all(ages) == sorted(before, reverse=True)
    page.keyboard.press("Space")
    assert header.get_attribute("aria-sort") == "ascending"
    assert table.locator("tbody tr").evaluate_all(ages) == sorted(before)
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") is None
    assert table.locator("tbody tr").evaluate_all(ages) == before


def test_durations_sort_by_their_length_and_missing_values_last(site: dict[str, Path], visit: Any) -> None:
    """As text, 9h would come after 23h, and a dash before both."""
    page = visit(site["report"]).page
    table = page.get_by_role("table", name="Ten weeks of the metrics")
    table.get_by_role("columnheader", name="W37").get_by_role("button").click()
    cells = table.locator("tbody tr").evaluate_all("rows => rows.map(row => row.cells[1].innerText)")
    assert cells[0] == "79h 05min"
    assert cells[-5:] == ["30h 05min", "23h 05min", "16h 05min", "9h 05min", "2h 05min"]
    table.get_by_role("columnheader", name="Change").get_by_role("button").click()
    assert table.locator("tbody tr").last.locator("td").last.inner_text() == "–"


def test_a_table_is_filtered_with_the_keyboard_and_the_count_is_announced(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["report"]).page
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("sign t1017")
    rows = page.get_by_role("table", name="Oldest open tickets").locator("tbody tr:visible")
    assert rows.count() == 1
    assert page.get_by_role("status").inner_text() == "1 of 40"
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    assert rows.count() == 40


def test_a_wide_table_can_be_reached_and_scrolled_with_the_keyboard(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["report"], viewport={"width": 390, "height": 844}).page
    page.get_by_role("heading", name="The metrics").click()
    box = page.get_by_role("group", name="Ten weeks of the metrics, scrolls sideways")
    box.focus()
    page.keyboard.press("ArrowRight")
    assert settled(box, "box => box.scrollLeft > 0", True)


def test_a_table_that_goes_on_at_its_right_edge_shows_it_until_its_end(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["report"], viewport={"width": 390, "height": 844}).page
    page.get_by_role("heading", name="The metrics").click()
    box = page.get_by_role("group", name="Ten weeks of the metrics, scrolls sideways")
    goes_on = "box => getComputedStyle(box).boxShadow !== 'none'"
    assert settled(box, goes_on, True)
    box.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    assert not settled(box, goes_on, False)


def test_the_theme_is_turned_by_a_key_and_remembered_by_the_page(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["report"]).page
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.keyboard.press("t")
    dark = page.evaluate(colour)
    assert dark != light
    assert settled(page, "localStorage.length > 0", True)
    page.reload()
    assert settled(page, colour, dark) == dark


def test_the_definition_of_a_metric_is_one_tap_away(site: dict[str, Path], visit: Any) -> None:
    """It is given once, in the table of the metrics, and found wherever the metric is named."""
    page = visit(site["report"]).page
    for place in (".headlines", ".table-box"):
        meaning = page.locator(place).get_by_text("Met targets among met and breached ones.")
        assert not meaning.is_visible()
        page.locator(f"{place} details.definition summary").focus()
        page.keyboard.press("Enter")
        assert meaning.is_visible()
        page.keyboard.press("Escape")
        assert not meaning.is_visible()
        page.locator(f"{place} details.definition summary").hover()
        assert meaning.is_visible()
        page.mouse.move(0, 0)
        assert not meaning.is_visible()


def test_keyboard_order_starts_with_the_skip_link_and_the_shortcuts_can_be_switched_off(
    site: dict[str, Path], visit: Any
) -> None:
    page = visit(site["report"]).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    dialog.get_by_role("checkbox").uncheck()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("?")
    assert not dialog.is_visible()


def test_the_index_filters_teams_and_goes_to_reports_and_weeks(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["forward"]).page
    page.wait_for_url("**/2026-W46/index.html")
    page.keyboard.press("/")
    page.keyboard.type("comm")
    visible = page.locator("#matrix tbody tr:visible")
    assert visible.count() == 1
    page.keyboard.press("Tab")
    page.locator("h1").click()
    here = "document.activeElement.closest('article, tr, .report').textContent.trim().slice(0, 12)"
    stops = []
    for _ in range(3):
        page.keyboard.press("j")
        stops.append(" ".join(page.evaluate(here).split())[:13])
    assert [stop.split(" ", 1)[0] for stop in stops] == ["1", "2", "US"], "two findings, then the team that is shown"
    assert page.evaluate("document.activeElement.getAttribute('href')") == "us-commerce/weekly_review.html"
    page.keyboard.press("[")
    page.wait_for_url("**/2026-W45/index.html")
    page.keyboard.press("]")
    page.wait_for_url("**/2026-W46/index.html")
    page.keyboard.press("d")
    page.wait_for_url("**/2026-W46/data_quality.html")


def test_what_is_compared_is_narrowed_with_the_keyboard_to_what_changed(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["compare"]).page
    rows = page.locator("#compared tbody tr:visible")
    assert rows.count() == 10
    page.get_by_role("checkbox", name="Only what changed its verdict").focus()
    page.keyboard.press("Space")
    assert rows.count() == 1
    assert "Met" in rows.inner_text()
    assert page.get_by_role("status").first.inner_text() == "1 of 10"
    page.keyboard.press("Space")
    assert rows.count() == 10


def test_the_index_has_few_tab_stops_and_fits_from_320_pixels_on(site: dict[str, Path], visit: Any) -> None:
    for kind in ("index", "compare"):
        for width in (320, 768, 819):
            page = visit(site[kind], viewport={"width": width, "height": 844}).page
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (kind, width)
    assert page.locator("a[href]:visible, button:visible, input:visible, summary:visible").count() < 80


def test_a_report_knows_the_weeks_before_and_after_and_keys_lead_there(site: dict[str, Path], visit: Any) -> None:
    page = visit(site["report"]).page
    page.keyboard.press("[")
    page.wait_for_url("**/2026-W45/us-general/weekly_review.html")
    page.keyboard.press("]")
    page.wait_for_url("**/2026-W46/us-general/weekly_review.html")
    page.keyboard.press("b")
    page.wait_for_url("**/weekly_review.compare.html")
    page.keyboard.press("b")
    page.wait_for_url("**/2026-W46/us-general/weekly_review.html")
    page.keyboard.press("d")
    page.wait_for_url("**/2026-W46/data_quality.html")
    page.keyboard.press("i")
    page.wait_for_url("**/2026-W46/index.html")
    assert page.locator("h1").inner_text() == "Monday brief"


def test_every_link_between_the_pages_leads_somewhere(site: dict[str, Path], visit: Any) -> None:
    for kind in KINDS:
        page = visit(site[kind]).page
        for address in page.locator("a[href]").evaluate_all("links => links.map(link => link.href)"):
            path, _, anchor = address.removeprefix("file://").partition("#")
            assert Path(path).is_file(), address
            if anchor and Path(path) == site[kind] and anchor != "harmful-link":
                assert page.locator(f"[id='{anchor}']").count() == 1, address


def test_print_gives_a_pdf_of_light_pages_without_controls(site: dict[str, Path], visit: Any, tmp_path: Path) -> None:
    page = visit(site["report"], color_scheme="dark").page
    printed = tmp_path / "report.pdf"
    page.pdf(path=printed, print_background=True, prefer_css_page_size=True)
    assert printed.read_bytes().startswith(b"%PDF-")
    assert printed.stat().st_size > 20_000
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(24, 32, 42)"
    for hidden in (".tools", ".tabs", ".filter", "details.code"):
        assert not page.locator(hidden).first.is_visible()


def test_a_page_says_that_it_comes_from_the_sample(site: dict[str, Path], visit: Any) -> None:
    for kind in KINDS:
        mark = visit(site[kind]).page.get_by_role("note")
        assert mark.inner_text() == "Sample data, no real people"
