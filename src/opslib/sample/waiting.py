"""The waiting line: tickets wait by urgency and age until an agent on shift is free. No waiting time is drawn."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np

from opslib.sample import centre, plan
from opslib.sample.arrivals import Arrivals
from opslib.sample.roster import Roster

NEVER = 1 << 40
# How much older a ticket counts than it is, in seconds, by priority; live conversations come before all.
_HEAD_START = (-4 * centre.HOUR, 0, 5 * centre.HOUR, 12 * centre.HOUR)
_LIVE_HEAD_START = 60 * centre.DAY
_OWN_TICKET_WITHIN = 16 * centre.HOUR  # a reply waits for the agent who knows the ticket if he is back by then
_SHORTEST = 45  # seconds of the shortest piece of work


@dataclass
class Handling:
    """Per piece of work: when it was due, picked up and ended (NEVER: not by the export), and by whom (-1)."""

    due: np.ndarray
    picked: np.ndarray
    ended: np.ndarray
    agent: np.ndarray


def work_off(tickets: Arrivals, work: plan.Work, roster: Roster) -> Handling:
    """Let the agents of one site work off everything that is due before the export.

    A team works slightly faster while much waits and slower while little does, as teams do; all else follows from
    arrivals, shifts and handling times.
    """
    epoch = centre.SIMULATION_START
    team_of_queue = np.array(centre.TEAM_OF_QUEUE)
    item_team = team_of_queue[work.queue]
    seconds = (work.seconds * _scale(work, item_team, roster)[item_team]).astype(np.int64)
    first = np.append(True, work.ticket[1:] != work.ticket[:-1])
    head_start = np.array(_HEAD_START)[tickets.priority]
    head_start[tickets.live] = _LIVE_HEAD_START
    # A later piece of a live ticket is ordinary written work.
    advantage = np.where(first, head_start[work.ticket], np.minimum(head_start[work.ticket], _HEAD_START[3]))

    picked, ended, due, agents = _simulate(
        arrivals=(tickets.created[work.ticket[first]] - epoch).tolist(),
        arriving=np.flatnonzero(first).tolist(),
        team_of=item_team.tolist(),
        seconds=seconds.tolist(),
        wait=work.wait.tolist(),
        standing=(_LIVE_HEAD_START - advantage).tolist(),
        keeps_agent=np.isin(work.kind, (plan.ANSWER, plan.HOLD, *plan.SOLVING)).tolist(),
        roster=roster,
        usual_backlog=_usual_backlog(item_team),
    )
    return Handling(_from(due, epoch), _from(picked, epoch), _from(ended, epoch), np.array(agents, dtype=np.int32))


def _from(values: list[int], epoch: int) -> np.ndarray:
    numbers = np.array(values, dtype=np.int64)
    return np.where(numbers < 0, NEVER, numbers + epoch)


def _scale(work: plan.Work, item_team: np.ndarray, roster: Roster) -> np.ndarray:
    """What the relative handling times must be multiplied with so that each team is as busy as it is meant to be."""
    stretches = roster.stretches
    length = (stretches["end"] - stretches["start"]).to_numpy() / roster.speed[stretches["agent"].to_numpy()]
    supply = np.bincount(stretches["team"], weights=length, minlength=len(centre.TEAMS))
    demand = np.bincount(item_team, weights=work.seconds, minlength=len(centre.TEAMS))
    return np.array([team.occupancy for team in centre.TEAMS]) * supply / np.maximum(demand, 1)


def _usual_backlog(item_team: np.ndarray) -> list[float]:
    per_day = np.bincount(item_team, minlength=len(centre.TEAMS)) * centre.DAY / (centre.END - centre.SIMULATION_START)
    return [max(2.0, float(team.backlog_days * count)) for team, count in zip(centre.TEAMS, per_day, strict=True)]


def _simulate(
    *,
    arrivals: list[int],
    arriving: list[int],
    team_of: list[int],
    seconds: list[int],
    wait: list[int],
    standing: list[int],
    keeps_agent: list[bool],
    roster: Roster,
    usual_backlog: list[float],
) -> tuple[list[int], list[int], list[int], list[int]]:
    """The event loop, over plain integers because every piece of work passes through it; times since the start."""
    epoch, horizon = centre.SIMULATION_START, centre.END - centre.SIMULATION_START
    count, teams = len(team_of), len(centre.TEAMS)
    due, picked, ended, agent_of = [-1] * count, [-1] * count, [-1] * count, [-1] * count
    stretch_agent, stretch_team, stretch_start, stretch_end, following = _stretches(roster, epoch)
    agents = len(roster.speed)
    pace = roster.speed.tolist()
    on_until, team_now, busy = [-1] * agents, [-1] * agents, [False] * agents
    back_at, back_in = [horizon * 2] * agents, [-1] * agents
    waiting: list[list[int]] = [[] for _ in range(teams)]
    own: list[list[int]] = [[] for _ in range(agents)]
    idle: list[deque[int]] = [deque() for _ in range(teams)]
    haste = [1.0] * teams

    # An entry is time << 34 | what << 32 | number; what: 0 work is due, 1 work ended, 2 a stretch begins,
    # 3 a look at the backlog.
    fixed = [(time << 34) | item for time, item in zip(arrivals, arriving, strict=True)]
    fixed += [
        (max(start, 0) << 34) | (2 << 32) | number
        for number, start in enumerate(stretch_start)
        if stretch_end[number] > 0
    ]
    fixed += [(time << 34) | (3 << 32) for time in range(21 * centre.HOUR, horizon, centre.DAY)]
    fixed.sort()
    fixed.append((horizon * 4) << 34)
    happening: list[int] = []
    heapify(happening)
    place = 0
    mask = (1 << 32) - 1

    def begin(item: int, agent: int, now: int) -> None:
        took = int(seconds[item] * haste[team_of[item]] * pace[agent])
        if took < _SHORTEST:
            took = _SHORTEST
        picked[item] = now
        agent_of[item] = agent
        busy[agent] = True
        heappush(happening, ((now + took) << 34) | (1 << 32) | item)

    def look_for_work(agent: int, now: int) -> None:
        mine, line = own[agent], waiting[team_now[agent]]
        if mine and (not line or mine[0] < line[0]):
            begin(heappop(mine) & mask, agent, now)
        elif line:
            begin(heappop(line) & mask, agent, now)
        else:
            idle[team_now[agent]].append(agent)

    while True:
        if happening and happening[0] < fixed[place]:
            entry = heappop(happening)
        else:
            entry = fixed[place]
            place += 1
        now = entry >> 34
        if now > horizon:
            break
        what = (entry >> 32) & 3
        number = entry & mask
        if what == 0:
            due[number] = now
            team = team_of[number]
            rank = ((now + standing[number]) << 32) | number
            knows = agent_of[number - 1] if number and wait[number - 1] >= 0 and keeps_agent[number - 1] else -1
            if knows >= 0:
                if on_until[knows] > now and team_now[knows] == team:
                    if busy[knows]:
                        heappush(own[knows], rank)
                    else:
                        begin(number, knows, now)
                    continue
                if back_in[knows] == team and back_at[knows] - now < _OWN_TICKET_WITHIN:
                    heappush(own[knows], rank)
                    continue
            free = idle[team]
            while free:
                agent = free.popleft()
                if not busy[agent] and on_until[agent] > now and team_now[agent] == team:
                    begin(number, agent, now)
                    break
            else:
                heappush(waiting[team], rank)
        elif what == 1:
            ended[number] = now
            pause = wait[number]
            if pause >= 0:
                heappush(happening, ((now + pause) << 34) | (number + 1))
            agent = agent_of[number]
            busy[agent] = False
            if on_until[agent] > now:
                look_for_work(agent, now)
        elif what == 2:
            agent = stretch_agent[number]
            on_until[agent] = stretch_end[number]
            team_now[agent] = stretch_team[number]
            after = following[number]
            back_at[agent] = stretch_start[after] if after >= 0 else horizon * 2
            back_in[agent] = stretch_team[after] if after >= 0 else -1
            if not busy[agent]:
                look_for_work(agent, now)
        else:
            for team in range(teams):
                pressure = len(waiting[team]) / usual_backlog[team]
                haste[team] = min(1.10, max(0.78, 1.10 - 0.10 * pressure))
    return picked, ended, due, agent_of


def _stretches(roster: Roster, epoch: int) -> tuple[list[int], list[int], list[int], list[int], list[int]]:
    """The stretches as lists, and for each the same agent's next one (-1)."""
    table = roster.stretches
    agent = table["agent"].to_numpy()
    order = np.argsort(agent, kind="stable")
    following = np.full(len(agent), -1, dtype=np.int64)
    same = agent[order][1:] == agent[order][:-1]
    following[order[:-1][same]] = order[1:][same]
    start, end = (table["start"] - epoch).tolist(), (table["end"] - epoch).tolist()
    return agent.tolist(), table["team"].tolist(), start, end, following.tolist()
