"""When projects end: thousands of courses that what is left of their plans may take."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from opslib.analysis.methods.columns import Floats
from opslib.analysis.project_portfolio.critical_path import elapsed_days, release_of, remaining_network
from opslib.analysis.project_portfolio.estimates import Spread, actual_days, dated_days, duration_ratios, spread_of
from opslib.analysis.project_portfolio.network import Network
from opslib.analysis.project_portfolio.plan import CLOSED, LIVE, Plan
from opslib.analysis.project_portfolio.working_days import Days, WorkingDays

DRAWS = 10_000
CORRELATION = 0.3
"""Correlation of the durations of tasks of one owner, on the normal scale."""
PACE_SPREAD = 0.5
"""Standard deviation of the logarithm of a duration that has outlasted its estimates, where the past tells none."""
THREE_POINTS, PAST_RATIOS, PACE, DONE, NOTHING = "three points", "past ratios", "pace so far", "done", "nothing"
"""What a task's duration is drawn from."""
OPEN, FINISHED, NO_FORECAST = "open", "finished", "no forecast"
"""What a forecast can say of a project."""

PROJECT_COLUMNS = (
    *("project_id", "name", "state", "why", "promised_on", "chance", "finish_10_on", "finish_50_on", "finish_80_on"),
    *("finish_90_on", "days_late", "draws"),
)
TASK_COLUMNS = (
    *("task_id", "project_id", "name", "is_done", "drawn_from", "start_50_on", "finish_50_on", "finish_80_on"),
    *("due_on", "chance", "mean_days", "criticality", "cruciality"),
)

_EDGE, _KNOTS = 6.0, 257  # of the normal scale on which durations are interpolated
_MOST_EVIDENCE = 2.0  # how far out, in standard deviations, a finished task can say its owner is
_RANKED = 2_000
_MOST_VALUES = 20_000_000
_ON_TIME = 1e-6


class FinishForecast(NamedTuple):
    """What `finish_forecast` returns: a frame of projects, `PROJECT_COLUMNS`, and one of tasks, `TASK_COLUMNS`."""

    projects: pd.DataFrame
    tasks: pd.DataFrame


class _Durations(NamedTuple):
    """The durations of tasks on the normal scale: the days at `_KNOTS` points of it, and what they are drawn from."""

    days: Floats
    model: npt.NDArray[np.object_]


def finish_forecast(
    plan: Plan,
    days: WorkingDays,
    *,
    draws: int = DRAWS,
    correlation: float = CORRELATION,
    spread: Spread | None = None,
) -> FinishForecast:
    """Draw how long the rest of each project takes, and count how often it ends by its promised date.

    Args:
        plan: the plans of all projects.
        days: working days.
        draws: courses drawn; fewer, which the frame says, of a project of more than 2,000 open tasks.
        correlation: of the durations of tasks of one owner, on the normal scale, 0 to below 1.
        spread: how actual durations are spread around planned ones; None: as in the plans' own newest finished tasks
            (`spread_of`), of which there must be eight.

    Returns:
        projects: project_id, name, state (open; finished, also where its stage alone says so; no forecast), why there
        is none, promised_on (its planned end, else the last one of its tasks), chance that it ends by then,
        finish_10_on to finish_90_on (the days by which it ends with 10, 50, 80 and 90 %; of a finished one, its last
        finish), days_late (working days from the promised date to the 50 % one, below 0 where it is early), draws.
        tasks: task_id, project_id, name, is_done, drawn_from, start_50_on, finish_50_on, finish_80_on, due_on (its
        planned end), chance that it ends by then, mean_days (working days still to come), criticality (share of
        courses in which it has no slack), cruciality (rank correlation of its remaining duration and its project's
        end). Dates are missing beyond the calendar.

    Raises:
        ValueError: draws or correlation cannot be.

    Notes:
        A three-point estimate is PERT's beta distribution, of mean (o + 4 m + p) / 6 and of shape 4. A task without
        one takes its planned days times a ratio drawn, log-normal, from those of finished tasks (`spread`); without
        planned days or a spread, its project has no forecast. A started task is drawn given that it has lasted as
        long as it has; of the whole is left the share that is not complete, or, without a percentage, the rest of
        the time. One that has outlasted its pessimistic estimate is drawn around its pace (days so far by share
        complete, else its likely days), with the spread of the past or `PACE_SPREAD`. Owners (of the task, else of
        its project) share a factor of a Gaussian copula; how their finished tasks stood to their estimates, and
        which of their tasks still run, tells of it by Bayes' rule. The default correlation is one that cost
        estimators take where nothing tells it (0.2 to 0.3). What is left of a task waits for what the task waits for.
        Random numbers are those of each task's and owner's own id: the same plan gives the same numbers, and a task
        that is added leaves the numbers of the others as they were.

    References:
        Malcolm, D. G., Roseboom, J. H., Clark, C. E., Fazar, W. (1959). Application of a technique for research and
        development program evaluation. Oper. Res. 7, 646-669.
        Book, S. A. (1999). Why correlation matters in cost estimating. 32nd DoD Cost Analysis Symposium.
        Vanhoucke, M. (2010). Using activity sensitivity and network topology information to monitor project time
        performance. Omega 38, 359-370.
    """
    if draws < 1 or not 0 <= correlation < 1:
        raise ValueError(f"draws must be at least 1 and correlation within 0 to below 1, not {draws} and {correlation}")
    if spread is None:
        spread = spread_of(duration_ratios(plan, days)["ratio"])
    durations = _durations(plan, days, spread)
    factors = _Factors(plan, days, durations, correlation)
    network, release = remaining_network(plan), release_of(plan, days)
    tasks, projects = _empty_tasks(plan, durations), _empty_projects(plan)
    for members in _components(plan, network):
        _forecast(plan, days, tasks, projects, members, durations, factors, network, release, draws)
    _name_dates(tasks, days)
    _name_dates(projects, days)
    promised = days.end_of(projects["promised_on"].to_numpy().astype("datetime64[D]"))
    middle = days.end_of(projects["finish_50_on"].to_numpy().astype("datetime64[D]"))
    projects["days_late"] = middle - promised
    _close_by_stage(projects, plan)
    return FinishForecast(projects[list(PROJECT_COLUMNS)], tasks[list(TASK_COLUMNS)])


