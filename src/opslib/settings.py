"""params/*.yml read to validated objects; one error lists all that is wrong, with file and line of each key."""

from __future__ import annotations

import itertools
import re
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import holidays as public_holidays
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.parser import Parser
from ruamel.yaml.scanner import Scanner

from opslib import labels, locales
from opslib.errors import SettingsError
from opslib.locales import whole
from opslib.tables import TABLES

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Priority = Literal["low", "normal", "high", "urgent"]
SlaMetric = Literal["first_reply", "next_reply", "requester_wait", "agent_work", "full_resolution"]
Clock = Literal["business", "calendar"]
LIVE_CHANNELS = ("phone", "chat")
"""Channels in which agent and customer talk at the same time, where params/org.yml names none."""
LabelField = Literal[
    "contact_reason", "queue", "rule", "channel", "priority", "team", "form", "language", "region", "status"
]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]

_LONGEST_LABEL = 80
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)\s*(s|min|h|d)$")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


_zones = cache(available_timezones)
"""The names of the tz database, which are some hundred files: looked up once."""


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError(f"{value!r} is not a zone of the tz database; write it like America/New_York")
    return value


def _seconds(value: object) -> object:
    """Seconds of a duration written with its unit: `90s`, `15min`, `8h`, `2d` (a day is 24 hours)."""
    if isinstance(value, str) and (match := _DURATION.match(value.strip())):
        return int(float(match[1]) * _SECONDS[match[2]])
    raise ValueError(f"{value!r} is no duration; write a number and its unit: 90s, 15min, 8h, 2d")


class Period(NamedTuple):
    """A stretch of the calendar, like `26 weeks`."""

    number: int
    unit: str

    def __str__(self) -> str:
        return f"{whole(self.number)} {self.unit if self.number != 1 else self.unit.removesuffix('s')}"

    def before(self, day: date) -> date:
        """The day that lies so far before another; of a month that is shorter the last.

        >>> Period(1, "months").before(date(2026, 3, 31))
        datetime.date(2026, 2, 28)
        """
        if self.unit in _DAYS:
            return day - timedelta(days=min(self.number * _DAYS[self.unit], day.toordinal() - 1))
        months = day.year * 12 + day.month - 1 - self.number * (12 if self.unit == "years" else 1)
        year, month = divmod(months, 12)
        if year < 1:
            return date.min
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


_DAYS = {"days": 1, "weeks": 7}
_PERIOD = re.compile(r"^([1-9]\d{0,4}) (day|week|month|year)s?$")


def period(value: object) -> Period:
    """A stretch of the calendar as people write it: `90 days`, `26 weeks`, `6 months`, `3 years`.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Period):
        return value
    if isinstance(value, str) and (match := _PERIOD.match(" ".join(value.split()))):
        return Period(int(match[1]), f"{match[2]}s")
    raise ValueError(
        f"{value!r} is no stretch of time; write a whole number and its unit: 90 days, 26 weeks, 6 months, 3 years"
    )


def _stretch(value: object) -> object:
    """Local seconds of the day of `09:00-12:30`; an end at or before the start lies on the next day."""
    match = re.match(r"^(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)$", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is no stretch of a day; write it like 09:00-12:30")
    hours = [int(part) for part in match.groups()]
    start, end = hours[0] * 3600 + hours[1] * 60, hours[2] * 3600 + hours[3] * 60
    if max(hours[1], hours[3]) > 59 or start >= 86400 or end > 86400:
        raise ValueError(f"{value!r} is no stretch of a day; hours go from 00:00 to 24:00")
    return (start, end if end > start else end + 86400)


def _rate(value: object) -> object:
    """A chance that is neither none nor certainty."""
    if isinstance(value, int | float) and 0 < value < 1:
        return value
    raise ValueError(f"{value!r} is no rate; write a number between 0 and 1, 0.20 for one week in five")


def _reason(value: object) -> object:
    """Words of one's own: a page offers the line of a decision with dots in their place."""
    if isinstance(value, str) and value.strip(" .…"):
        return value
    raise ValueError("say in a few words why this is its new normal")


