"""Take the pictures of the README from rendered reports: `python docs/screenshots.py [reports] [folder]`.

Needs a Chromium of the system: in the PATH, or named in OPSLIB_CHROMIUM.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

MOST_BYTES = 300_000
NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Shot:
    """One picture: its name, the page it shows, how wide and high, and in which theme."""

    name: str
    page: str
    width: int = 1280
    height: int = 1600
    scheme: str = "light"


SHOTS = (
    Shot("report", "report"),
    Shot("report-dark", "report", scheme="dark"),
    Shot("report-narrow", "report", width=390),
    Shot("drivers", "drivers"),
    Shot("index", "index", height=1100),
    Shot("compare", "compare", height=1200),
)


def pages_of(reports: Path, week: str | None, team: str | None) -> dict[str, Path]:
    """The index of a week and a team's reports; the review beside the week before and the drivers where there are."""
    weeks = sorted(path.parent.name for path in reports.glob("*-W*/index.html"))
    if not weeks or (week and week not in weeks):
        raise SystemExit(f"no reports of {week or 'any week'} in {reports}; `make weekly` writes some")
    folder = reports / (week or weeks[-1])
    reviews = sorted(folder.glob(f"{team or '*'}/weekly_review.html"))
    if not reviews:
        raise SystemExit(f"no weekly review of {team or 'any team'} in {folder}")
    more = {"compare": "weekly_review.compare.html", "drivers": "contact_drivers.html"}
    others = {key: reviews[0].with_name(name) for key, name in more.items() if reviews[0].with_name(name).is_file()}
    return {"index": folder / "index.html", "report": reviews[0], **others}


def take(browser: Any, page: Path, shot: Shot) -> bytes:
    """The top of a page as a PNG of few colours, as small as it can be without looking it."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.scheme, device_scale_factor=1
    )
    tab = context.new_page()
    tab.goto(page.resolve().as_uri())
    tab.wait_for_load_state("load")
    tab.wait_for_timeout(300)
    high = min(shot.height, tab.evaluate("document.documentElement.scrollHeight"))
    png = tab.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": shot.width, "height": high})
    context.close()
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small = io.BytesIO()
    picture.save(small, "PNG", optimize=True)
    return small.getvalue()


def main() -> None:
    """Take every picture that the reports allow."""
    parser = argparse.ArgumentParser(description="Take the pictures of the README from rendered reports.")
    parser.add_argument("reports", type=Path, nargs="?", default=Path("reports"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent)
    parser.add_argument("--week", help="ISO week. [default: the newest]")
    parser.add_argument("--team", help="whose report. [default: the first]")
    arguments = parser.parse_args()
    path = os.environ.get("OPSLIB_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise SystemExit(
            "no Chromium was found; install it (`apt-get install chromium`) or name one in OPSLIB_CHROMIUM"
        )
    pages = pages_of(arguments.reports, arguments.week, arguments.team)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for shot in SHOTS:
            if shot.page not in pages:
                print(f"{shot.name}: left out, there is no such page", file=sys.stderr)
                continue
            png = take(browser, pages[shot.page], shot)
            if len(png) > MOST_BYTES:
                raise SystemExit(f"{shot.name}.png has {len(png):,} bytes, more than {MOST_BYTES:,}")
            target = arguments.folder / f"{shot.name}.png"
            target.write_bytes(png)
            print(f"{target} ({len(png) / 1000:,.0f} kB)")
        browser.close()


if __name__ == "__main__":
    main()