def _durations(plan: Plan, days: WorkingDays, spread: Spread | None) -> _Durations:
    """For each task its duration in working days at the knots of the normal scale."""
    tasks = plan.tasks
    o, m, p = (tasks[f"{each}_days"].to_numpy() for each in ("optimistic", "likely", "pessimistic"))
    elapsed, share = elapsed_days(plan, days), tasks["percent_complete"].to_numpy() / 100
    dated = dated_days(plan, days)
    x = np.linspace(-_EDGE, _EDGE, _KNOTS)
    has_points = ~np.isnan(o)
    outlasted = has_points & (elapsed >= p) & (elapsed > 0)
    by_points = has_points & ~outlasted
    model = np.full(len(tasks), NOTHING, dtype=object)
    values = np.full((len(tasks), _KNOTS), np.nan)
    width = np.where(p > o, p - o, 1.0)
    first, second = 1 + 4 * (m - o) / width, 1 + 4 * (p - m) / width
    shapes, inverse = np.unique(np.round(np.stack([first, second]), 9)[:, by_points], axis=1, return_inverse=True)
    if shapes.size:
        unit = special.betaincinv(shapes[0][:, None], shapes[1][:, None], special.ndtr(x))
        values[by_points] = o[by_points, None] + (p - o)[by_points, None] * unit[inverse.ravel()]
    model[by_points] = THREE_POINTS
    pace = elapsed / np.where(share > 0, share, np.nan)
    base = np.where(outlasted, np.where(np.isnan(pace), m, pace), np.where(np.isnan(dated), m, dated))
    mean = np.where(outlasted | (spread is None), 0.0, spread.log_mean if spread else 0.0)
    sd = spread.log_sd if spread else PACE_SPREAD
    rest = ~by_points & ~np.isnan(base) & (outlasted | (spread is not None) | (base == 0))
    with np.errstate(divide="ignore"):
        log = np.log(base[rest]) + mean[rest]
    values[rest] = np.exp(log[:, None] + sd * x)
    model[rest] = np.where(outlasted[rest], PACE, PAST_RATIOS)
    model[tasks["is_done"].to_numpy()] = DONE
    return _Durations(values, model)