_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_TICKET_ID = "{ticket_id}"
_ADDRESS = re.compile(r"https?://[^\s/?#@\\\"'<>]+[/?#][^\s\"'<>\\]*", re.IGNORECASE)


def _ticket_url(value: str) -> str:
    """The address of a ticket in the CRM, with a place for its id after the name of the host."""
    place = value.find(_TICKET_ID)
    if (
        not _ADDRESS.fullmatch(value)
        or value.count(_TICKET_ID) != 1
        or re.search(r"[{}]", value.replace(_TICKET_ID, ""))
    ):
        raise ValueError(
            f"{value!r} is no address of a ticket; write https:// or http://, the host and a path with {_TICKET_ID} "
            f"once in it: https://crm.example/tickets/{_TICKET_ID}"
        )
    if not re.search(r"[/?#]", value[value.index("//") + 2 : place]):
        raise ValueError(f"{value!r}: {_TICKET_ID} must stand after the name of the host, not in it")
    return value


def _share_or_number(value: object) -> object:
    """A number as it is, or of `10%` the share."""
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value.strip())):
        return float(match[1]) / 100
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is no number; write one like 0.5, or a share like 10%")


def _label(value: object) -> object:
    """A label is one short line, which stands where the identifier would."""
    if isinstance(value, str) and 0 < len(value.strip()) <= _LONGEST_LABEL and value.isprintable():
        return value.strip()
    raise ValueError(f"{value!r} is no label; write one line of at most {_LONGEST_LABEL} characters")


Zone = Annotated[str, AfterValidator(_zone)]
LocaleName = Annotated[str, AfterValidator(locales.locale_name)]
Label = Annotated[str, BeforeValidator(_label)]
Seconds = Annotated[int, BeforeValidator(_seconds), Field(gt=0)]
Kept = Annotated[Period | None, BeforeValidator(period)]
Stretch = Annotated[tuple[int, int], BeforeValidator(_stretch)]


class Settings(BaseModel):
    """Base of every object read from params/: unknown keys are errors, objects do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WeeklyHours(Settings):
    """Opening hours in force from a local date until the next entry's date."""

    start: date = Field(alias="from")
    always: bool = False
    days: dict[str, tuple[Stretch, ...]] = {}

    @model_validator(mode="after")
    def _days_are_days(self) -> WeeklyHours:
        if self.always == bool(self.days):
            raise ValueError("give either `always: true` (24/7) or `days`")
        stretches = self.by_weekday()
        for weekday in range(7):
            own = sorted(stretches[weekday])
            spilled = [(start - 86400, end - 86400) for start, end in stretches[weekday - 1] if end > 86400]
            both = sorted(spilled + own)
            for (_, end), (start, _) in itertools.pairwise(both):
                if start < end:
                    raise ValueError(f"stretches of {WEEKDAYS[weekday]} overlap; they would be counted twice")
        return self

    def by_weekday(self) -> list[list[tuple[int, int]]]:
        """For Monday to Sunday the open stretches in local seconds of that day (an end may pass 86,400)."""
        if self.always:
            return [[(0, 86400)] for _ in WEEKDAYS]
        week: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
        for key, stretches in self.days.items():
            for weekday in _weekdays(key):
                week[weekday].extend(stretches)
        return week


def _weekdays(key: str) -> Iterable[int]:
    """Numbers of the days of `mon`, `mon-fri` or `sat, sun`."""
    for part in key.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last and last not in WEEKDAYS):
            raise ValueError(f"{key!r} is no day of the week; write mon, mon-fri or sat,sun")
        start = WEEKDAYS.index(first)
        for offset in range((WEEKDAYS.index(last) - start) % 7 + 1 if last else 1):
            yield (start + offset) % 7


class OwnDay(Settings):
    """A day on which the team is closed beside the public holidays."""

    on: date
    name: str


