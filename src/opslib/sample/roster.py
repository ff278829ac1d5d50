"""Agents and their shifts: who is planned when, who really worked, and the stretches in which tickets are picked up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from opslib.sample import centre
from opslib.sample.words import FIRST_NAMES, LAST_NAMES

FLOOR = 8  # no team is smaller, so that groups are large enough to be shown


@dataclass
class Roster:
    """Who works when.

    Attributes:
        agents: rows of the agents table.
        shifts: agent (position), start, end (epoch seconds), activity, planned.
        stretches: agent, team, start, end of the stretches in which tickets are worked, sorted by start.
        speed: per agent, handling time relative to the mean.
        skill: per agent, quality of the work on a standard normal scale.
    """

    agents: pd.DataFrame
    shifts: pd.DataFrame
    stretches: pd.DataFrame
    speed: np.ndarray
    skill: np.ndarray


def draw_roster(rng: np.random.Generator, tickets: int, first_number: int) -> Roster:
    """Draw the agents of one site and their days.

    Args:
        rng: random numbers of this site's roster.
        tickets: how many tickets the site gets in 26 weeks; the staff follows from it.
        first_number: agents made before, for names that differ between sites.
    """
    people: list[dict[str, object]] = []
    days: list[tuple[int, int, int, int, int, str]] = []  # agent, team, planned start and end, kind of day, activity
    first_day = centre.FIRST_DAY - timedelta(days=centre.WARM_UP_DAYS)
    calendar = [first_day + timedelta(days=number) for number in range((centre.ROSTER_END - first_day).days)]
    for team_number, team in enumerate(centre.TEAMS):
        staff = max(FLOOR, round(team.agents * tickets / centre.STANDARD_TICKETS))
        day_share = min(1.0, max(0.5, team.agents * tickets / centre.STANDARD_TICKETS / staff))
        for place in range(staff):
            number = len(people)
            person = _person(rng, first_number + number, team, place, staff)
            moves_on = None
            if team.name == "us-general" and place == 2:
                moves_on = centre.monday(33)
                person["team"] = "us-commerce"
            people.append(person)
            days += _days(rng, number, team_number, place, staff, person, calendar, day_share, moves_on)
    shifts, stretches = _shifts(rng, days)
    return Roster(
        pd.DataFrame(people),
        shifts,
        stretches,
        np.round(np.exp(rng.normal(0, 0.12, len(people))), 3),
        np.round(rng.normal(0, 1, len(people)), 3),
    )


def agent_id(number: int) -> str:
    """The id of the agent of that running number: readable, unique, recognisable."""
    names = len(FIRST_NAMES) * len(LAST_NAMES)
    again, within = divmod(number, names)
    first = FIRST_NAMES[within % len(FIRST_NAMES)]
    last = LAST_NAMES[(within * 7 + within // len(FIRST_NAMES)) % len(LAST_NAMES)]
    return f"agent-{first}-{last}" + (f"-{again + 1}" if again else "")


def _person(rng: np.random.Generator, number: int, team: centre.Team, place: int, staff: int) -> dict[str, object]:
    hired_on: date = date(2019, 1, 7) + timedelta(days=int(rng.integers(0, 2500)))
    left_on = None
    if place % 7 in (4, 5):  # hired while the centre grows
        hired_on = centre.monday(22 + int(rng.integers(0, 14)))
    elif place % 10 == 7:
        left_on = centre.monday(28 + int(rng.integers(0, 14))) + timedelta(days=4)
    return {
        "agent_id": agent_id(number),
        "team": team.name,
        "site": team.site,
        "time_zone": team.zone.key,
        "hired_on": hired_on,
        "left_on": left_on,
    }


def _days(
    rng: np.random.Generator,
    number: int,
    team_number: int,
    place: int,
    staff: int,
    person: dict[str, object],
    calendar: list[date],
    day_share: float,
    moves_on: date | None,
) -> list[tuple[int, int, int, int, int, str]]:
    """The planned days of one agent; kind of day: 0 worked, 1 planned absence, 2 ill."""
    hired_on, left_on = person["hired_on"], person["left_on"]
    assert isinstance(hired_on, date)
    luck = rng.random((len(calendar), 2))
    away_from = rng.integers(0, len(calendar) - 5, 2)
    activity = ("tickets", "chat", "tickets", "phone")[place % 4]
    rows = []
    for index, day in enumerate(calendar):
        if day < hired_on or (isinstance(left_on, date) and day > left_on) or luck[index, 0] >= day_share:
            continue
        has_moved = moves_on is not None and day >= moves_on
        now = centre.TEAMS.index(centre.COMMERCE) if has_moved else team_number
        team = centre.TEAMS[now]
        pattern, turn = _pattern(team, place, staff)
        if day in team.closed or day.weekday() not in pattern.weekdays[turn]:
            continue
        kind = 1 if any(start <= index < start + 5 for start in away_from) else 2 if luck[index, 1] < 0.025 else 0
        start = centre.local(day, pattern.start, team.zone)
        end = centre.local(day, pattern.end, team.zone)
        rows.append((number, now, start, end, kind, activity if team.channels[3] or activity != "phone" else "chat"))
    return rows


def _pattern(team: centre.Team, place: int, staff: int) -> tuple[centre.ShiftPattern, int]:
    """The shift pattern of an agent and its turn in it: patterns are spread over the team by their shares."""
    position = (place * 0.6180339887498949 + 0.5 / staff) % 1.0
    cumulative_share = 0.0
    for pattern in team.patterns:
        cumulative_share += pattern.share
        if position < cumulative_share:
            break
    return pattern, place % len(pattern.weekdays)


def _shifts(
    rng: np.random.Generator, days: list[tuple[int, int, int, int, int, str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    agent, team, start, end, kind, activity = (np.array(column) for column in zip(*days, strict=True))
    count = len(agent)
    long_day = (end - start) > 8.75 * centre.HOUR
    lunch = start + (end - start) // 2 - 1800 + rng.integers(-2, 3, count) * 900
    lunch_ends = lunch + np.where(long_day, 3600, 1800)
    weekday = (start // centre.DAY + 3) % 7  # 1970-01-01 was a Thursday
    meets = (weekday == 2) & (agent % 3 > 0)
    trains = (weekday == 3) & (agent % 5 == 0)
    talk_starts = end - np.where(meets | trains, 2, 0) * centre.HOUR
    talk_ends = talk_starts + centre.HOUR
    talks = meets | trains
    talk = np.where(meets, "meeting", "training")

    late = np.maximum(0, np.round(rng.normal(2, 4, count)).astype(np.int64)) * 60
    early = np.maximum(0, np.round(rng.normal(0, 5, count)).astype(np.int64)) * 60
    lunch_late = np.round(rng.normal(0, 3, count)).astype(np.int64) * 60
    lunch_over = np.maximum(0, np.round(rng.normal(1, 4, count)).astype(np.int64)) * 60

    pieces = []

    def piece(rows: np.ndarray, begins: np.ndarray, ends: np.ndarray, what: np.ndarray | str, planned: bool) -> None:
        rows = rows & (ends > begins)
        names = np.broadcast_to(np.asarray(what, dtype=object), begins.shape)[rows]
        pieces.append(
            pd.DataFrame(
                {
                    "agent": agent[rows],
                    "team": team[rows],
                    "start": begins[rows],
                    "end": ends[rows],
                    "activity": names,
                    "planned": planned,
                }
            )
        )

    here = kind != 1
    for planned, rows, shift in ((True, here, 0), (False, kind == 0, 1)):
        begin, finish = start + late * shift, end - early * shift
        break_starts, break_ends = lunch + lunch_late * shift, lunch_ends + (lunch_late + lunch_over) * shift
        piece(rows, begin, break_starts, "tickets", planned)
        piece(rows, break_starts, break_ends, "break", planned)
        piece(rows & talks, break_ends, talk_starts, activity.astype(object), planned)
        piece(rows & talks, talk_starts, talk_ends, talk.astype(object), planned)
        piece(rows & talks, talk_ends, finish, activity.astype(object), planned)
        piece(rows & ~talks, break_ends, finish, activity.astype(object), planned)
    piece(kind == 1, start, end, "absence", True)
    piece(kind != 0, start, end, "absence", False)

    shifts = pd.concat(pieces, ignore_index=True)
    past = ~shifts["planned"] & (shifts["start"] < centre.END)
    shifts = shifts[shifts["planned"] | past].copy()
    works = ~shifts["planned"] & shifts["activity"].isin(["tickets", "chat", "phone"])
    stretches = shifts.loc[works, ["agent", "team", "start", "end"]].sort_values(["start", "agent"], ignore_index=True)
    shifts["end"] = np.where(shifts["planned"], shifts["end"], np.minimum(shifts["end"], centre.END))
    inside = shifts["start"] >= centre.START
    shifts = shifts[inside].sort_values(["start", "agent", "planned", "activity"], ignore_index=True)
    return shifts, stretches