class _Factors:
    """The normal scores of tasks: one factor per owner, one of the task's own."""

    def __init__(self, plan: Plan, days: WorkingDays, durations: _Durations, correlation: float) -> None:
        tasks = plan.tasks
        of_project = plan.projects.drop_duplicates("project_id").set_index("project_id")["owner"]
        owner = tasks["owner"].where(tasks["owner"].notna(), tasks["project_id"].map(of_project))
        self.owner = owner.where(owner.notna(), tasks["project_id"]).to_numpy(dtype=object)
        self.ids = (tasks["project_id"] + "\0" + tasks["task_id"]).to_numpy(dtype=object)
        self.loading, self.own = float(np.sqrt(correlation)), float(np.sqrt(1 - correlation))
        elapsed = elapsed_days(plan, days)
        self.elapsed = np.where(np.isnan(elapsed), 0.0, elapsed)
        self.least = _score(durations.days, np.where(elapsed > 0, elapsed, np.nan))
        took = _score(durations.days, actual_days(plan, days)).clip(-_MOST_EVIDENCE, _MOST_EVIDENCE)
        known = pd.DataFrame({"owner": self.owner, "score": np.where(_varies(durations.days), took, np.nan)})
        sums = known.dropna().groupby("owner")["score"].agg(["sum", "size"])
        below = 1 - correlation + sums["size"] * correlation
        self.mean = (self.loading * sums["sum"] / below).to_dict()
        self.variance = ((1 - correlation) / below).to_dict()
        running = np.flatnonzero(~np.isnan(self.least) & ~tasks["is_done"].to_numpy())
        self.running = pd.Series(running).groupby(self.owner[running]).apply(list).to_dict() if running.size else {}
        self._of_owner: dict[tuple[object, int], Floats] = {}

    def scores(self, task: int, draws: int) -> Floats:
        """Normal scores of a task's duration, given how long it has lasted, one per draw."""
        factor = self._factor(self.owner[task], draws)
        if np.isnan(self.least[task]):
            normal = _stream("task", self.ids[task]).standard_normal(draws)
            return np.asarray(self.loading * factor + self.own * normal)
        above = special.ndtr(-(self.least[task] - self.loading * factor) / self.own)
        uniform = 1 - _stream("task", self.ids[task]).random(draws)
        score = self.loading * factor - self.own * special.ndtri(np.maximum(uniform * above, 1e-300))
        return np.asarray(np.maximum(score, self.least[task]))

    def _factor(self, owner: object, draws: int) -> Floats:
        """An owner's factor, given their finished tasks and those that run."""
        if (owner, draws) not in self._of_owner:
            stream = _stream("owner", owner)
            normal = stream.standard_normal(draws)
            factor = self.mean.get(owner, 0.0) + np.sqrt(self.variance.get(owner, 1.0)) * normal
            weight = np.zeros(draws)
            for task in self.running.get(owner, []):
                weight += special.log_ndtr(-(self.least[task] - self.loading * factor) / self.own)
            if owner in self.running and self.loading > 0:
                share = np.cumsum(np.exp(weight - weight.max()))
                at = (np.arange(draws) + stream.random()) / draws * share[-1]
                factor = stream.permutation(factor[np.minimum(np.searchsorted(share, at), draws - 1)])
            self._of_owner[owner, draws] = factor
        return self._of_owner[owner, draws]


