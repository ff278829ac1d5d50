"""What all pages of a week share: whose they are, what the exports know, and what the pages were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from opslib.weekly.plan import Job

GateStatus = Literal["passed", "warned", "blocked"]
GATE_WORDS: dict[str, str] = {
    "passed": "Data checked",
    "warned": "Data checked, with warnings",
    "blocked": "Data blocked for some teams",
}


@dataclass(frozen=True)
class Edition:
    """The reports of one week and what they rest on.

    `teams` maps names to labels, `inputs` the names of the export files to their sha256, `versions` packages to
    versions.
    """

    organisation: str
    week: str
    time_zone: str
    teams: Mapping[str, str]
    as_of: datetime
    made_at: datetime
    gate: GateStatus = "passed"
    gate_note: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    sample: bool = False

    @property
    def dates(self) -> str:
        """`Mon 9 – Sun 15 November 2026`."""
        return dates_of(self.week)

    def local(self, instant: datetime) -> str:
        """An instant in the organisation's time zone: `Mon 16 November 2026, 06:00 EST`."""
        at = instant.astimezone(ZoneInfo(self.time_zone))
        return f"{at:%a} {at.day} {at:%B %Y, %H:%M %Z}"

    def label(self, team: str | None) -> str:
        """What a reader calls the team; all teams where there is none."""
        return "All teams" if team is None else self.teams.get(team, team)

    def header(
        self, *, team: str | None = None, root: str = "", links: tuple[tuple[str, str], ...] = ()
    ) -> dict[str, Any]:
        """What stands above a page.

        Args:
            team: whose page it is; None for a page about all teams.
            root: the way from the page to the folder of its week, like "../".
            links: further (label, address) of the navigation.

        Returns:
            organisation, week, dates, team, as_of, gate (status, text, note, href) and links (label, href).
        """
        return {
            "organisation": self.organisation,
            "week": self.week,
            "dates": self.dates,
            "team": self.label(team),
            "as_of": self.local(self.as_of),
            "gate": {
                "status": self.gate,
                "text": GATE_WORDS[self.gate],
                "note": self.gate_note,
                "href": f"{root}data_quality.html",
            },
            "links": [{"label": label, "href": href} for label, href in (("All reports", f"{root}index.html"), *links)],
        }

    def footer(self, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Where the page's numbers come from: inputs (name, sha256 in short), commit, versions, parameters, made_at."""
        return {
            "inputs": [{"name": name, "sha256": digest[:12]} for name, digest in sorted(self.inputs.items())],
            "commit": self.commit[:12] if self.commit else None,
            "versions": dict(sorted(self.versions.items())),
            "parameters": {key: _without_folders(value) for key, value in sorted((parameters or {}).items())},
            "made_at": self.local(self.made_at),
        }


def _without_folders(value: object) -> str:
    """A parameter as a reader needs it: the folders above a path may name the person who ran it."""
    text = str(value)
    return f"…/{Path(text).name}" if Path(text).is_absolute() else text


def first_day(week: str) -> date:
    """The Monday of an ISO week."""
    year, number = week.split("-W")
    return date.fromisocalendar(int(year), int(number), 1)


def dates_of(week: str) -> str:
    """The days of an ISO week in words.

    >>> dates_of("2026-W46")
    'Mon 9 – Sun 15 November 2026'
    >>> dates_of("2026-W40")
    'Mon 28 September – Sun 4 October 2026'
    >>> dates_of("2026-W53")
    'Mon 28 December 2026 – Sun 3 January 2027'
    """
    start = first_day(week)
    end = start + timedelta(days=6)
    opening = f"Mon {start.day}"
    if start.month != end.month:
        opening += f" {start:%B}"
    if start.year != end.year:
        opening += f" {start.year}"
    return f"{opening} – Sun {end.day} {end:%B %Y}"


def short_dates_of(week: str) -> str:
    """The days of an ISO week in few characters.

    >>> short_dates_of("2026-W40")
    '28 Sep – 4 Oct'
    """
    start = first_day(week)
    end = start + timedelta(days=6)
    return f"{start.day} {start:%b} – {end.day} {end:%b}"


def previous_week(week: str) -> str:
    """The ISO week before.

    >>> previous_week("2027-W01")
    '2026-W53'
    """
    return week_of_day(first_day(week) - timedelta(days=7))


def week_of_day(day: date) -> str:
    """The ISO week that a day lies in."""
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02d}"


def links_of(job: Job, reports: Path) -> tuple[tuple[str, str], ...]:
    """The same report one week before, where it has been made."""
    before = Job(job.notebook, previous_week(job.week), job.team)
    if not before.page(reports).is_file():
        return ()
    return ((f"Last week's report ({before.week})", f"../../{before.identifier}.html"),)
