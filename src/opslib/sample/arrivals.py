"""Who writes when, about what and through which channel: the tickets at the instant of their creation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from opslib.sample import centre, rules, truth

# Share of a weekday's tickets per local hour, and the weight of each weekday: evenings are busy, nights are not.
_HOURS = np.array(
    [10, 6, 4, 3, 3, 5, 11, 22, 38, 52, 60, 62, 58, 57, 58, 57, 54, 50, 45, 42, 40, 36, 27, 17], dtype=float
)
_WEEKDAYS = np.array([1.18, 1.10, 1.04, 1.02, 0.98, 0.72, 0.66])
_GROWTH = 0.12  # over the 26 weeks
_QUIET_DAY = 0.6


@dataclass
class Arrivals:
    """One row per ticket, sorted by creation; positions in the lists of `centre` except where said otherwise."""

    created: np.ndarray  # epoch seconds
    reason: np.ndarray  # why the customer really writes
    label: np.ndarray  # position in centre.LABELS
    channel: np.ndarray
    form: np.ndarray  # -1 where there is none
    language: np.ndarray
    region: np.ndarray
    priority: np.ndarray
    requester: np.ndarray  # running number of a person
    duplicate_of: np.ndarray  # row of the ticket that it repeats, -1
    queue: np.ndarray  # where the routing rules send it
    right_queue: np.ndarray
    emerging: np.ndarray  # bool

    def __len__(self) -> int:
        return len(self.created)

    @property
    def live(self) -> np.ndarray:
        return np.isin(self.channel, [centre.CHANNELS.index(name) for name in centre.LIVE])


def draw_arrivals(rng: np.random.Generator, tickets: int, planted: bool) -> Arrivals:
    """Draw exactly `tickets` tickets of the 26 weeks, and those of the warm-up before them."""
    hours = np.arange(centre.SIMULATION_START, centre.END, centre.HOUR)
    week = _iso_weeks(hours)
    rates = np.vstack([_hourly_rate(team, hours, week, rng, planted) for team in centre.TEAMS])
    cell = _draw_cells(rng, rates, hours >= centre.START, tickets)
    team, hour = np.divmod(cell, len(hours))
    length = np.minimum(centre.HOUR, centre.END - hours[hour])
    created = hours[hour] + (rng.random(len(cell)) * length).astype(np.int64)
    order = np.lexsort((team, created))
    team, hour, created = team[order], hour[order], created[order]
    reason, emerging = _reasons(rng, team, week[hour], planted)
    channel = _channels(rng, team, hour, week, hours, planted)
    arrivals = _fields(rng, created, team, reason, emerging, channel)
    _repeat_some(rng, arrivals, team)
    _send_to_queues(arrivals, planted)
    return arrivals


def _iso_weeks(instants: np.ndarray) -> np.ndarray:
    """ISO weeks of 2026 in the organisation's zone (week 20 is the warm-up)."""
    starts = np.array([centre.week_start(week) for week in range(20, 48)])
    weeks: np.ndarray = np.searchsorted(starts, instants, side="right") + 19
    return weeks


def _hourly_rate(
    team: centre.Team, hours: np.ndarray, week: np.ndarray, rng: np.random.Generator, planted: bool
) -> np.ndarray:
    moments = [datetime.fromtimestamp(int(hour), UTC).astimezone(team.zone) for hour in hours]
    weekday = np.array([moment.weekday() for moment in moments])
    day = np.array([moment.toordinal() for moment in moments])
    quiet = np.array([moment.date() in centre.QUIET_DAYS for moment in moments])
    shape = _HOURS[[moment.hour for moment in moments]] * _WEEKDAYS[weekday]
    if team.name == "us-safety":
        shape = shape + 0.35 * _HOURS.mean()
    growth = 1 + _GROWTH * ((hours - centre.START) / (26 * 7 * centre.DAY) - 0.5)
    moods = np.round(np.exp(rng.normal(0, 0.05, day.max() - day.min() + 1)), 4)
    rate: np.ndarray = shape * growth * np.where(quiet, _QUIET_DAY, 1.0) * moods[day - day.min()]
    rate = team.ticket_share * rate / rate.sum()
    if planted:
        rate = rate * _planted_volume(team, week)
    return rate