class HolidayRule(Settings):
    """Closed days: a country's public holidays, less some, plus own ones."""

    country: str | None = None
    subdivision: str | None = None
    closed: tuple[OwnDay, ...] = ()
    open: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _country_is_known(self) -> HolidayRule:
        supported = public_holidays.list_supported_countries()
        if self.country is not None and self.country not in supported:
            raise ValueError(f"country {self.country!r} is not known; write a code like US or DE")
        if self.subdivision is not None and self.subdivision not in supported.get(self.country or "", []):
            raise ValueError(f"subdivision {self.subdivision!r} is not one of {self.country}")
        return self

    def dates(self, years: Iterable[int]) -> dict[date, str]:
        """Names of the closed days of the years."""
        closed: dict[date, str] = {}
        if self.country is not None:
            closed |= dict(public_holidays.country_holidays(self.country, subdiv=self.subdivision, years=years))
        closed |= {day.on: day.name for day in self.closed}
        return {day: name for day, name in sorted(closed.items()) if day not in self.open}


class Calendar(Settings):
    """Business hours: local stretches of the week that change on dates, less holidays."""

    name: Name
    time_zone: Zone
    hours: tuple[WeeklyHours, ...] = Field(min_length=1)
    holidays: HolidayRule = HolidayRule()

    @model_validator(mode="after")
    def _hours_follow_each_other(self) -> Calendar:
        starts = [entry.start for entry in self.hours]
        if starts != sorted(set(starts)):
            raise ValueError("the entries of `hours` must be in the order of their `from` dates, each date once")
        return self


class SlaTarget(Settings):
    """The target of one metric, per priority; a priority that is not named has no target."""

    metric: SlaMetric
    clock: Clock = "business"
    targets: dict[Priority, Seconds] = Field(min_length=1)


class SlaPolicy(Settings):
    """Targets that apply to a ticket together."""

    name: Name
    targets: tuple[SlaTarget, ...] = Field(min_length=1)


class Goal(Settings):
    """What a team has set itself for a metric, from a date on, and what a ticket short of it weighs beside others."""

    metric: Name
    start: date = Field(alias="from")
    target: float | Seconds
    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _target_has_a_unit(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and isinstance(values.get("target"), str):
            return {**values, "target": _share_or_seconds(values["target"])}
        return values


def _share_or_seconds(text: str) -> float:
    if text.strip().endswith("%"):
        return float(text.strip()[:-1]) / 100
    seconds = _seconds(text)
    assert isinstance(seconds, int)
    return float(seconds)


class Baseline(Settings):
    """A decision that what a metric has become is its new normal: from when on, and why."""

    metric: Name
    start: date = Field(alias="from")
    reason: Annotated[str, BeforeValidator(_reason)]


class Team(Settings):
    """A team: who it is, when it is open, what it has promised."""

    name: Name
    label: str
    region: str
    calendar: Name
    sla_policy: Name | None = None
    goals: tuple[Goal, ...] = ()
    baselines: tuple[Baseline, ...] = ()

    @field_validator("baselines")
    @classmethod
    def _each_begins_once(cls, baselines: tuple[Baseline, ...]) -> tuple[Baseline, ...]:
        begins = Counter(f"{each.metric} from {each.start}" for each in baselines)
        if twice := [name for name, count in begins.items() if count > 1]:
            raise ValueError("; ".join(f"the baseline of {name} is there twice" for name in twice))
        return baselines

    def goal(self, metric: str, on: date) -> float | None:
        """The target in force for a metric on a day, in the metric's unit; None where there is none."""
        goal = self._goal_in_force(metric, on)
        return None if goal is None else goal.target

    def goal_weight(self, metric: str, on: date) -> float:
        """What a ticket short of the goal in force weighs beside those of other goals; 1 where there is none."""
        goal = self._goal_in_force(metric, on)
        return 1.0 if goal is None else goal.weight

    def _goal_in_force(self, metric: str, on: date) -> Goal | None:
        in_force = [goal for goal in self.goals if goal.metric == metric and goal.start <= on]
        return max(in_force, key=lambda goal: goal.start, default=None)


class Keep(Settings):
    """How long personal data stays; what is not named is kept for as long as the exports and reports are there.

    `text` is what customers wrote, `tickets` are tickets by the day of their creation, with all that belongs to them,
    `quarantine` are rows that were set aside, by the time of their export file, `reports` are the folders of weeks.
    """

    text: Kept = None
    tickets: Kept = None
    quarantine: Kept = None
    reports: Kept = None


class Privacy(Settings):
    """Shields for small groups, for what customers write, and how long personal data is kept.

    `countries` are those whose national telephone numbers are taken out of texts, beside those of each ticket's
    language and region: ISO 3166 codes. Without them, those whose holidays the calendars keep.
    """

    minimum_group: int = Field(default=5, ge=2)
    countries: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] = ()
    keep: Keep = Keep()


