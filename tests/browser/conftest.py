"""A Chromium for the tests of the pages, and one page of each kind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.browser_pages import write_site
from tests.whole_line import whole_line

HOW_TO_GET_IT = "no Chromium was found; install it (`apt-get install chromium`) or name one in OPSLIB_CHROMIUM"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def chromium_path() -> str | None:
    path = os.environ.get("OPSLIB_CHROMIUM")
    if path:
        return path
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser of the system; where there is none the tests skip, and with OPSLIB_REQUIRE_BROWSER=1 they fail."""
    path = chromium_path()
    if path is None:
        if os.environ.get("OPSLIB_REQUIRE_BROWSER") == "1":
            pytest.fail(HOW_TO_GET_IT)
        pytest.skip(HOW_TO_GET_IT)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One page of each kind, by name."""
    return write_site(tmp_path_factory.mktemp("reports"))


@pytest.fixture(scope="session")
def real_reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week of the sample as the whole line makes it, and the review of the week before; or OPSLIB_TEST_REPORTS."""
    path = os.environ.get("OPSLIB_TEST_REPORTS")
    if path:
        return Path(path)
    return whole_line(tmp_path_factory).reports


class Visit:
    """A page that is open, and all that it asked for, complained of and tried to pop up since."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self._note(message))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append("dialog"), dialog.dismiss()))
        self.page.goto(path.as_uri())
        self.page.wait_for_load_state("load")

    def _note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


@pytest.fixture
def visit(chromium: Any) -> Iterator[Any]:
    """`visit(path, **context options)` opens a page from disk."""
    visits: list[Visit] = []

    def open_page(path: Path, **context: Any) -> Visit:
        visits.append(Visit(chromium, path, **context))
        return visits[-1]

    yield open_page
    for one in visits:
        one.context.close()