def _planted_volume(team: centre.Team, week: np.ndarray) -> np.ndarray:
    """Volume of a team relative to what it would be with nothing planted."""
    volume = np.ones(len(week))
    if team is centre.CREATORS:
        volume += np.array([truth.emerging_share(int(number)) for number in week])
    for reason in team.reasons:
        if reason.name == truth.POLICY_REASON:
            share = reason.weight / sum(other.weight for other in team.reasons)
            volume += np.where(week >= truth.POLICY_WEEK, share * (truth.POLICY_VOLUME - 1), 0.0)
    return volume


def _draw_cells(rng: np.random.Generator, rates: np.ndarray, inside: np.ndarray, tickets: int) -> np.ndarray:
    """Cells (team × hour) of a Poisson process, given that exactly `tickets` fall inside the 26 weeks."""
    flat = rates.ravel()
    within = np.tile(inside, len(rates))
    total = flat[within].sum()
    before = int(rng.poisson(tickets * flat[~within].sum() / total))
    cells = []
    for rows, count in ((np.flatnonzero(within), tickets), (np.flatnonzero(~within), before)):
        cumulative = np.cumsum(flat[rows])
        cells.append(rows[np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")])
    return np.concatenate(cells)


def _reasons(
    rng: np.random.Generator, team: np.ndarray, week: np.ndarray, planted: bool
) -> tuple[np.ndarray, np.ndarray]:
    reason = np.full(len(team), -1, dtype=np.int16)
    luck = rng.random(len(team))
    first_week = int(week.min())
    weeks = np.arange(first_week, 48)
    for number, of in enumerate(centre.TEAMS):
        mood = np.round(np.exp(rng.normal(0, 0.05, (len(weeks), len(of.reasons)))), 4)
        weights = np.array([one.weight for one in of.reasons]) * mood
        positions = [centre.REASON_NAMES.index(one.name) for one in of.reasons]
        extra = np.zeros((len(weeks), 1))
        if planted and of is centre.CREATORS:
            extra[:, 0] = weights.sum(axis=1) * [truth.emerging_share(int(one)) for one in weeks]
        if planted and truth.POLICY_REASON in centre.REASON_NAMES[positions[0] : positions[-1] + 1]:
            column = positions.index(centre.REASON_NAMES.index(truth.POLICY_REASON))
            weights[weeks >= truth.POLICY_WEEK, column] *= truth.POLICY_VOLUME
        weights = np.hstack([weights, extra])
        cumulative = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
        mine = np.flatnonzero(team == number)
        place = (luck[mine, None] > cumulative[week[mine] - first_week]).sum(axis=1)
        reason[mine] = np.array([*positions, len(centre.REASONS) - 1])[np.minimum(place, len(positions))]
    return reason, reason == len(centre.REASONS) - 1


def _channels(
    rng: np.random.Generator,
    team: np.ndarray,
    hour: np.ndarray,
    week: np.ndarray,
    hours: np.ndarray,
    planted: bool,
) -> np.ndarray:
    channel = np.zeros(len(team), dtype=np.int8)
    luck = rng.random(len(team))
    live = np.isin(centre.CHANNELS, centre.LIVE)
    for number, of in enumerate(centre.TEAMS):
        shares = np.tile(np.array(of.channels), (len(hours), 1))
        if planted and of.name == truth.MIX_TEAM:
            shares[week >= truth.MIX_WEEK] = truth.MIX_AFTER
        shares[np.ix_(~_open(of, hours), live)] = 0.0
        cumulative = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)
        mine = np.flatnonzero(team == number)
        place = (luck[mine, None] > cumulative[hour[mine]]).sum(axis=1)
        channel[mine] = np.minimum(place, len(centre.CHANNELS) - 1)
    return channel


def _open(team: centre.Team, hours: np.ndarray) -> np.ndarray:
    """Whether chat and phone are open during the hour that starts then, but for the last half hour of the day."""
    flags = np.zeros(len(hours), dtype=bool)
    for position, start in enumerate(hours):
        moment = datetime.fromtimestamp(int(start), UTC).astimezone(team.zone)
        first, last = team.open_hours.get(moment.weekday(), (0, 0))
        minute = moment.hour * 60 + moment.minute
        flags[position] = first <= minute < last - (0 if last == 1440 else 59) and moment.date() not in team.closed
    return flags


def _fields(
    rng: np.random.Generator,
    created: np.ndarray,
    team: np.ndarray,
    reason: np.ndarray,
    emerging: np.ndarray,
    channel: np.ndarray,
) -> Arrivals:
    count = len(created)
    luck = rng.random((count, 6))
    label = reason.copy()
    neighbour = np.zeros(count, dtype=np.int16)
    for number, of in enumerate(centre.TEAMS):
        first = centre.REASON_NAMES.index(of.reasons[0].name)
        mine = team == number
        neighbour[mine] = first + rng.integers(0, len(of.reasons), int(mine.sum()))
    anything = rng.integers(0, len(centre.REASONS) - 1, count).astype(np.int16)
    other = len(centre.LABELS) - 1
    label = np.where(luck[:, 0] < 0.030, neighbour, label)
    label = np.where((luck[:, 0] >= 0.030) & (luck[:, 0] < 0.040), anything, label)
    label = np.where((luck[:, 0] >= 0.040) & (luck[:, 0] < 0.060), other, label)
    label = np.where(emerging, np.where(luck[:, 0] < truth.EMERGING_LABELLED, reason, other), label).astype(np.int16)

    own_form = np.array([centre.FORMS.index(one.form) for one in centre.REASONS], dtype=np.int8)
    last_form = len(centre.FORMS) - 1
    by_writing = np.isin(channel, [centre.CHANNELS.index(name) for name in ("email", "web")])
    form = np.where(by_writing & (luck[:, 1] < 0.06), last_form, own_form[reason])
    form = np.where(np.isin(channel, [centre.CHANNELS.index(name) for name in ("phone", "social")]), -1, form)

    languages = np.cumsum([of.languages for of in centre.TEAMS], axis=1)
    language = np.minimum((luck[:, 2, None] > languages[team]).sum(axis=1), 2).astype(np.int8)
    region = np.searchsorted(np.cumsum(centre.REGION_SHARES)[:-1], luck[:, 3], side="right").astype(np.int8)
    urgent = np.array([one.urgent for one in centre.REASONS])[reason]
    high = urgent + np.array([one.high for one in centre.REASONS])[reason]
    priority = np.where(luck[:, 4] < urgent, 3, np.where(luck[:, 4] < high, 2, np.where(luck[:, 4] > 0.88, 0, 1)))

    people = max(1, round(count * 0.62))
    regulars = max(1, people // 12)
    requester = np.where(luck[:, 5] < 0.22, rng.integers(0, regulars, count), rng.integers(0, people, count))
    right = np.array([centre.QUEUES.index(one.queue) for one in centre.REASONS], dtype=np.int16)[reason]
    spanish = (team == 0) & (language == centre.LANGUAGES.index("es"))
    right[spanish] = centre.QUEUES.index(centre.SPANISH_QUEUE)
    return Arrivals(
        created=created,
        reason=reason,
        label=label,
        channel=channel,
        form=form.astype(np.int8),
        language=language,
        region=region,
        priority=priority.astype(np.int8),
        requester=requester.astype(np.int64),
        duplicate_of=np.full(count, -1, dtype=np.int64),
        queue=np.full(count, -1, dtype=np.int16),
        right_queue=right,
        emerging=emerging,
    )


def _repeat_some(rng: np.random.Generator, tickets: Arrivals, team: np.ndarray) -> None:
    """Let some tickets repeat the one that the team got just before: same person, same matter."""
    order = np.argsort(team, kind="stable")
    before = np.full(len(tickets), -1, dtype=np.int64)
    same_team = team[order][1:] == team[order][:-1]
    before[order[1:][same_team]] = order[:-1][same_team]
    within = (before >= 0) & (tickets.created >= centre.START) & (tickets.created[before] >= centre.START)
    repeats = np.flatnonzero(within & (rng.random(len(tickets)) < 0.006))
    repeats = repeats[~np.isin(before[repeats], repeats)]
    tickets.duplicate_of[repeats] = before[repeats]
    for field in ("reason", "label", "form", "language", "region", "requester", "right_queue", "emerging"):
        values = getattr(tickets, field)
        values[repeats] = values[before[repeats]]


def _send_to_queues(tickets: Arrivals, planted: bool) -> None:
    fields = {
        "contact_reason": (tickets.label, centre.LABELS),
        "form": (tickets.form, centre.FORMS),
        "channel": (tickets.channel, centre.CHANNELS),
        "language": (tickets.language, centre.LANGUAGES),
        "priority": (tickets.priority, centre.PRIORITIES),
    }
    tickets.queue = rules.route(rules.routing_rules(planted), fields, tickets.created)