class ReadingLimits(Settings):
    """How much one export file may ask for, so that no file takes the memory or the disk of the machine.

    `unpacked_megabytes` of a zip, a gzip file or a workbook, and `unpacked_ratio` times its own size (from 100 MB on);
    `columns` of a header; `cells` of a sheet, the empty ones among them; `value_megabytes` of one value, of one record
    of JSON, of one line of CSV; `blank_lines` of a text; `depth` of objects and arrays within each other.
    """

    unpacked_megabytes: int = Field(default=20_000, gt=0)
    unpacked_ratio: int = Field(default=500, gt=1)
    columns: int = Field(default=2_000, gt=0)
    cells: int = Field(default=50_000_000, gt=0)
    value_megabytes: int = Field(default=64, gt=0)
    blank_lines: int = Field(default=5_000_000, gt=0)
    depth: int = Field(default=100, gt=0)


class NotebookLimits(Settings):
    """How much one notebook may show and take, so that none takes the machine, and its page can be opened.

    `output_megabytes` of all that it prints and shows together; `outputs`: figures, tables and values; and
    `memory_megabytes`: private writable memory, of which the libraries take 300.
    """

    output_megabytes: int = Field(default=20, gt=0)
    outputs: int = Field(default=500, gt=0)
    memory_megabytes: int = Field(default=4_000, ge=256)


_EVERY_FIFTH = 0.2


class Limits(Settings):
    """From where on the gate worries. Each is a knob because organisations differ in size and rhythm."""

    week_ends_within_hours: float = Field(default=12, gt=0)
    unreadable_share: float = Field(default=0.02, gt=0, lt=1)
    without_team_share: float = Field(default=0.02, gt=0, lt=1)
    trailing_weeks: int = Field(default=8, ge=2)
    false_alarm_rate: float = Field(default=0.01, gt=0, lt=1)
    volume_ratio_low: float = Field(default=0.4, gt=0, lt=1)
    volume_ratio_high: float = Field(default=2.5, gt=1)
    reading: ReadingLimits = ReadingLimits()
    notebooks: NotebookLimits = NotebookLimits()

    @property
    def most_without_team_share(self) -> float:
        """The share of tickets without a team from which on no team's numbers are whole."""
        return max(_EVERY_FIFTH, self.without_team_share)


class Signals(Settings):
    """How often a quiet week may raise a false alarm: the chance of any on the page of a team."""

    rate: Annotated[float, BeforeValidator(_rate)] = 0.20


class Projects(Settings):
    """How plans of projects are read and judged.

    `calendar` has their working days (by default the first that is closed on some day of the week); `hours_a_week` is
    what an owner has for projects. A project is on track from `on_track_chance` of its promised date and `at_risk_cpi`
    on, and off track below `off_track_chance` or `off_track_cpi`.
    """

    calendar: Name | None = None
    hours_a_week: float = Field(default=40, gt=0)
    on_track_chance: float = Field(default=0.7, gt=0, le=1)
    off_track_chance: float = Field(default=0.3, ge=0, lt=1)
    at_risk_cpi: float = Field(default=0.9, gt=0)
    off_track_cpi: float = Field(default=0.6, ge=0)

    @model_validator(mode="after")
    def _thresholds_are_in_order(self) -> Projects:
        for low, high in (("off_track_chance", "on_track_chance"), ("off_track_cpi", "at_risk_cpi")):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} must not be above {high}")
        return self