def _forecast(
    plan: Plan,
    days: WorkingDays,
    tasks: pd.DataFrame,
    projects: pd.DataFrame,
    members: npt.NDArray[np.int64],
    durations: _Durations,
    factors: _Factors,
    network: Network,
    release: Floats,
    draws: int,
) -> None:
    """Fill in the rows of the tasks and projects that hang together."""
    is_done = plan.tasks["is_done"].to_numpy()
    is_open = ~is_done[members]
    open_tasks = members[is_open]
    codes, names = pd.factorize(plan.tasks["project_id"].to_numpy()[members])
    here = projects.index[projects["project_id"].isin(names)]
    place = dict(zip(projects.loc[here, "project_id"], here, strict=True))
    ended = pd.Series(release[members]).where(~is_open).groupby(codes).max().to_numpy()
    for code, name in enumerate(names):
        if not (is_open & (codes == code)).any():
            row = place[name]
            projects.loc[row, "state"] = FINISHED
            for each in (10, 50, 80, 90):
                projects.loc[row, f"finish_{each}"] = ended[code]
            promised = _end_of(days, projects.loc[row, "promised_on"])
            projects.loc[row, "chance"] = np.nan if np.isnan(promised) else float(ended[code] <= promised)
    unknown = durations.model[members] == NOTHING
    if unknown.any():
        _say_why(plan, projects, place, members[unknown])
    if unknown.any() or not open_tasks.size:
        return
    number = int(min(draws, max(1_000, _MOST_VALUES // open_tasks.size)))
    left = _remaining(plan, open_tasks, durations, factors, number)
    inner = {int(task): at for at, task in enumerate(open_tasks)}
    links = [(inner[b], inner[int(a)]) for a in open_tasks for b in network.predecessors[a] if b in inner]
    part = Network(open_tasks.size, [b for b, _ in links], [a for _, a in links])
    # Finished tasks end before now or on it, so that only open ones hold up others.
    finish = part.early_finishes(left, release[open_tasks][:, None])
    codes_open = codes[is_open]
    by_project = {int(code): np.flatnonzero(codes_open == code) for code in np.unique(codes_open)}
    ends = np.empty_like(finish)
    for rows in by_project.values():
        ends[rows] = finish[rows].max(axis=0)
    late = part.late_finishes(left, ends)
    label = tasks.index[open_tasks]
    tasks.loc[label, "criticality"] = (late - finish <= _ON_TIME).mean(axis=1)
    tasks.loc[label, "mean_days"] = left.mean(axis=1)
    for each in (50, 80):
        tasks.loc[label, f"finish_{each}"] = np.quantile(finish, each / 100, axis=1)
    tasks.loc[label, "start_50"] = np.where(
        np.isnan(factors.least[open_tasks]), np.median(finish - left, axis=1), np.nan
    )
    due = days.end_of(plan.of_tasks("baseline_end_on")[open_tasks])
    chance = (finish <= due[:, None] + _ON_TIME).mean(axis=1)
    tasks.loc[label, "chance"] = np.where(np.isnan(due), np.nan, chance)
    ranks = _centred_ranks(left[:, :_RANKED])
    for code, rows in by_project.items():
        end = ends[rows[0]]
        tasks.loc[label[rows], "cruciality"] = ranks[rows] @ _centred_ranks(end[None, :_RANKED])[0]
        row = place[names[code]]
        promised = _end_of(days, projects.loc[row, "promised_on"])
        projects.loc[row, "state"], projects.loc[row, "draws"] = OPEN, number
        projects.loc[row, "chance"] = np.nan if np.isnan(promised) else float((end <= promised + _ON_TIME).mean())
        for each in (10, 50, 80, 90):
            projects.loc[row, f"finish_{each}"] = float(np.quantile(end, each / 100))


def _remaining(
    plan: Plan, open_tasks: npt.NDArray[np.int64], durations: _Durations, factors: _Factors, draws: int
) -> Floats:
    """Working days still to work on each open task, shape (tasks, draws)."""
    percent = plan.tasks["percent_complete"].to_numpy()
    left = np.empty((open_tasks.size, draws))
    for at, task in enumerate(open_tasks):
        whole = _at(durations.days[task], factors.scores(int(task), draws))
        share = percent[task] / 100
        if np.isnan(share) and factors.elapsed[task] > 0:
            left[at] = np.maximum(whole - factors.elapsed[task], 0.0)
        else:
            left[at] = whole * (1 - (0.0 if np.isnan(share) else share))
    return left


def _at(knots: Floats, score: Floats) -> Floats:
    """Durations at normal scores, between the knots."""
    place = np.clip((score + _EDGE) * ((_KNOTS - 1) / (2 * _EDGE)), 0.0, _KNOTS - 1.000001)
    below = place.astype(np.int64)
    share = place - below
    return np.asarray(knots[below] * (1 - share) + knots[below + 1] * share)


def _score(knots: Floats, days: Floats) -> Floats:
    """Normal scores of durations, a row of knots each; NaN where the duration is."""
    known = np.flatnonzero(~np.isnan(days) & ~np.isnan(knots[:, 0]))
    scores = np.full(len(days), np.nan)
    x = np.linspace(-_EDGE, _EDGE, _KNOTS)
    for task in known:
        scores[task] = np.interp(days[task], knots[task], x)
    return scores


def _varies(knots: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(knots[:, -1] > knots[:, 0])


def _centred_ranks(values: Floats) -> Floats:
    """Ranks along the last axis, centred and scaled such that products sum to correlations; 0 where nothing varies."""
    ranks = values.argsort(axis=-1).argsort(axis=-1).astype(np.float64)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    ranks[np.ptp(values, axis=-1) <= 1e-12] = 0.0
    length = np.sqrt((ranks**2).sum(axis=-1, keepdims=True))
    return np.asarray(ranks / np.where(length > 0, length, 1.0))


def _stream(kind: str, name: object) -> np.random.Generator:
    digest = hashlib.sha256(f"{kind}\0{name}".encode()).digest()
    return np.random.Generator(np.random.SFC64(int.from_bytes(digest[:16], "big")))


def _components(plan: Plan, network: Network) -> Iterator[npt.NDArray[np.int64]]:
    """Places of tasks by projects that hang together over links."""
    codes, names = pd.factorize(plan.tasks["project_id"].to_numpy())
    links = [(first, then) for then, firsts in enumerate(network.predecessors) for first in firsts]
    before, after = np.array(links, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(before.size), (codes[before], codes[after])), shape=(len(names), len(names)))
    _, label = connected_components(graph.tocsr(), directed=False)
    order = np.argsort(label[codes], kind="stable") if codes.size else np.array([], dtype=np.int64)
    edges = np.flatnonzero(np.diff(label[codes][order])) + 1
    yield from (part for part in np.split(order, edges) if part.size)


def _say_why(plan: Plan, projects: pd.DataFrame, place: dict[str, int], unknown: npt.NDArray[np.int64]) -> None:
    rows = plan.tasks.iloc[unknown]
    for name, row in place.items():
        if projects.loc[row, "state"] == FINISHED:
            continue
        own = rows[rows["project_id"] == name]
        named = ", ".join(own["task_id"].head(5)) + (f" and {len(own) - 5} more" if len(own) > 5 else "")
        projects.loc[row, "why"] = (
            f"nothing tells how long tasks take that are not done: {named}"
            if len(own)
            else "its tasks hang together with those of a project that has no forecast"
        )


def _empty_tasks(plan: Plan, durations: _Durations) -> pd.DataFrame:
    frame = plan.tasks[["task_id", "project_id", "name", "is_done"]].copy()
    frame["drawn_from"] = durations.model
    frame["due_on"] = plan.tasks["baseline_end_on"]
    done = frame["is_done"].to_numpy()
    for column in ("start_50", "finish_50", "finish_80", "chance", "mean_days", "criticality", "cruciality"):
        frame[column] = np.nan
    frame["start_50_on"] = plan.tasks["started_on"]
    frame["finish_50_on"] = plan.tasks["finished_on"].where(done)
    frame["finish_80_on"] = frame["finish_50_on"]
    known = done & frame["finish_50_on"].notna() & frame["due_on"].notna()
    on_time = (frame["finish_50_on"] <= frame["due_on"]).astype("float64")
    frame["chance"] = on_time.where(known)
    frame["mean_days"] = frame["mean_days"].mask(done, 0.0)
    return frame


def _empty_projects(plan: Plan) -> pd.DataFrame:
    frame = plan.projects[["project_id", "name"]].copy()
    last = plan.tasks.groupby("project_id")["baseline_end_on"].max()
    own = plan.projects["baseline_end_on"]
    frame["promised_on"] = own.where(own.notna(), last.reindex(frame["project_id"]).to_numpy())
    frame["state"], frame["draws"] = NO_FORECAST, 0
    has_tasks = frame["project_id"].isin(set(plan.tasks["project_id"]))
    why = np.where(has_tasks, "", "it has no tasks")
    frame["why"] = np.where(plan.projects["has_numbers"], why, "its plan has errors").astype(object)
    for column in ("chance", "finish_10", "finish_50", "finish_80", "finish_90"):
        frame[column] = np.nan
    return frame


def _close_by_stage(projects: pd.DataFrame, plan: Plan) -> None:
    """A project of which no forecast can be made, and which is live or closed, is over; as it went live, it ended."""
    is_over = plan.projects["stage"].isin([LIVE, CLOSED]).to_numpy() & (projects["state"] == NO_FORECAST).to_numpy()
    ended = plan.projects["went_live_on"].where(is_over)
    told = is_over & ended.notna().to_numpy() & projects["promised_on"].notna().to_numpy()
    projects.loc[is_over, "state"] = FINISHED
    projects.loc[told, "chance"] = (ended <= projects["promised_on"])[told].astype("float64")
    for percent in (10, 50, 80, 90):
        column = f"finish_{percent}_on"
        projects[column] = projects[column].where(~is_over, ended)


def _name_dates(frame: pd.DataFrame, days: WorkingDays) -> None:
    """Add the day of each place, where it has one."""
    for column in [name for name in frame.columns if name.startswith(("finish_", "start_")) and name[-1].isdigit()]:
        place = frame[column].to_numpy()
        named: Days = days.day_of_start(place) if column.startswith("start") else days.day_of_end(place)
        dates = pd.Series(named.astype("datetime64[s]"), index=frame.index)
        have = frame.get(f"{column}_on", dates)
        frame[f"{column}_on"] = dates.where(dates.notna(), have)


def _end_of(days: WorkingDays, day: Any) -> float:
    return float(days.end_of(np.datetime64("NaT" if pd.isna(day) else day, "D")))
