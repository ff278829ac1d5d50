"""What all pages of a week share: whose they are, what the exports know, and what the pages were made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from opslib import locales
from opslib.locales import whole
from opslib.weekly.plan import Job
from opslib.weeks import shift_week

if TYPE_CHECKING:
    import pandas as pd

    from opslib.intake.gate.verdict import Verdict

GateStatus = Literal["passed", "warned", "blocked"]
GATE_WORDS: dict[str, str] = {
    "passed": "Data checked",
    "warned": "Data checked, with warnings",
    "blocked": "Data blocked for some teams",
}


class Link(NamedTuple):
    """A link of the navigation; `key` is the single key that follows it."""

    label: str
    href: str
    key: str = ""


@dataclass(frozen=True)
class Edition:
    """The reports of one week and what they rest on.

    `teams` maps names to labels, `inputs` the names of the export files to their sha256, `versions` packages to
    versions; `locale` is the one in which workers write numbers and dates.
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
    locale: str = locales.DEFAULT

    @property
    def dates(self) -> str:
        """`Mon Nov 9 – Sun Nov 15, 2026`."""
        return locales.week_days(self.week)

    def local(self, instant: datetime) -> str:
        """An instant in the organisation's time zone: `Mon Nov 16, 2026, 6 am ET`."""
        return locales.moment(instant, ZoneInfo(self.time_zone))

    def label(self, team: str | None) -> str:
        """What a reader calls the team; all teams where there is none."""
        return "All teams" if team is None else self.teams.get(team, team)

    def header(self, *, team: str | None = None, root: str = "", links: Sequence[Link] = ()) -> dict[str, Any]:
        """What stands above a page.

        Args:
            team: whose page it is; None for a page about all teams.
            root: the way from the page to the folder of its week, like "../".
            links: to the same report of other weeks; these may change after the page was made, see `neighbours`.

        Returns:
            organisation, week, dates, team, as_of, gate (status, text, note, href), method (the way to the page that
            says how all is decided), links and neighbours (`Link`s).
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
            "method": f"{root}how_we_decide.html",
            "links": [
                Link("All reports", f"{root}index.html", "i"),
                Link("Data quality", f"{root}data_quality.html", "d"),
            ],
            "neighbours": list(links),
        }

    def footer(self, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Where the numbers come from: inputs (name, sha256), commit, versions, parameters, as_of, made_at, gate."""
        commit, uncommitted = (self.commit or "").removesuffix("+"), (self.commit or "").endswith("+")
        return {
            "inputs": [{"name": name, "sha256": digest} for name, digest in sorted(self.inputs.items())],
            "commit": f"{commit[:12]}{', with changes that are not committed' if uncommitted else ''}" or None,
            "versions": dict(sorted(self.versions.items())),
            "parameters": {key: _without_folders(value) for key, value in sorted((parameters or {}).items())},
            "as_of": self.local(self.as_of),
            "made_at": self.local(self.made_at),
            "gate": f"{GATE_WORDS[self.gate]}: {self.gate_note}" if self.gate_note else GATE_WORDS[self.gate],
        }


def _without_folders(value: object) -> str:
    """A parameter as a reader needs it: the folders above a path may name the person who ran it."""
    text = str(value)
    return f"…/{Path(text).name}" if Path(text).is_absolute() else text


def comparison_of(job: Job, reports: Path) -> Path:
    """Where the page lies that shows a report beside the one of the week before."""
    return reports / f"{job.identifier}.compare.html"


def links_of(job: Job, reports: Path) -> tuple[Link, ...]:
    """The same report one week before and after, and both side by side, where they have been made.

    Args:
        job: the report that links.
        reports: the folder of all weeks.

    Returns:
        Links relative to the report's page, with the keys "older", "newer" and "beside".
    """
    before = Job(job.notebook, shift_week(job.week, -1), job.team)
    after = Job(job.notebook, shift_week(job.week, 1), job.team)
    links = []
    if before.page(reports).is_file():
        links.append(
            Link(f"← {locales.week_number(before.week).capitalize()}", f"../../{before.identifier}.html", "older")
        )
    if after.page(reports).is_file():
        links.append(
            Link(f"{locales.week_number(after.week).capitalize()} →", f"../../{after.identifier}.html", "newer")
        )
    if before.page(reports).is_file():
        links.append(Link(f"Beside {locales.week_number(before.week)}", comparison_of(job, reports).name, "beside"))
    elif after.page(reports).is_file():
        links.append(
            Link(f"Beside {locales.week_number(after.week)}", f"../../{after.identifier}.compare.html", "beside")
        )
    return tuple(links)


def gate_sentence(verdict: Verdict, rows: pd.DataFrame) -> str:
    """What the gate found, for the reader of a report.

    Args:
        verdict: the gate's.
        rows: the account of rows per file and table: read, left_out, replaced and set_aside.

    Returns:
        A sentence without a full stop, like "371 of 372 checks passed, 1 raised a warning; 3 do not apply to this
        export; nothing set aside".
    """
    outcomes: Counter[str] = Counter(result.outcome for result in verdict.results)
    applied = sum(outcomes.values()) - outcomes["absent"]
    passed = (
        f"all {whole(applied)}"
        if applied > 1 and outcomes["passed"] == applied
        else f"{whole(outcomes['passed'])} of {whole(applied)}"
    )
    judged = [f"{passed} check{'' if applied == 1 else 's'} passed"]
    judged += [
        f"{whole(outcomes[outcome])} {effect}"
        for outcome, effect in (
            ("warned", "raised a warning"),
            ("set_aside", "set rows aside"),
            ("blocked", "held reports back"),
        )
        if outcomes[outcome]
    ]
    parts = [", ".join(judged)]
    if absent := outcomes["absent"]:
        parts.append(f"{whole(absent)} do{'es' if absent == 1 else ''} not apply to this export")
    parts.append(account_in_words(rows))
    teams_without = sum(bool(reasons) for reasons in verdict.blocked.values())
    if "*" in verdict.blocked:
        parts.append("no report is made")
    elif teams_without:
        parts.append(f"no report for {teams_without} team{'' if teams_without == 1 else 's'}")
    return "; ".join(parts)


def account_in_words(rows: pd.DataFrame) -> str:
    """What became of the rows that no report shows.

    Args:
        rows: per file and table the numbers of rows read, left_out, replaced and set_aside.

    Returns:
        Words like "3 of 1,200 rows set aside, 20 replaced by later ones, 7 left out by the mapping".
    """
    read, left_out, replaced, aside = (int(rows[name].sum()) for name in ("read", "left_out", "replaced", "set_aside"))
    parts = [
        f"{whole(aside)} of {whole(read)} row{'' if read == 1 else 's'} set aside" if aside else "nothing set aside"
    ]
    parts += [f"{whole(replaced)} replaced by later ones"] * bool(replaced)
    parts += [f"{whole(left_out)} left out by the mapping"] * bool(left_out)
    for name, words in (("forgotten", "forgotten on request"), ("expired", "older than they are kept")):
        if name in rows.columns and (count := int(rows[name].sum())):
            parts.append(f"{whole(count)} {words}")
    return ", ".join(parts)