class Incident(Settings):
    """A stretch of days on which something hit everybody, so that effects are not measured in its weeks."""

    start: date = Field(alias="from")
    until: date
    reason: Annotated[str, BeforeValidator(_reason)]

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Incident:
        if self.until < self.start:
            raise ValueError(f"it ends on {self.until}, before it begins on {self.start}")
        return self


class Impact(Settings):
    """How the effect of projects, changes of policy and actions is measured, and what it is worth.

    `weeks_before` a change are looked at, at most, and `ramp_weeks` after that of the change left out, where a project
    names no others; `worth` is by metric the improvement that matters (10% of a time or count, 3% for three points of a
    share, units of a score), where a project promises none; `minutes` by metric the work that one reply, contact or
    case takes, without which no hours are told, and `hourly_cost` with its `currency` what an hour costs.
    """

    weeks_before: int = Field(default=52, ge=10)
    ramp_weeks: int = Field(default=1, ge=0, le=12)
    worth: dict[Name, Annotated[float, BeforeValidator(_share_or_number), Field(gt=0)]] = {}
    minutes: dict[Name, Annotated[float, Field(gt=0)]] = {}
    hourly_cost: float | None = Field(default=None, gt=0)
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    incidents: tuple[Incident, ...] = ()


class Contact(Settings):
    """Who exports which standard tables; without `exports`, all that no other contact names."""

    who: Annotated[str, Field(pattern=r"\S")]
    exports: tuple[str, ...] = ()

    @field_validator("exports")
    @classmethod
    def _tables_are_known(cls, exports: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in exports if name not in TABLES]:
            raise ValueError(f"no standard table {_name_list(unknown)}; there are {_name_list(TABLES)}")
        return exports


