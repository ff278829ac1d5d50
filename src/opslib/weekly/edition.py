"""What all pages of a week share: whose they are, what the exports know, and what the pages were made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from opslib import SUBJECTS, locales
from opslib.locales import whole
from opslib.weekly.plan import ORGANISATION, Job
from opslib.weeks import shift_week

if TYPE_CHECKING:
    import pandas as pd

    from opslib.intake.gate.verdict import Verdict

_ORDER = tuple(SUBJECTS)
GateStatus = Literal["passed", "warned", "blocked"]
GATE_WORDS: dict[str, str] = {
    "passed": "Data checked",
    "warned": "Data checked, with warnings",
    "blocked": "Data blocked for some teams",
}


class Link(NamedTuple):
    """A link of the navigation; `key` is the single key that follows it, `is_here` that it leads to its own page."""

    label: str
    href: str
    key: str = ""
    is_here: bool = False


@dataclass(frozen=True)
class Request:
    """Whom a blocked page asks (`who`) for which rows (`what`), from which day on (`since`)."""

    who: str
    what: str
    since: str


@dataclass(frozen=True)
class Head:
    """What the pages of a team say of its week before any number.

    `days` are its open days with the holidays by name, "" where none is closed; `gate`, `gate_text` and `gate_note`
    what was found of this team's week; `warnings` a sentence each; `request` what is asked for where it is blocked.
    """

    days: str
    gate: GateStatus
    gate_text: str
    gate_note: str = ""
    warnings: tuple[str, ...] = ()
    request: Request | None = None


@dataclass(frozen=True)
class Edition:
    """The reports of one week and what they rest on.

    `teams` maps names to labels, `values` folders of reports that are for no team, such as `project/PRJ-2`, to what a
    reader calls them, `heads` names to what stands below a team's name, `closures` names the holidays of the week
    with the teams that each closes; `inputs` the names of the export files to their sha256, `versions` packages to
    versions; `locale` is the one in which workers write numbers and dates, `ticket_url` the address of a ticket in the
    CRM, with `{ticket_id}` in it, or "".
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
    heads: Mapping[str, Head] = field(default_factory=dict)
    closures: str = ""
    ticket_url: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def dates(self) -> str:
        """`Mon Nov 9 – Sun Nov 15, 2026`."""
        return locales.week_days(self.week)

    def local(self, instant: datetime) -> str:
        """An instant in the organisation's time zone: `Mon Nov 16, 2026, 6 am ET`."""
        return locales.moment(instant, ZoneInfo(self.time_zone))

    @property
    def labels(self) -> dict[str, str]:
        """The folders of reports, of teams first, to what a reader calls what they are for."""
        return {**self.teams, **self.values}

    def label(self, team: str | None) -> str:
        """What a reader calls the team; all teams where there is none."""
        return "All teams" if team is None else self.teams.get(team, team)

    def header_of(self, job: Job, reports: Path) -> dict[str, Any]:
        """What stands above a report: `header`, with links to the reports beside it.

        Args:
            job: the report.
            reports: the folder of all weeks.
        """
        header = self.header(team=job.team, root=job.root, links=links_of(job, reports, self.labels))
        return header if job.value is None else {**header, "team": self.labels.get(job.folder, job.value)}

    def header(self, *, team: str | None = None, root: str = "", links: Sequence[Links] = ()) -> dict[str, Any]:
        """What stands above a page.

        Args:
            team: whose page it is; None for a page about all teams.
            root: the way from the page to the folder of its week, like "../".
            links: to other weeks, teams and pages; these may change after the page was made, see `neighbours`.

        Returns:
            organisation, week, dates, team, days, as_of, gate (status, text, note, href), warnings, request, method
            (the way to the page that says how all is decided), links and neighbours (`Links`).
        """
        head = self.heads.get(team or "") or Head(self.closures, self.gate, GATE_WORDS[self.gate], self.gate_note)
        return {
            "organisation": self.organisation,
            "week": self.week,
            "dates": self.dates,
            "team": self.label(team),
            "days": head.days,
            "warnings": list(head.warnings),
            "request": head.request,
            "as_of": self.local(self.as_of),
            "gate": {
                "status": head.gate,
                "text": head.gate_text,
                "note": head.gate_note,
                "href": f"{root}data_quality.html",
            },
            "method": f"{root}how_we_decide.html",
            "links": links_of_the_week(root),
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


class Links(NamedTuple):
    """Links of one kind: what they lead to, for those who do not see where they stand."""

    name: str
    links: tuple[Link, ...]


def links_of_the_week(root: str, here: str = "") -> Links:
    """The pages about all teams.

    Args:
        root: the way from the page to the folder of its week, like "../".
        here: the page's own name, where it is one of them.
    """
    pages = (("Monday brief", "index.html", "i"), ("Data quality", "data_quality.html", "d"))
    return Links("All teams", tuple(Link(label, f"{root}{name}", key, name == here) for label, name, key in pages))


def links_of(job: Job, reports: Path, labels: Mapping[str, str]) -> tuple[Links, ...]:
    """The same report of the weeks beside it and of other teams, and the team's other reports, where they were made.

    Args:
        job: the report that links.
        reports: the folder of all weeks.
        labels: folders of reports, such as `us-general` and `project/PRJ-2`, to what a reader calls what they are for,
            in the order in which they are listed.

    Returns:
        Weeks (with the keys "older", "newer" and "beside"), teams and reports of the team, or what the report is for
        beside this one, and reports about all teams, relative to the report's page; only the kinds that have any, and
        none of which there is only this one.
    """
    before, after = (job.in_week(shift_week(job.week, step)) for step in (-1, 1))
    has_before, has_after = before.page(reports).is_file(), after.page(reports).is_file()
    weeks = []
    if has_before:
        weeks.append(Link(f"← {_week(before.week)}", f"{job.root}../{before.identifier}.html", "older"))
    weeks.append(Link(_week(job.week), f"{job.name}.html", "", is_here=True))
    if has_after:
        weeks.append(Link(f"{_week(after.week)} →", f"{job.root}../{after.identifier}.html", "newer"))
    if has_before:
        weeks.append(Link(f"Beside {locales.week_number(before.week)}", comparison_of(job, reports).name, "beside"))
    elif has_after:
        beside = f"{job.root}../{after.identifier}.compare.html"
        weeks.append(Link(f"Beside {locales.week_number(after.week)}", beside, "beside"))
    folder = reports / job.week
    weeks_and_all = [Links("Weeks", tuple(weeks)), *_reports_about_all(job, folder)]
    if job.value is not None:
        return (*weeks_and_all, *_other_values(job, folder, labels))
    if job.team is None:
        return tuple(weeks_and_all)
    there = {team: names for team in labels if "/" not in team and (names := reports_of(folder / team))}
    others = [
        Link(labels[team], f"../{team}/{job.name if job.name in names else names[0]}.html", "", team == job.team)
        for team, names in there.items()
    ]
    own = [Link(in_words(name), f"{name}.html", "", name == job.name) for name in reports_of(folder / job.team)]
    kinds = [Links(name, tuple(links)) for name, links in (("Teams", others), ("Reports", own)) if len(links) > 1]
    return (*weeks_and_all, *kinds)


def _reports_about_all(job: Job, folder: Path) -> list[Links]:
    names = reports_of(folder / ORGANISATION)
    here = job.folder == ORGANISATION
    links = tuple(
        Link(in_words(name), f"{job.root}{ORGANISATION}/{name}.html", "", here and name == job.name) for name in names
    )
    return [Links("All teams", links)] if len(links) > here else []


def _other_values(job: Job, folder: Path, labels: Mapping[str, str]) -> list[Links]:
    """The same report for other values of its parameter, such as the pages of other projects."""
    pages = sorted(folder.glob(f"{job.parameter}/*/{job.name}.html"))
    folders = [page.parent.relative_to(folder).as_posix() for page in pages]
    links = tuple(
        Link(labels.get(name, name.rpartition("/")[2]), f"{job.root}{name}/{job.name}.html", "", name == job.folder)
        for name in folders
    )
    return [Links(f"{in_words(job.parameter)}s", links)] if len(links) > 1 else []


def reports_of(folder: Path) -> list[str]:
    """The names of the reports whose pages lie in the folder of a team."""
    pages = (page for page in folder.glob("*.html") if not page.name.startswith("."))
    names = sorted(page.stem for page in pages if not page.name.endswith(".compare.html") and page.is_file())
    return sorted(names, key=place_of)


def place_of(name: str) -> tuple[int, str]:
    """Where a report stands among those of its team."""
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def in_words(name: str) -> str:
    """A notebook's name as a reader sees it.

    >>> in_words("weekly_review")
    'Weekly review'
    """
    return name.replace("_", " ").capitalize()


def _week(week: str) -> str:
    return locales.week_number(week).capitalize()


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
