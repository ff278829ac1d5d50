"""The slow and obvious twin of the facts: one ticket at a time, second by second in spirit, without Ibis or DuckDB.

Nothing here is shared with the product but the settings. Open time is a flag for every minute of the clock; a breach
is the first second at which a ticket, looked at as of that second, has used up its target; the backlog asks every
ticket at every midnight.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from opslib.settings import Calendar, Organisation

ACTIVE = {"new", "open", "pending", "on_hold"}
FINISHED = {"solved", "closed"}
REMOVED = {"merged", "deleted", "spam"}
WAITS = {
    "requester_wait": {"new", "open", "on_hold"},
    "agent_work": {"new", "open"},
    "agent_wait": {"pending"},
    "on_hold": {"on_hold"},
}
Row = Mapping[str, Any]
_STATUS_OF = {"deleted": "deleted", "merged_into": "merged", "untimed": "closed"}


class Minutes:
    """Whether a calendar is open, for each minute from `first` on; hours and clock changes fall on whole minutes."""

    def __init__(self, calendar: Calendar, first: datetime, last: datetime) -> None:
        self._zero = int(first.timestamp()) // 60
        zone = ZoneInfo(calendar.time_zone)
        closed = calendar.holidays.dates(range(first.year - 1, last.year + 2))
        self._before = [0]
        for minute in range(self._zero, int(last.timestamp()) // 60):
            wall = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone)
            self._before.append(self._before[-1] + 60 * self._open(calendar, closed, wall))

    @staticmethod
    def _open(calendar: Calendar, closed: dict[date, str], wall: datetime) -> bool:
        second = wall.hour * 3600 + wall.minute * 60
        for day, shown in ((wall.date(), second), (wall.date() - timedelta(days=1), second + 86400)):
            entries = [entry for entry in calendar.hours if entry.start <= day]
            if day in closed or not entries:
                continue
            if any(start <= shown < end for start, end in entries[-1].by_weekday()[day.weekday()]):
                return True
        return False

    def until(self, second: int) -> int:
        """Open seconds before an instant."""
        minute, rest = second // 60 - self._zero, second % 60
        is_open = self._before[minute + 1] > self._before[minute]
        return self._before[minute] + (rest if is_open else 0)


class Centre:
    """The organisation, and the open minutes of its calendars."""

    def __init__(self, organisation: Organisation, first: datetime, as_of: datetime) -> None:
        self.organisation, self.now = organisation, int(as_of.timestamp())
        self.zone = ZoneInfo(organisation.time_zone)
        minutes = {each.name: Minutes(each, first, as_of + timedelta(days=2)) for each in organisation.calendars}
        self.minutes = {team.name: minutes[team.calendar] for team in organisation.teams}
        self.policy_of = {team.name: team.sla_policy for team in organisation.teams}
        self.policies = {policy.name: policy for policy in organisation.sla_policies}

    @cache  # noqa: B019 - one centre lives as long as the test
    def day(self, second: int) -> date:
        return datetime.fromtimestamp(second, UTC).astimezone(self.zone).date()


class Life:
    """A ticket's moments: what it was from each of them on."""

    def __init__(self, own: Row, events: list[Row], centre: Centre) -> None:
        self.own, self.centre, self.created = own, centre, int(own["created_at"].timestamp())
        events = [dict(event, at=int(event["occurred_at"].timestamp())) for event in events]
        events = sorted((event for event in events if event["at"] <= centre.now), key=lambda event: event["sequence"])
        self.has_events = bool(events)
        events += [event for event in self._from_columns(events) if event["at"] <= centre.now]
        first = {
            kind: next((event["value"] for event in events if event["event"] == kind and event["value"]), None)
            for kind in ("team", "priority")
        }
        has_assignee = any(event["event"] == "assignee" for event in events)
        queues = [event["value"] for event in events if event["event"] == "queue"]
        state = {
            "status": "new",
            "team": first["team"] or own["team"],
            "queue": queues[0] if queues else own.get("queue"),
            "priority": first["priority"] or own.get("priority"),
            "assignee": None if has_assignee else own.get("assignee_id"),
        }
        moment = {"at": self.created, "event": "opening", "actor_role": None, "actor_id": None, "value": None}
        self.moments: list[dict[str, Any]] = [moment | {"state": state, "before": None}]
        for event in events:
            before, state = state, dict(state)
            kind, value = event["event"], event["value"]
            if kind in _STATUS_OF:
                state["status"] = _STATUS_OF[kind]
            elif kind == "status" and value in FINISHED and state["status"] in REMOVED:
                pass  # what was merged, deleted or spam stays so when it is closed
            elif (kind in ("status", "team", "priority") and value) or kind in ("queue", "assignee"):
                state[kind] = value
            when = max(event["at"], self.moments[-1]["at"])
            self.moments.append({**event, "at": when, "state": state, "before": before})
        self.untimed = any(moment["event"] == "untimed" for moment in self.moments)

    def _from_columns(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        own = self.own

        def column_event(
            when: datetime, event: str, value: str | None = None, role: str | None = None
        ) -> dict[str, Any]:
            return {"at": int(when.timestamp()), "event": event, "value": value, "actor_role": role, "actor_id": None}

        statuses = [event for event in events if event["event"] in ("status", "deleted", "merged_into")]
        steps = [(event["at"], _STATUS_OF.get(event["event"], event["value"])) for event in statuses]
        steps = [(when, status) for when, status in steps if status]
        last = None
        for _, status in steps:
            if not (last in REMOVED and status in FINISHED):
                last = status
        ends = any(status in FINISHED | REMOVED for _, status in steps)
        since = max((when for when, _ in steps), default=0)
        replied_at = None if events else own.get("first_reply_at")
        reply = [column_event(replied_at, "public_comment", role="agent")] if replied_at else []
        end: list[dict[str, Any]] = []
        solved, closed, updated, status = (
            own.get("solved_at"),
            own.get("closed_at"),
            own.get("updated_at"),
            own["status"],
        )
        told = [int(when.timestamp()) for when in (solved, closed, updated) if when]
        is_newer = not told or max(told) >= since
        if ends and is_newer and status not in ACTIVE and (last in ACTIVE or (status in REMOVED and last in FINISHED)):
            # An event is missing: the columns tell of an end after the last event, at the instants that fit.
            solved = solved if solved and solved.timestamp() >= since else None
            closed = closed if closed and closed.timestamp() >= since else None
            ends = False
        if status in ACTIVE and last in FINISHED and updated and updated.timestamp() >= since:
            end = [column_event(updated, "status", status)]
        elif not ends and status in REMOVED:
            end = [column_event(closed or updated or own["created_at"], "status", status)]
        elif not ends and status in FINISHED:
            if solved:
                end.append(column_event(solved, "status", "solved"))
            if closed and (status == "closed" or not solved):
                end.append(column_event(closed, "status", "closed"))
            if not solved and not closed:
                end.append(column_event(updated or own["created_at"], "untimed"))
        if reply and solved and not ends and status in FINISHED and solved < own["first_reply_at"]:
            return end[:1] + reply + end[1:]
        return reply + end

    # --- clocks ---

    def seconds(self, start: int, end: int, clock: str, statuses: set[str] | None = None) -> int:
        """Seconds of a clock from start to end, in all statuses or in some."""
        total = 0
        for number, moment in enumerate(self.moments):
            until = self.moments[number + 1]["at"] if number + 1 < len(self.moments) else max(end, moment["at"])
            low, high = max(start, moment["at"]), min(end, until)
            if low >= high or (statuses is not None and moment["state"]["status"] not in statuses):
                continue
            if clock == "calendar":
                total += high - low
            else:
                minutes = self.centre.minutes[moment["state"]["team"]]
                total += minutes.until(high) - minutes.until(low)
        return total

    # --- what happened ---

    @property
    def final(self) -> str:
        return str(self.moments[-1]["state"]["status"])

    def numbers(self, condition: Any) -> list[int]:
        return [number for number, moment in enumerate(self.moments) if condition(moment)]

    def agent_comments(self) -> list[int]:
        return self.numbers(lambda moment: moment["event"] == "public_comment" and moment["actor_role"] == "agent")

    def requester_comments(self) -> list[int]:
        return self.numbers(lambda moment: moment["event"] == "public_comment" and moment["actor_role"] == "requester")

    def solves(self) -> list[int]:
        return self.numbers(
            lambda moment: (
                moment["before"] is not None
                and moment["before"]["status"] not in FINISHED
                and moment["state"]["status"] in FINISHED
            )
        )

    def timed_solves(self) -> list[int]:
        return [number for number in self.solves() if self.moments[number]["event"] != "untimed"]

    def by_agent(self) -> bool:
        created = [moment["actor_role"] for moment in self.moments if moment["event"] == "created"]
        agents, requesters = self.agent_comments(), self.requester_comments()
        alone = bool(agents) and (not requesters or agents[0] < requesters[0])
        return self.has_events and (
            bool({"agent", "automation"} & set(created)) or (alone and self.moments[agents[0]]["at"] == self.created)
        )

    def opening(self) -> int | None:
        """The number of the moment from which a first reply is awaited, None where the requester has not spoken."""
        if not self.by_agent():
            return -1
        requesters = self.requester_comments()
        return requesters[0] if requesters else None

    def first_reply(self) -> int | None:
        opening = self.opening()
        if opening is None:
            return None
        return next((number for number in self.agent_comments() if number > opening), None)

    def reply_start(self) -> int:
        """The second from which a first reply is awaited: creation, or where the requester came back unanswered."""
        number = self.comeback()
        return self.created if number is None else int(self.moments[number]["at"])

    def comeback(self) -> int | None:
        """The number of the moment at which the requester came back to a ticket finished without a first reply."""
        reply, solves = self.first_reply(), self.solves()
        if not self.has_events or self.opening() is None:
            return None
        last = len(self.moments)
        if reply is not None:
            last = reply
        elif self.final in FINISHED:
            last = solves[-1]
        start, stands_solved_unasked = None, False
        for number, moment in enumerate(self.moments[:last]):
            if number in solves:
                stands_solved_unasked = True
            before = moment["before"] or {"status": "new"}
            reopens = before["status"] in FINISHED and moment["state"]["status"] in ACTIVE
            speaks = moment["event"] == "public_comment"
            if stands_solved_unasked and moment["actor_role"] == "requester" and (speaks or reopens):
                start, stands_solved_unasked = number, False
        return start

    def team_at(self, number: int) -> str:
        return str(self.moments[number]["state"]["team"])

    def team_before(self, second: int) -> str:
        """The team that held the ticket in the second before an instant."""
        held = [moment for moment in self.moments if moment["at"] < second]
        return str((held or self.moments)[-1 if held else 0]["state"]["team"])

    def counts_in_speed(self) -> bool:
        return self.final not in REMOVED and self.own["status"] not in REMOVED

    def stretches(self) -> list[tuple[int, int | None]]:
        """Numbers of the comments that begin and end each wait for a next reply."""
        first = self.first_reply()
        if first is None or not self.has_events or not self.counts_in_speed():
            return []
        stretches: list[tuple[int, int | None]] = []
        waiting: int | None = None
        comments = sorted(self.agent_comments() + self.requester_comments())
        for number in comments:
            if number <= first:
                continue
            if self.moments[number]["actor_role"] == "requester":
                waiting = number if waiting is None else waiting
            elif waiting is not None:
                stretches.append((waiting, number))
                waiting = None
        if waiting is not None:
            solves = self.timed_solves()
            begin = self.moments[waiting]["at"]
            later = bool(solves) and self.moments[solves[-1]]["at"] > begin
            if self.final in ACTIVE or (later and not self.untimed):
                stretches.append((waiting, None))
        return stretches


def ticket_facts(life: Life, has_reply_column: bool = True) -> dict[str, Any]:
    """facts/tickets of one ticket, without the columns that are only handed on."""
    own, now, moments = life.own, life.centre.now, life.moments
    speed, running, finished = life.counts_in_speed(), life.final in ACTIVE, life.final in FINISHED
    timed = speed and not life.untimed
    solves, all_solves = life.timed_solves(), life.solves()
    reply, opening = life.first_reply(), life.opening()
    reopened_column = not life.has_events and (own.get("reopen_count") or 0) > 0
    row: dict[str, Any] = {"counts_in_speed": speed}

    def at(number: int | None) -> int | None:
        return None if number is None else moments[number]["at"]

    def measure(name: str, applies: bool, end: int | None, stop: int, start: int = life.created) -> None:
        for clock in ("calendar", "business"):
            value = censored = None
            if applies and end is not None:
                value = life.seconds(start, end, clock)
            elif applies:
                censored = life.seconds(start, stop, clock)
            row[f"{name}_{clock}_seconds"], row[f"{name}_{clock}_censored_seconds"] = value, censored

    last_solve = at(solves[-1]) if solves else None
    knows_reply = life.has_events or has_reply_column
    awaited = opening is not None and (running or opening == -1 or any(number > opening for number in solves))
    waits = reply is not None or (awaited and not life.untimed)
    stop = last_solve if finished and last_solve is not None else now
    measure("first_reply", speed and knows_reply and waits, at(reply), stop, life.reply_start())
    measure("first_resolution", timed and not reopened_column, at(solves[0]) if solves else None, now)
    measure("full_resolution", timed, last_solve if finished else None, now)
    for wait, statuses in WAITS.items():
        for clock in ("calendar", "business"):
            tells = timed and life.has_events
            row[f"{wait}_{clock}_seconds"] = life.seconds(life.created, now, clock, statuses) if tells else None

    row["first_reply_start_at"] = life.reply_start() if speed and knows_reply and waits else None
    row["first_reply_at"] = at(reply) if knows_reply else None
    row["first_solved_at"] = at(solves[0]) if solves and not reopened_column else None
    row["last_solved_at"] = last_solve
    steps = list(pairwise(moments))
    until = last_solve if finished and last_solve is not None and not life.untimed else now
    routes = [(one, two) for one, two in steps if two["at"] <= until]
    reopens = sum(one["state"]["status"] in FINISHED and two["state"]["status"] in ACTIVE for one, two in steps)
    moves = {
        two["at"]
        for one, two in routes
        if one["state"]["team"] != two["state"]["team"]
        or (one["state"]["queue"] is not None and one["state"]["queue"] != two["state"]["queue"])
    }
    been, pongs = {moments[0]["state"]["queue"]} - {None}, 0
    for one, two in routes:
        queue = two["state"]["queue"]
        if queue != one["state"]["queue"] and queue is not None:
            pongs += queue in been
            been.add(queue)
    touches = len(life.agent_comments())
    row["reopens"] = reopens if life.has_events else own.get("reopen_count")
    row["transfers"] = len(moves) if life.has_events else own.get("transfer_count")
    row["ping_pongs"] = pongs if life.has_events else None
    row["touches"] = touches if life.has_events else None
    row["one_touch"] = finished and touches == 1 and reopens == 0 if life.has_events else None
    back_soon = any(
        solve["reopened_at"] is not None and solve["reopened_at"] - solve["solved_at"] <= 7 * 86400
        for solve in solve_facts(life)
    )
    known_reopens = row["reopens"] is not None
    failed = back_soon if life.has_events else (own.get("reopen_count") or 0) > 0
    row["one_contact"] = finished and not failed if known_reopens else None
    moved = [number for number, (one, two) in enumerate(routes, 1) if one["state"]["team"] != two["state"]["team"]]
    acts = life.numbers(
        lambda moment: moment["event"] in ("public_comment", "internal_note") and moment["actor_role"] == "agent"
    )
    row["escalated"] = bool(moved and acts and acts[0] < moved[0]) if life.has_events else None
    row["first_team"], row["first_queue"] = moments[0]["state"]["team"], moments[0]["state"]["queue"]
    row["first_reply_team"] = life.team_at(reply) if reply is not None and knows_reply else None
    row["first_solved_team"] = life.team_at(solves[0]) if solves and not reopened_column else None
    solve = moments[all_solves[-1]] if all_solves else None
    row["solved_team"] = solve["state"]["team"] if solve else None
    row["solved_queue"] = solve["state"]["queue"] if solve else None
    actor = solve["actor_id"] if solve and solve["actor_role"] == "agent" else None
    row["solved_agent_id"] = (solve["state"]["assignee"] or actor) if solve else None
    offers = life.numbers(lambda moment: moment["event"] == "satisfaction_offered")
    before = [number for number in life.agent_comments() if offers and number < offers[-1]]
    row["survey_agent_id"] = moments[before[-1]]["actor_id"] if before else None
    row["survey_team"] = moments[offers[-1]]["state"]["team"] if offers else None
    return row


def first_contact(own: Row, fact: Row, everyone: list[Row], now: int) -> bool | None:
    """first_contact_resolution, asking every other ticket."""
    at_once = fact["one_contact"] if own.get("channel") in ("phone", "chat") else fact["one_touch"]
    if own.get("requester_id") is None or own.get("contact_reason") is None or at_once is None:
        return None
    if not at_once:
        return False
    if fact["last_solved_at"] is None:
        return None
    until = fact["last_solved_at"] + 7 * 86400
    for other in everyone:
        same = all(other.get(key) == own[key] for key in ("requester_id", "contact_reason"))
        created = int(other["created_at"].timestamp())
        if same and other["ticket_id"] != own["ticket_id"] and fact["last_solved_at"] < created <= min(until, now):
            return False
    return True if until <= now else None


def solve_facts(life: Life) -> list[dict[str, Any]]:
    """facts/solves of one ticket: each solve, and what the ticket did until the next one."""
    rows, solves = [], life.timed_solves()
    for number, until in pairwise([*solves, len(life.moments)]):
        solve, back = life.moments[number], None
        for one, two in pairwise(life.moments[number:until]):
            if one["state"]["status"] in FINISHED and two["state"]["status"] in ACTIVE and back is None:
                back = two["at"]
        actor = solve["actor_id"] if solve["actor_role"] == "agent" else None
        row = {"team": solve["state"]["team"], "agent_id": solve["state"]["assignee"] or actor}
        rows.append(row | {"solved_at": solve["at"], "reopened_at": back, "tells_reopens": life.has_events})
    return rows


def reply_facts(life: Life) -> list[dict[str, Any]]:
    """facts/replies of one ticket."""
    rows = []
    for question, answer in life.stretches():
        start = life.moments[question]["at"]
        end = None if answer is None else life.moments[answer]["at"]
        stop = (
            life.centre.now if life.final in ACTIVE or end is not None else life.moments[life.timed_solves()[-1]]["at"]
        )
        if answer is not None:
            team = life.team_at(answer)
        else:
            team = life.own["team"] if life.final in ACTIVE else life.team_at(life.solves()[-1])
        row: dict[str, Any] = {"asked_at": start, "replied_at": end, "team": team}
        for clock in ("calendar", "business"):
            row[f"{clock}_seconds"] = None if end is None else life.seconds(start, end, clock)
            row[f"{clock}_censored_seconds"] = life.seconds(start, stop, clock) if end is None else None
        rows.append(row)
    return rows


def spell_facts(life: Life) -> list[dict[str, Any]]:
    """facts/spells of one ticket."""
    keys = ("status", "team", "queue", "assignee")
    changes = [
        moment
        for moment in life.moments
        if moment["before"] is None or any(moment["before"][key] != moment["state"][key] for key in keys)
    ]
    rows = []
    for number, moment in enumerate(changes):
        end = changes[number + 1]["at"] if number + 1 < len(changes) else None
        if end == moment["at"]:
            continue
        stop = life.centre.now if end is None and moment["state"]["status"] in ACTIVE else end
        row = {key: moment["state"][key] for key in keys} | {"start_at": moment["at"], "end_at": end}
        for clock in ("calendar", "business"):
            row[f"{clock}_seconds"] = None if stop is None else life.seconds(moment["at"], stop, clock)
        rows.append(row)
    return rows


def sla_facts(life: Life, has_reply_column: bool = True) -> list[dict[str, Any]]:
    """facts/sla of one ticket."""
    if not life.counts_in_speed():
        return []
    now, moments, created = life.centre.now, life.moments, life.created
    applications = [
        (moment["at"], moment["value"], moment["state"]["priority"])
        for moment in moments
        if moment["event"] == "sla_policy"
    ]
    if not applications:
        beginning = moments[0]["state"]
        applications = [(created, life.centre.policy_of.get(beginning["team"]), beginning["priority"])]
    running, solves = life.final in ACTIVE, life.timed_solves()
    full_end = None if running or not solves else solves[-1]

    # (metric, start, number of the moment that ends it or None, statuses that count)
    measures: list[tuple[str, int, int | None, set[str] | None]] = []
    opening, reply = life.opening(), life.first_reply()
    if opening is not None and (life.has_events or has_reply_column):
        comeback = life.comeback()
        ends = [number for number in solves if number > max(opening, -1 if comeback is None else comeback)]
        ends += [reply] if reply is not None else []
        if ends or running:
            measures.append(("first_reply", life.reply_start(), min(ends, default=None), None))
    if not life.untimed:
        measures.append(("full_resolution", created, full_end, ACTIVE if life.has_events else None))
        if life.has_events:
            measures += [(wait, created, full_end, WAITS[wait]) for wait in ("requester_wait", "agent_work")]
    for question, answer in life.stretches():
        ends = [number for number in solves if number > question]
        ends += [answer] if answer is not None else []
        measures.append(("next_reply", moments[question]["at"], min(ends, default=None), None))

    rows = []
    for metric, start, ending, statuses in measures:
        end = None if ending is None else moments[ending]["at"]
        in_force = [each for each in applications if each[0] <= (now if end is None else end)]
        if not in_force:
            continue
        when, name, priority = in_force[-1]
        policy = life.centre.policies.get(name) if name else None
        for target in policy.targets if policy else ():
            if target.metric != metric or priority not in target.targets:
                continue
            seconds, clock = target.targets[priority], target.clock
            elapsed = life.seconds(start, now if end is None else end, clock, statuses)
            state = "breached" if elapsed > seconds else "running" if end is None else "met"
            breach = _first_second(life, start, end or now, clock, statuses, seconds) if state == "breached" else None
            rows.append(
                {
                    "policy": name, "metric": metric, "clock": clock, "priority": priority, "target_seconds": seconds,
                    "elapsed_seconds": elapsed, "state": state, "applied_at": when, "ended_at": end,
                    "started_at": start, "breached_at": breach, "team": _decider(life, breach, ending),
                }
            )  # fmt: skip
    if life.own.get("due_at") is not None and not life.untimed:
        due = int(life.own["due_at"].timestamp())
        end = None if full_end is None else moments[full_end]["at"]
        elapsed = (now if end is None else end) - created
        late = elapsed > due - created
        rows.append(
            {
                "policy": "due_at", "metric": "full_resolution", "clock": "calendar", "priority": None,
                "target_seconds": due - created, "elapsed_seconds": elapsed,
                "state": "breached" if late else "running" if end is None else "met",
                "applied_at": created, "ended_at": end, "started_at": created,
                "breached_at": due if late else None, "team": _decider(life, due if late else None, full_end),
            }
        )  # fmt: skip
    return rows


def _decider(life: Life, breach: int | None, ending: int | None) -> str:
    """The team that held the ticket when a promise was broken or kept; today's while it runs."""
    if breach is not None:
        return life.team_before(breach)
    return str(life.own["team"]) if ending is None else life.team_at(ending)


def _first_second(life: Life, start: int, end: int, clock: str, statuses: set[str] | None, target: int) -> int:
    """The first second at which the clock shows the target."""
    seconds = range(start, end + 1)
    return seconds[bisect_left(seconds, target, key=lambda second: life.seconds(start, second, clock, statuses))]


def backlog_facts(lives: list[Life]) -> dict[tuple[str, date], Counter[str]]:
    """facts/backlog without the ages: every ticket is asked at every midnight, and every step is counted on its day."""
    centre = lives[0].centre
    days = [centre.day(min(life.created for life in lives))]
    while days[-1] < centre.day(centre.now - 1):
        days.append(days[-1] + timedelta(days=1))
    counts: dict[tuple[str, date], Counter[str]] = defaultdict(Counter)
    for life in lives:
        for moment in life.moments:
            state, before, day = moment["state"], moment["before"], centre.day(moment["at"])
            team, active = state["team"], state["status"] in ACTIVE
            if before is None:
                counts[team, day]["created"] += 1
                continue
            was = before["status"] in ACTIVE
            if was and not active:
                name = {"closed": "solved", "spam": "deleted"}.get(state["status"], state["status"])
                counts[team, day][name] += 1
            elif active and not was:
                counts[team, day]["reopened"] += 1
            elif active and before["team"] != team:
                counts[before["team"], day]["moved_out"] += 1
                counts[team, day]["moved_in"] += 1
        for day in days:
            past = [moment for moment in life.moments if centre.day(moment["at"]) <= day]
            if past and past[-1]["state"]["status"] in ACTIVE:
                team, age = past[-1]["state"]["team"], (day - centre.day(life.created)).days
                counts[team, day]["closing"] += 1
                counts[team, day + timedelta(days=1)]["opening"] += 1
                counts[team, day][f"age {age}"] += 1
                counts[team, day]["unassigned"] += past[-1]["state"]["assignee"] is None
                comments = [moment for moment in past if moment["event"] == "public_comment"]
                speakers = [one["actor_role"] for one in comments if one["actor_role"] in ("agent", "requester")]
                counts[team, day]["unreplied"] += "agent" not in speakers
                counts[team, day]["unanswered"] += "agent" in speakers and speakers[-1] == "requester"
    return counts