class Organisation(Settings):
    """params/org.yml.

    `ticket_url` is the address of a ticket in the CRM with `{ticket_id}` in it; without it no id is a link.
    """

    organisation: str
    time_zone: Zone
    privacy: Privacy = Privacy()
    limits: Limits = Limits()
    signals: Signals = Signals()
    projects: Projects = Projects()
    impact: Impact = Impact()
    locale: LocaleName = locales.DEFAULT
    labels: dict[LabelField, dict[str, Label]] = {}
    live_channels: tuple[str, ...] = LIVE_CHANNELS
    ticket_url: Annotated[str, AfterValidator(_ticket_url)] | None = None
    calendars: tuple[Calendar, ...] = Field(min_length=1)
    sla_policies: tuple[SlaPolicy, ...] = ()
    teams: tuple[Team, ...] = Field(min_length=1)
    contacts: tuple[Contact, ...] = ()

    @field_validator("contacts")
    @classmethod
    def _each_table_has_one_contact(cls, contacts: tuple[Contact, ...]) -> tuple[Contact, ...]:
        tables = Counter(name for contact in contacts for name in contact.exports or ("all other tables",))
        if twice := [name for name, count in tables.items() if count > 1]:
            raise ValueError("; ".join(f"{name} has two contacts" for name in twice))
        return contacts

    @model_validator(mode="after")
    def _names_are_known(self) -> Organisation:
        problems = []
        for kind, items in (("calendar", self.calendars), ("SLA policy", self.sla_policies), ("team", self.teams)):
            names = [item.name for item in items]
            problems += [f"{kind} {name!r} is there twice" for name in sorted({n for n in names if names.count(n) > 1})]
        calendars = {calendar.name for calendar in self.calendars}
        policies = {policy.name for policy in self.sla_policies}
        for team in self.teams:
            if team.calendar not in calendars:
                problems.append(f"team {team.name!r}: no calendar {team.calendar!r}; there are {_name_list(calendars)}")
            if team.sla_policy is not None and team.sla_policy not in policies:
                problems.append(
                    f"team {team.name!r}: no SLA policy {team.sla_policy!r}; there are {_name_list(policies)}"
                )
        if self.projects.calendar is not None and self.projects.calendar not in calendars:
            problems.append(f"projects: no calendar {self.projects.calendar!r}; there are {_name_list(calendars)}")
        for field, own in self.labels.items():
            twice = sorted(label for label, count in Counter(own.values()).items() if count > 1)
            problems += [f"labels.{field}: two values are called {label!r}" for label in twice]
        own_teams = sorted({team.name for team in self.teams} & set(self.labels.get("team", {})))
        problems += [f"labels.team: the label of {name!r} stands under `teams`" for name in own_teams]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def working_calendar(self) -> Calendar:
        """The calendar whose working days the plans of projects are in."""
        if self.projects.calendar is not None:
            return self.calendar(self.projects.calendar)
        closes = (each for each in self.calendars if not all(map(bool, each.hours[-1].by_weekday())))
        return next(closes, self.calendars[0])

    def speak(self) -> None:
        """Have this process write numbers and dates in the organisation's locale, and values by its labels.

        Said once as a run or a week begins: what is written afterwards needs no argument for it.
        """
        locales.write_in(self.locale)
        own = {str(field): labels_of for field, labels_of in self.labels.items()}
        teams = {team.name: team.label for team in self.teams}
        labels.call({**own, "team": {**own.get("team", {}), **teams}})

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that dates the organisation's weeks."""
        return ZoneInfo(self.time_zone)

    @property
    def countries(self) -> tuple[str, ...]:
        """The countries whose national telephone numbers are taken out of texts, as ISO 3166 codes."""
        holidays = (calendar.holidays.country for calendar in self.calendars if calendar.holidays is not None)
        kept = (country for country in holidays if country is not None)
        return self.privacy.countries or tuple(dict.fromkeys(kept)) or ("US",)

    @property
    def team_names(self) -> tuple[str, ...]:
        """The names of the teams, in the order of the file."""
        return tuple(team.name for team in self.teams)

    def team(self, name: str) -> Team:
        """The team of that name.

        Raises:
            SettingsError: there is none.
        """
        for team in self.teams:
            if team.name == name:
                return team
        raise SettingsError(f"no team {name!r} in params/org.yml; there are {_name_list(self.team_names)}")

    def contact_for(self, table: str) -> str | None:
        """Who exports a standard table; None where nobody is named for it."""
        named = [contact.who for contact in self.contacts if table in contact.exports]
        return next(iter([*named, *(contact.who for contact in self.contacts if not contact.exports)]), None)

    def calendar(self, name: str) -> Calendar:
        """The calendar of that name, which a team of the organisation has."""
        return next(calendar for calendar in self.calendars if calendar.name == name)


RANGES: Mapping[str, tuple[str, ...]] = {"team": ("all",), "project": ("running", "all")}
"""By parameter the words that stand for values which the run knows; any other parameter lists its values."""

Over = Annotated[str, Field(pattern=r"^[a-z]\w*$")]
Value = Annotated[str, Field(min_length=1, max_length=200)]


class NotebookPlan(Settings):
    """A notebook and what it runs for: each value of one parameter, which its folder is named after, or once for all.

    `for: {team: all}` is every team, `for: {project: running}` every project that is not closed; a list names the
    values. `teams: …` is a short way to write `for: {team: …}`. A notebook of notebooks/org has none and runs once.
    """

    notebook: Annotated[str, Field(pattern=r"^[a-z]\w*/[a-z0-9_]+$")]
    over: Mapping[Over, Literal["all", "running"] | tuple[Value, ...]] = Field(default_factory=dict, alias="for")

    @model_validator(mode="before")
    @classmethod
    def _teams_alone(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        value = dict(value)
        if "teams" in value:
            if "for" in value:
                raise ValueError("`teams` and `for` say the same; write `for: {team: …}` alone")
            value["for"] = {"team": value.pop("teams")}
        elif "for" not in value and str(value.get("notebook", "")).startswith("team/"):
            value["for"] = {"team": "all"}
        return value

    @model_validator(mode="after")
    def _ranges_over_its_folder(self) -> Self:
        folder = self.notebook.partition("/")[0]
        if folder == _ONCE:
            if self.over:
                raise ValueError(f"{self.notebook} runs once for all; a notebook of another folder can have `for`")
            return self
        if list(self.over) != [folder]:
            raise ValueError(f"{self.notebook} runs for each {folder}: write `for: {{{folder}: …}}` and nothing else")
        values = self.over[folder]
        if isinstance(values, str) and values not in RANGES.get(folder, ()):
            known = " or ".join(RANGES.get(folder, ()))
            raise ValueError(f"`for: {{{folder}: {values}}}`: write {known + ' or ' if known else ''}a list of values")
        return self

    @property
    def parameter(self) -> str | None:
        """What it runs for each of; None where it runs once for all."""
        return next(iter(self.over), None)

    @property
    def values(self) -> str | tuple[str, ...]:
        """`all`, `running` or the values of its parameter; none where it runs once for all."""
        return next(iter(self.over.values()), ())


_ONCE = "org"


class WeeklyPlan(Settings):
    """params/weekly.yml."""

    notebooks: tuple[NotebookPlan, ...] = Field(min_length=1)


_MOST_NODES = 100_000
_DEEPEST = 50
_LONGEST_NUMBER = 100
_LARGEST_FILE = 10 << 20
"""Bounds of a file of parameters, far above what people write, so that none takes minutes or the memory."""

Model = TypeVar("Model", bound=BaseModel)
Problem = tuple[tuple[int | str, ...], str]


class _Constructor(RoundTripConstructor):
    """Leaves a date that does not exist as the text that it is, so that whoever asks for a date can name its line."""

    def construct_yaml_timestamp(self, node: Any, values: Any = None) -> Any:
        try:
            return super().construct_yaml_timestamp(node, values)
        except ValueError:
            return str(node.value)

    def construct_yaml_int(self, node: Any) -> Any:
        """Leaves a number of hundreds of digits as text too: nobody means it, and Python does not convert it."""
        return str(node.value) if len(node.value) > _LONGEST_NUMBER else super().construct_yaml_int(node)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_timestamp)
_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_yaml_int)


class _Composer(Composer):
    """Refuses a small text that stands for a great tree: aliases of aliases, and an alias within what it names."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self._sizes: dict[int, int] = {}
        self._size = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        mark = self.parser.peek_event().start_mark
        if self.depth >= _DEEPEST:
            raise ComposerError(None, None, f"its values stand more than {_DEEPEST} deep within each other", mark)
        is_alias = self.parser.check_event(AliasEvent)
        before = self._size
        node = super().compose_node(parent, index)
        if is_alias:
            if id(node) not in self._sizes:
                raise ComposerError(None, None, "an alias stands within what it is the name of", mark)
            self._size += self._sizes[id(node)]
        else:
            self._size += 1
            self._sizes[id(node)] = self._size - before
        if self._size > _MOST_NODES:
            raise ComposerError(
                None, None, f"it has more than {whole(_MOST_NODES)} values, all aliases written out", mark
            )
        return node


def load(path: Path, model: type[Model], *, also: Callable[[Any], Iterable[Problem]] = lambda tree: ()) -> Model:
    """Read one YAML file (1.2: `no` is a word, `12:30` is text) to a validated object.

    Args:
        path: the file.
        model: what it must hold.
        also: what is wrong beyond the model, by place; it is given the file as plain dicts, lists and scalars, which
            may have any shape.

    Raises:
        SettingsError: the file is missing, is no YAML, or has values that do not fit; all of them are listed, each as
            `file:line: key: what is wrong`.
    """
    return _settings_in(_text_of(path, model), path, model, also)


def _text_of(path: Path, model: type[Model]) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise SettingsError(f"{path}: the file has more than {_LARGEST_FILE >> 20} MB; is it a file of parameters?")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: there is no such file; it must hold the {model.__name__} settings") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: this is no file of UTF-8 text: {error}") from error
    except OSError as error:
        raise SettingsError(f"{path}: the file cannot be read: {(error.strerror or str(error)).lower()}") from error


def _settings_in(text: str, path: Path, model: type[Model], also: Callable[[Any], Iterable[Problem]]) -> Model:
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    yaml.Composer = _Composer
    # Those that gather no comments, which nobody reads here, in two thirds of the time.
    yaml.Parser, yaml.Scanner = Parser, Scanner
    try:
        tree = yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SettingsError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {error.problem}") from error
    except YAMLError as error:
        raise SettingsError(f"{path}: not YAML: {str(error).splitlines()[0]}") from error
    except (ValueError, OverflowError, RecursionError, AttributeError, TypeError) as error:
        # What the reader of YAML does not foresee: keys that are tables, numbers that are none.
        raise SettingsError(f"{path}: not YAML that can be read: {str(error).splitlines()[0][:200]}") from error
    plain = _plain_tree(tree)
    problems = list(also(plain))
    try:
        settings = model.model_validate(plain)
    except ValidationError as error:
        problems += [(problem["loc"], _message(problem)) for problem in error.errors()]
    else:
        if not problems:
            return settings
    lines = sorted(
        ((_line(tree, place), f"{_key(place)}{message}") for place, message in problems), key=lambda one: one[0]
    )
    raise SettingsError("\n".join(f"{path}:{line}: {message}" for line, message in lines))


def load_organisation(params: Path, name: str = "org") -> Organisation:
    """`params/org.yml`, or `params/NAME.yml` for a source that belongs to another organisation."""
    path = params / f"{name}.yml"
    return _organisation_in(_text_of(path, Organisation), path)


@lru_cache(maxsize=8)
def _organisation_in(text: str, path: Path) -> Organisation:
    """Each report of a run asks for the organisation, and to read it takes longer than to draw a chart."""
    return _settings_in(text, path, Organisation, lambda tree: ())


def load_weekly_plan(params: Path) -> WeeklyPlan:
    """`params/weekly.yml`."""
    return load(params / "weekly.yml", WeeklyPlan)


def _plain_tree(tree: Any) -> Any:
    """Plain dicts, lists and scalars; times of day and the like stay as they were written."""
    if isinstance(tree, Mapping):
        return {str(key): _plain_tree(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_plain_tree(value) for value in tree]
    if isinstance(tree, time):
        return tree.isoformat()
    return str(tree) if isinstance(tree, str) else tree


def _line(tree: Any, location: tuple[int | str, ...]) -> int:
    """The line of the deepest key of `location` that is in the file."""
    line, node = 1, tree
    for part in location:
        if isinstance(node, CommentedMap) and part in node:
            line = node.lc.key(part)[0] + 1
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1
        else:
            continue
        node = node[part]
    return line


def _key(location: tuple[int | str, ...]) -> str:
    path = ".".join(
        str(part) for part in location if not str(part).startswith(("function-", "literal[", "tuple[", "[key]"))
    )
    return f"{path}: " if path else ""


def _message(problem: Any) -> str:
    match problem["type"]:
        case "missing":
            return "this key is needed"
        case "extra_forbidden":
            return "there is no such key; is it misspelled?"
        case "model_type" | "model_attributes_type":
            return "here stand keys with their values, like `key: value`"
        case "too_short":
            return "give at least one"
        case "date_type" | "date_parsing" | "date_from_datetime_parsing" | "date_from_datetime_inexact":
            shown = repr(problem["input"]) if isinstance(problem["input"], str) else problem["input"]
            return f"{shown} is no date; write it like 2026-08-31"
        case "literal_error" if problem["loc"][-1] == "[key]":
            return f"there is no such field; the fields are {problem['ctx']['expected'].replace(chr(39), '')}"
        case _:
            return str(problem["msg"]).removeprefix("Value error, ")


def _name_list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
