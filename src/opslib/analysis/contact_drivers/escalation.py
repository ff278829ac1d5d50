"""What to hand to the product team: what it would save, since when, whom it touches, and what became of it later."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from opslib.analysis.contact_drivers.drivers import is_catch_all
from opslib.analysis.contact_drivers.follow_up import WAITING, levels_of, needed_weeks
from opslib.analysis.contact_drivers.movers import ALL, UNLABELLED
from opslib.analysis.contact_drivers.texts import TOGETHER
from opslib.analysis.contact_drivers.winners_curse import Size, size_after_selection
from opslib.analysis.methods.discovery import FALSE_DISCOVERY_RATE, benjamini_hochberg
from opslib.analysis.methods.intervals import wilson
from opslib.analysis.methods.small_groups import groups_to_hide

Floats = npt.NDArray[np.float64]
Kind = Literal["reason", "phrase", "matter"]
_Way = Literal["step", "mover", "phrase"]

SEED = 19780301
MOST_ESCALATED = 5

_DRAWS = 4000
_NULL_PATHS = 999
_MARGIN = 3
_FEWEST_TICKETS = 10
_FEWEST_DAYS = 4 * 7
_FEW_ANSWERS = 10.0  # surveys of the team that a subject's own are mixed with
_FEWEST_SHARED_TICKETS = 3
_OWN_SHARE = 0.3  # of a phrase's tickets that must bear a reason for the phrase to be its own
_PART_OF_REASON = 0.5  # of a reason's tickets of the week: a phrase of fewer may be a matter of its own
_PHRASES = 6
_ANSWER_DAYS = 7  # after its creation, within which an answer to a ticket's survey counts in a score
_BEFORE_ONSET = pd.Timedelta(days=3)

CANDIDATE_COLUMNS = (
    *("rank", "subject", "kind", "reason", "phrases", "tickets", "expected", "ratio", "onset_on", "onset_low"),
    *("onset_high", "onset_p", "before_per_week", "excess_as_counted", "excess", "excess_low", "excess_high"),
    *("dispersion", "others_per_week", "dissatisfied_ratio", "score", "score_low", "score_high", "found_by"),
)
REGISTER_COLUMNS = (
    *("escalation_id", "team", "subject", "kind", "reason", "phrases", "escalated_week", "onset_on"),
    *("before_per_week", "excess", "excess_low", "excess_high", "score", "dispersion", "others_per_week"),
    *("latest_week", "weeks_since", "needed_weeks", "latest_per_week", "latest_low", "latest_high", "state"),
)


class _Subject(NamedTuple):
    """What may be escalated: a reason, a phrase and the reason of most of its tickets, or a matter of several."""

    name: str
    kind: Kind
    reason: str
    phrases: list[str]


@dataclass(frozen=True)
class ChangePoint:
    """A step in a row of counts: the observations before it, with an interval, and the levels on either side."""

    position: int
    low: int
    high: int
    before: float
    after: float
    step: float
    step_low: float
    dispersion: float
    p: float


class _Course(NamedTuple):
    """A subject with its tickets, how many of them each day has, and the step that divides those days best."""

    subject: _Subject
    is_member: npt.NDArray[np.bool_]
    own: Floats
    step: ChangePoint

    @property
    def has_risen(self) -> bool:
        """Whether it surely took a step up."""
        return self.step.step_low > 0

    @property
    def since(self) -> int:
        """From which day on its tickets are counted: the step up, else the last week."""
        return self.step.position if self.has_risen else len(self.own) - 7

    @property
    def onset_days(self) -> tuple[int, int]:
        """The days on which it may have begun: those of a step up, else of the last week."""
        return (self.step.low, self.step.high) if self.has_risen else (len(self.own) - 7, len(self.own) - 1)


def change_point(
    counts: npt.ArrayLike, exposure: npt.ArrayLike = 1.0, *, margin: int = _MARGIN, together: int = 1
) -> ChangePoint:
    """Find the one step that divides a row of counts best.

    Args:
        counts: one per day or week, in order; at least `2 * margin` of them with exposure.
        exposure: what each is counted over; those without any are passed over.
        margin: so many observations at least lie on either side.
        together: so many observations in a row may rise and fall together, such as the 7 days of a week.

    Returns:
        position (observations before the step) with the 95% interval low to high; before and after (counts per unit of
        exposure); step (after less before) with the lower end of its 95% interval; dispersion (variance over mean, at
        least 1) and p for no step at all.

    Raises:
        ValueError: too few observations, or counts or exposures below 0.

    Notes:
        Quasi-Poisson: the position with the highest likelihood; the interval holds the most likely positions with
        together 95% of the likelihood, divided by the dispersion around the two levels. p is simulated (999 seeded
        paths of a Brownian bridge over the same exposures), because the highest of many ratios is no chi-square. What
        makes a whole week busier shows little in the variance of its days, and looks like a step: the dispersion is the
        larger of that of single observations and that of sums of `together` of them.

    References:
        Hinkley, D. V. (1970). Inference about the change-point in a sequence of random variables. Biometrika 57, 1-17.
        Cobb, G. W. (1978). The problem of the Nile: conditional solution to a changepoint problem. Biometrika 65,
        243-251.

    >>> step = change_point([10, 12, 9, 11, 10, 21, 19, 20, 22, 20])
    >>> step.position, step.low, step.high, round(step.before, 1), round(step.after, 1)
    (5, 4, 6, 10.4, 20.4)
    """
    count = np.atleast_1d(np.asarray(counts, dtype=np.float64))
    over = np.broadcast_to(np.asarray(exposure, dtype=np.float64), count.shape)
    if (count < 0).any() or (over < 0).any():
        raise ValueError("counts and exposures must not be below 0")
    used = np.flatnonzero(over > 0)
    count, over = count[used], over[used]
    if len(count) < 2 * margin:
        raise ValueError(f"a change point needs at least {2 * margin} observations, not {len(count)}")
    left, left_over = count.cumsum(), over.cumsum()
    places = np.arange(margin, len(count) - margin + 1)
    first, second = left[places - 1], left[-1] - left[places - 1]
    over_first, over_second = left_over[places - 1], left_over[-1] - left_over[places - 1]
    gain = special.xlogy(first, first / over_first) + special.xlogy(second, second / over_second)
    gain = gain - special.xlogy(left[-1], left[-1] / left_over[-1])
    best = int(np.argmax(gain))
    before, after = first[best] / over_first[best], second[best] / over_second[best]
    fitted = np.where(np.arange(len(count)) < places[best], before, after) * over
    dispersion = max(1.0, _dispersion(count, fitted, 1), _dispersion(count, fitted, together))
    weight = np.exp((gain - gain[best]) / dispersion)
    order = np.argsort(-weight, kind="stable")
    mass = np.cumsum(weight[order]) / weight.sum()
    inside = places[order[: int(np.searchsorted(mass, 0.95)) + 1]]
    error = float(np.sqrt(dispersion * (after / over_second[best] + before / over_first[best])))
    reach = -float(special.ndtri(0.025))
    return ChangePoint(
        position=int(used[places[best]]),
        low=int(used[inside.min()]),
        high=int(used[inside.max()]) if inside.max() < len(used) else int(used[-1]) + 1,
        before=float(before),
        after=float(after),
        step=float(after - before),
        step_low=float(after - before - reach * error),
        dispersion=dispersion,
        p=_no_step(2 * float(gain[best]) / dispersion, over, places),
    )


def members(tickets: pd.DataFrame, kind: Kind, reason: str, phrases: Sequence[str]) -> pd.Series:
    """Which tickets a subject has.

    Args:
        tickets: contact_reason and text (of `texts.normalise`; the column is missing where texts are not at hand).
        kind: a `reason` has the tickets that bear it, and those of a catch-all reason that say its phrases; a `phrase`
            only tickets that say its phrases, of its reason and of catch-all reasons; a `matter` all that say them.
        reason: a contact reason; empty for a matter, and for a phrase that no reason bears.
        phrases: words with single spaces between them; `a + b` where a ticket says both, wherever.

    Returns:
        One bool per row.
    """
    bears_it = tickets["contact_reason"] == reason
    own = bears_it if kind == "reason" else pd.Series(False, index=tickets.index)
    if not phrases or "text" not in tickets:
        return own
    open_to_it = is_catch_all(tickets["contact_reason"]) | (tickets["contact_reason"] == UNLABELLED)
    open_to_it |= (bears_it & (kind == "phrase")) | (kind == "matter")
    says_it = pd.Series(False, index=tickets.index)
    says_it[open_to_it] = _says(tickets.loc[open_to_it, "text"], phrases)
    return own | says_it


def subject_tickets(tickets: pd.DataFrame, row: pd.Series) -> pd.Series:
    """Which tickets belong to the subject of a candidate or a row of the register.

    Args:
        tickets: contact_reason and text, as `members` takes them.
        row: kind, reason, phrases (joined by `;`).

    Returns:
        One bool per row of `tickets`.
    """
    return members(tickets, row["kind"], str(row["reason"]), _phrases_of(row))


def same_matters(tickets: pd.DataFrame, candidates: pd.DataFrame, register: pd.DataFrame) -> pd.Series:
    """Which candidates are matters that were escalated before.

    Args:
        tickets: of the week, as `members` takes them.
        candidates: subject, kind, reason, phrases (joined by `;`).
        register: the escalations that are open: the same columns.

    Returns:
        The subject that was escalated before, by that of the candidate; only those that have one.

    Notes:
        Customers' words change from week to week, and a matter without a label may get one: a candidate of which half
        of the week's tickets say the words of an escalated phrase or matter is the same matter under another name.
    """
    said = {
        str(row["subject"]): _says(tickets["text"], _phrases_of(row))
        for _, row in register[register["kind"] != "reason"].iterrows()
        if "text" in tickets
    }
    matters = {}
    for _, row in candidates.iterrows():
        own, subject = subject_tickets(tickets, row), str(row["subject"])
        same = [subject] if subject in set(register["subject"]) else []
        same += [name for name, is_said in said.items() if 2 * (own & is_said).sum() >= max(own.sum(), 1)]
        if same:
            matters[subject] = same[0]
    return pd.Series(matters, dtype="str")


def candidates(
    tickets: pd.DataFrame,
    movers: pd.DataFrame,
    phrases: pd.DataFrame,
    *,
    days: Sequence[str],
    matters: pd.DataFrame | None = None,
    rate: float = FALSE_DISCOVERY_RATE,
    recent_weeks: int = 8,
) -> pd.DataFrame:
    """Rank what a product team could take away, by the tickets that it would avoid per week.

    Args:
        tickets: one row per ticket of the days: day (local ISO date), contact_reason, text (of `texts.normalise`), and
            where the export has them satisfied (1.0, 0.0 or NaN) and answer_days (from its creation to that answer).
        movers: of the week: dimension, contact_reason, excess, p, discovery.
        phrases: of the week: phrase, tickets, reason, reason_share, ticket_ids.
        days: all days, in order, up to the last of the week; thirteen weeks of them are good.
        matters: of the week: matter, words (joined by `;`), terms; None where there is none.
        rate: false discovery rate, of the week's movers and of the steps each.
        recent_weeks: a step counts where it lies in so many last weeks.

    Returns:
        `CANDIDATE_COLUMNS`, the highest score first. subject (reason, phrase or matter), kind (of the three), reason,
        phrases (joined by `;`), tickets (of the last seven days), expected, ratio, onset_on with onset_low and
        onset_high (95%, ISO dates) and onset_p, before_per_week, excess_as_counted (tickets a week since the onset
        beyond those before, at the flow of the team since then), excess (the same, allowing for its having been picked
        as large; with 95% interval), dispersion (variance of a week's tickets over their mean), others_per_week (the
        team's other tickets since the onset), dissatisfied_ratio (share of dissatisfied answers over the team's), score
        (excess times that ratio: avoided tickets a week, in tickets of average satisfaction) with 95% interval,
        found_by.

    Notes:
        A subject is a candidate where it moved up in the week or took a step up that is a discovery. Catch-all reasons
        are none; phrases that emerge under them join the reason that other tickets with the phrase bear, or stand for
        themselves. So do phrases of less than half of a reason's tickets of the week, unless the reason as a whole is a
        candidate since the same days: what is new in a broad reason would disappear in it. A matter that is spread over
        several labels is a candidate as it is, and its words count for no label. The excess is corrected by
        `size_after_selection`: it had to exceed what made a step or a mover a discovery; a phrase, what the largest of
        all subjects exceeds by chance at `rate`.

        Nothing in a score depends on how long the tickets have lain: hours that they waited are not in it, and of the
        answers to surveys those that came within seven days of the ticket's creation count, of tickets that have had
        these seven days. The interval of the score is drawn (seeded): a normal excess, a beta share of dissatisfied
        answers that the team's answers shrink.
    """
    rows = tickets[tickets["day"].isin(list(days))].reset_index(drop=True)
    rows["contact_reason"] = rows["contact_reason"].astype("str").fillna(UNLABELLED)
    reasons = movers[(movers["dimension"] == ALL) & (movers["contact_reason"] != ALL)]
    risen = _risen(reasons)
    day = pd.Index(list(days)).get_indexer(pd.Index(rows["day"]))
    total = np.bincount(day, minlength=len(days)).astype(np.float64)
    courses = _courses(rows, day, total, _all_subjects(phrases, matters, reasons))
    if not courses:
        return pd.DataFrame(columns=list(CANDIDATE_COLUMNS))
    steps_up = _fresh_steps(courses, len(days) - 7 * recent_weeks, rate)
    cuts: dict[_Way, float] = {
        "step": rate * max(sum(steps_up), 1) / len(courses),
        "mover": rate * max(int(movers["discovery"].sum()), 1) / max(int(movers["p"].notna().sum()), 1),
        "phrase": rate / len(courses),
    }
    onsets = {
        course.subject.reason: course.onset_days
        for course, is_step in zip(courses, steps_up, strict=True)
        if course.subject.kind == "reason" and (is_step or course.subject.reason in risen)
    }
    answers = _answers(rows, day, len(days))
    rng = np.random.default_rng(SEED)
    lines = []
    for course, is_step in zip(courses, steps_up, strict=True):
        if _is_candidate(course, onsets):
            found_by = _found_by(course.subject, risen, is_step=is_step)
            measure, error = _excess(course, total)
            size = size_after_selection(measure, error, _threshold(course, total, cuts, found_by))
            worth = _worth(size, answers, course.is_member & (day >= course.since), rng)
            lines.append(
                _avoidable(course, days, total)
                | {"found_by": " and ".join(found_by), "excess_as_counted": measure}
                | worth
            )
    frame = pd.DataFrame(lines, columns=[name for name in CANDIDATE_COLUMNS if name != "rank"])
    frame = frame[frame["excess"] > 0].sort_values(["score", "subject"], ascending=[False, True], kind="stable")
    frame.insert(0, "rank", np.arange(1, len(frame) + 1))
    return frame.reset_index(drop=True)


def affected_segments(
    tickets: pd.DataFrame,
    is_member: pd.Series,
    *,
    minimum_group: int,
    dimensions: Sequence[str] = ("channel", "language", "region", "form"),
) -> pd.DataFrame:
    """Where a subject's tickets come from, beside the team's others.

    Args:
        tickets: one row per ticket since the onset: the dimensions and requester_id.
        is_member: which are the subject's.
        minimum_group: segments of fewer requesters with the subject are left out, with the next larger one where the
            shares of the others would else tell them.
        dimensions: columns; those that the export lacks are left out.

    Returns:
        dimension, segment, tickets, share (of the subject's tickets), low, high (Wilson 95%), others_share, lift
        (share over others' share); within a dimension most tickets first.
    """
    parts = []
    for name in dimensions:
        if name not in tickets or tickets[name].notna().sum() == 0:
            continue
        rows = tickets[tickets[name].notna()]
        own = is_member[tickets[name].notna()]
        sums = pd.DataFrame({"tickets": rows[own].groupby(name).size(), "others": rows[~own].groupby(name).size()})
        sums = sums.fillna(0)
        is_hidden = groups_to_hide(rows[own], [name], minimum=minimum_group)
        shown = rows.loc[own, name][~is_hidden].unique()
        share = wilson(sums["tickets"], max(float(sums["tickets"].sum()), 1.0))
        others = sums["others"] / max(float(sums["others"].sum()), 1.0)
        part = pd.DataFrame(
            {
                "dimension": name,
                "segment": sums.index.astype("str"),
                "tickets": sums["tickets"].astype("int64").to_numpy(),
                "share": share["share"].to_numpy(),
                "low": share["low"].to_numpy(),
                "high": share["high"].to_numpy(),
                "others_share": others.to_numpy(),
                "lift": (share["share"] / others.where(others > 0)).to_numpy(),
            }
        )
        part = part[sums.index.isin(list(shown))]
        parts.append(part.sort_values(["tickets", "segment"], ascending=[False, True], kind="stable"))
    columns = ["dimension", "segment", "tickets", "share", "low", "high", "others_share", "lift"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def linked_causes(
    reason: str | None,
    ticket_ids: Sequence[str],
    *,
    onset_low: pd.Timestamp,
    onset_high: pd.Timestamp,
    tool_requests: pd.DataFrame | None = None,
    policy_changes: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Tool requests and policy changes that bear on a subject.

    Args:
        reason: the subject's contact reason, or None.
        ticket_ids: the subject's tickets.
        onset_low: first instant at which it may have begun.
        onset_high: last instant.
        tool_requests: the standard table, or None where the export has none.
        policy_changes: the standard table, or None.

    Returns:
        kind (tool request, policy change), id, at, what, status, why: the same reason, at least three shared tickets,
        or in force from within three days before the onset's interval until its end. By `at`.
    """
    lines = []
    own = set(ticket_ids)
    first, last = onset_low - _BEFORE_ONSET, onset_high
    for row in [] if tool_requests is None else tool_requests.to_dict("records"):
        shared = len(own & set(_items(row.get("ticket_ids"))))
        why = _why(
            (reason is not None and reason in _items(row.get("contact_reasons")), "names this reason"),
            (shared >= _FEWEST_SHARED_TICKETS, f"names {shared} of these tickets"),
        )
        if why:
            severity = _text(row.get("severity"))
            what = " ".join(filter(None, (_text(row.get("platform")), _text(row.get("kind")))))
            what = ", ".join(filter(None, (what, f"severity {severity}" if severity else "")))
            lines.append(("tool request", _text(row["request_id"]), row["opened_at"], what, _text(row["status"]), why))
    for row in [] if policy_changes is None else policy_changes.to_dict("records"):
        why = _why(
            (reason is not None and reason in _items(row.get("contact_reasons")), "names this reason"),
            (first <= row["effective_at"] <= last, "in force from about the onset"),
        )
        if why:
            lines.append(
                (
                    "policy change",
                    _text(row["policy_id"]),
                    row["effective_at"],
                    _text(row["summary"]),
                    "in force",
                    why,
                )
            )
    frame = pd.DataFrame(lines, columns=["kind", "id", "at", "what", "status", "why"])
    return frame.sort_values(["at", "id"], kind="stable", ignore_index=True)


def escalations_of_the_week(
    candidates: pd.DataFrame, is_relabelled: pd.Series, open_subjects: Collection[str], *, most: int = MOST_ESCALATED
) -> pd.DataFrame:
    """Which candidates are escalated in a week: the rule.

    Args:
        candidates: `CANDIDATE_COLUMNS`, the highest score first.
        is_relabelled: which of them rose because labels were changed, one bool per row.
        open_subjects: the subjects that were escalated before and never were back to their level since.
        most: how many stand first.

    Returns:
        Of the first `most` candidates whose excess is above zero beyond doubt (excess_low) and that are no matter of
        labels, those that are not open already; the rows and columns of `candidates`.
    """
    sure = candidates[(candidates["excess_low"] > 0) & ~is_relabelled].head(most)
    return sure[~sure["subject"].isin(list(open_subjects))]


def register_rows(escalations: pd.DataFrame, *, team: str, week: str) -> pd.DataFrame:
    """The rows of the register for what is escalated in a week.

    Args:
        escalations: of `escalations_of_the_week`, with escalation_id.
        team: whose they are.
        week: the week.

    Returns:
        `REGISTER_COLUMNS`, by escalation_id. As no week has gone by since, latest_per_week and its interval are NaN.
        needed_weeks is how many it will take to tell that it is back, missing where thirteen are too few.
    """
    rows = escalations.assign(team=team, escalated_week=week, latest_week=week, weeks_since=0, state=WAITING)
    needed = [needed_weeks(levels_of(row)) for row in rows.to_dict("records")]
    rows["needed_weeks"] = pd.array(needed, dtype="Int64")
    rows = rows.assign(latest_per_week=np.nan, latest_low=np.nan, latest_high=np.nan)[list(REGISTER_COLUMNS)]
    return rows.sort_values("escalation_id", kind="stable", ignore_index=True)


def _dispersion(count: Floats, fitted: Floats, together: int) -> float:
    """Pearson's variance over mean of sums of so many observations in a row, the last ones whole."""
    together = max(1, min(together, len(count) // 4))
    starts = np.arange(len(count) % together, len(count), together)
    own, mean = np.add.reduceat(count, starts), np.add.reduceat(fitted, starts)
    chi = np.divide((own - mean) ** 2, mean, out=np.zeros_like(mean), where=mean > 0).sum()
    # Two levels are fitted, and the best of many positions takes some three degrees of freedom more.
    return float(chi) / max(len(starts) - 5, len(starts) / 2)


def _no_step(highest: float, over: Floats, places: npt.NDArray[np.int64]) -> float:
    return float((1 + (_null_peaks(over, places) >= highest).sum()) / (_NULL_PATHS + 1))


def _null_peaks(over: Floats, places: npt.NDArray[np.int64]) -> Floats:
    """The highest of the squared steps of each path on which there is none."""
    paths = (_null_steps(len(over)) * np.sqrt(over)).cumsum(axis=1)
    share = (over.cumsum() / over.sum())[places - 1]
    bridge = (paths[:, places - 1] - share * paths[:, -1:]) / np.sqrt(over.sum())
    peaks: Floats = (bridge**2 / (share * (1 - share))).max(axis=1)
    return peaks


@cache
def _null_steps(length: int) -> Floats:
    """The same draws for all rows of one length: what differs between them is their exposure."""
    return np.random.default_rng(SEED).standard_normal((_NULL_PATHS, length))


def _subjects(phrases: pd.DataFrame) -> list[_Subject]:
    """Reasons with their phrases, and the phrases by themselves, strongest first.

    Phrases of which the tickets are mostly the same belong to one subject; it bears the reason that says something.
    """
    groups: list[tuple[set[str], list[str], dict[str, float]]] = []
    sizes: list[float] = []
    for row in phrases.to_dict("records"):
        ids = set(row["ticket_ids"])
        reasons = {str(row["reason"]): float(row["tickets"] * row["reason_share"])}
        home = next((group for group in groups if len(group[0] & ids) >= 0.5 * len(ids)), None)
        if home is None:
            groups.append((ids, [str(row["phrase"])], reasons))
            sizes.append(float(row["tickets"]))
            continue
        sizes[groups.index(home)] += float(row["tickets"])
        home[0].update(ids)
        home[1].append(str(row["phrase"]))
        for name, weight in reasons.items():
            home[2][name] = home[2].get(name, 0.0) + weight
    of_reason: dict[str, list[str]] = {}
    alone: list[_Subject] = []
    for (_, own, reasons), weight in zip(groups, sizes, strict=True):
        names = sorted(reasons, key=lambda name: -reasons[name])
        telling = [name for name in names if not _says_nothing(name)]
        # What customers of many reasons say alike, such as a new greeting, is no matter of its own.
        if telling and reasons[telling[0]] >= _OWN_SHARE * weight:
            of_reason.setdefault(telling[0], []).extend(own)
            alone.append(_Subject(own[0], "phrase", telling[0], own[:_PHRASES]))
        elif not telling and sum(reasons.values()) >= _OWN_SHARE * weight:
            alone.append(_Subject(own[0], "phrase", "", own[:_PHRASES]))
    return [*(_Subject(reason, "reason", reason, own[:_PHRASES]) for reason, own in of_reason.items()), *alone]


def _risen(reasons: pd.DataFrame) -> set[str]:
    """The reasons that moved up in the week, without those that say nothing of the matter."""
    up = reasons.loc[reasons["discovery"] & (reasons["excess"] > 0), "contact_reason"]
    return set(up[~is_catch_all(up) & (up != UNLABELLED)])


def _all_subjects(phrases: pd.DataFrame, matters: pd.DataFrame | None, reasons: pd.DataFrame) -> list[_Subject]:
    """The subjects that matters and other phrases make, and every other reason that was tested."""
    if matters is None:
        matters = pd.DataFrame(columns=["matter", "words", "terms"])
    of_matters = {term for terms in matters["terms"] for term in terms}
    subjects = _subjects(phrases[~phrases["phrase"].isin(list(of_matters))])
    subjects += [
        _Subject(str(name), "matter", "", str(words).split(";"))
        for name, words in zip(matters["matter"], matters["words"], strict=True)
    ]
    with_phrases = {subject.reason for subject in subjects if subject.kind == "reason"}
    for reason in reasons.loc[reasons["p"].notna(), "contact_reason"]:
        if reason not in with_phrases and not _says_nothing(reason):
            subjects.append(_Subject(str(reason), "reason", str(reason), []))
    return subjects


def _says_nothing(reason: str) -> bool:
    return reason == UNLABELLED or bool(is_catch_all(pd.Series([reason])).iloc[0])


def _courses(
    rows: pd.DataFrame, day: npt.NDArray[np.intp], total: Floats, subjects: Sequence[_Subject]
) -> list[_Course]:
    """The subjects that have ten tickets, with their steps; of phrases those of less than half of a reason's week."""
    days = len(total)
    of_the_week = rows.loc[day >= days - 7, "contact_reason"].value_counts()
    courses = []
    for subject in subjects:
        is_member = members(rows, subject.kind, subject.reason, subject.phrases).to_numpy()
        own = np.bincount(day[is_member], minlength=days).astype(np.float64)
        others = np.maximum(total - own, 0.0)
        if own.sum() < _FEWEST_TICKETS or (others > 0).sum() < _FEWEST_DAYS:
            continue
        step = change_point(own, others, margin=_MARGIN, together=7)
        if subject.kind == "reason" or own[-7:].sum() < _PART_OF_REASON * of_the_week.get(subject.reason, np.inf):
            courses.append(_Course(subject, is_member, own, step))
    return courses


def _fresh_steps(courses: Sequence[_Course], first_day: int, rate: float) -> list[bool]:
    """Which of the subjects took a step up, from that day on, that is a discovery among all steps."""
    p = np.array([course.step.p if course.step.step > 0 else 1.0 for course in courses])
    signals = benjamini_hochberg(p, rate=rate)["discovery"].to_numpy()
    return [
        bool(signal) and course.has_risen and course.step.position >= first_day
        for course, signal in zip(courses, signals, strict=True)
    ]


def _is_candidate(course: _Course, onsets: Mapping[str, tuple[int, int]]) -> bool:
    """A reason that rose, a matter of several labels, or a phrase unless its reason rose on the same days."""
    subject = course.subject
    if subject.reason not in onsets:
        return subject.kind != "reason"
    (low, high), (first, last) = course.onset_days, onsets[subject.reason]
    return subject.kind == "reason" or low > last or first > high


def _level_before(course: _Course, flow: Floats) -> float:
    """Its tickets for each of the team's others, before it began."""
    return float(course.own[: course.since].sum() / max(flow[: course.since].sum(), 1.0))


def _excess(course: _Course, total: Floats) -> tuple[float, float]:
    """Tickets a week since it began beyond those before, at the flow of the team since then; standard error."""
    flow, since, step = total - course.own, course.since, course.step
    per_week = 7 * flow[since:].mean()
    before = _level_before(course, flow)
    error = np.sqrt(step.dispersion * (step.after / max(flow[since:].sum(), 1.0) + before / max(flow[:since].sum(), 1)))
    excess = (course.own[since:].sum() / max(flow[since:].sum(), 1.0) - before) * per_week
    return float(excess), float(error * per_week)


def _avoidable(course: _Course, days: Sequence[str], total: Floats) -> dict[str, object]:
    """The subject, its tickets of the week, its onset, and what was usual before."""
    flow, since, step = total - course.own, course.since, course.step
    before, this_week = _level_before(course, flow), course.own[-7:].sum()
    expected = before * flow[-7:].sum()
    return {
        "subject": course.subject.name,
        "kind": course.subject.kind,
        "reason": course.subject.reason,
        "phrases": ";".join(course.subject.phrases),
        "tickets": int(this_week),
        "expected": expected,
        "ratio": (this_week + 0.5) / (expected + 0.5),
        "onset_on": days[since],
        "onset_low": days[min(step.low, len(days) - 1)] if course.has_risen else None,
        "onset_high": days[min(step.high, len(days) - 1)] if course.has_risen else None,
        "onset_p": step.p,
        "before_per_week": before * (7 * flow[since:].mean()),
        "dispersion": step.dispersion,
        "others_per_week": 7 * flow[since:].mean(),
    }


def _found_by(subject: _Subject, risen: Collection[str], *, is_step: bool) -> dict[str, _Way]:
    """What called attention to a subject: in words, and the way it was tested."""
    under = f" under {subject.reason}" if subject.kind == "phrase" and subject.reason else ""
    signs: tuple[tuple[str, _Way, bool], ...] = (
        ("moved this week", "mover", subject.kind == "reason" and subject.reason in risen),
        ("new over several labels", "phrase", subject.kind == "matter"),
        (f"new phrases{under}", "phrase", bool(subject.phrases) and subject.kind != "matter"),
        ("step up", "step", is_step),
    )
    return {name: way for name, way, holds in signs if holds}


def _threshold(course: _Course, total: Floats, cuts: Mapping[_Way, float], found_by: Mapping[str, _Way]) -> float:
    """So many standard errors a subject had to rise to be found in the easiest of the ways in which it was found."""
    over = np.maximum(total - course.own, 0.0)
    over = over[over > 0]
    peaks = _null_peaks(over, np.arange(_MARGIN, len(over) - _MARGIN + 1))
    at = {way: -float(special.ndtri(cut / 2)) for way, cut in cuts.items()}
    at["step"] = float(np.sqrt(np.quantile(peaks, 1 - cuts["step"])))
    return min(at[way] for way in found_by.values())


def _answers(rows: pd.DataFrame, day: npt.NDArray[np.intp], days: int) -> Floats:
    """Satisfied 1.0, dissatisfied 0.0: answers of the first seven days of tickets that have had these; else NaN."""
    if "satisfied" not in rows:
        return np.full(len(rows), np.nan)
    answer = rows["satisfied"].to_numpy(dtype=np.float64)
    lain = rows["answer_days"].to_numpy(dtype=np.float64) if "answer_days" in rows else np.zeros(len(rows))
    return np.where((day < days - _ANSWER_DAYS) & (lain <= _ANSWER_DAYS), answer, np.nan)


def _worth(size: Size, answers: Floats, is_member: npt.NDArray[np.bool_], rng: np.random.Generator) -> dict[str, float]:
    """Excess and dissatisfaction of a subject's tickets since its onset, and their product, with intervals."""
    reach = -float(special.ndtri(0.025))
    draws = size.value + (size.high - size.low) / 2 / reach * rng.standard_normal(_DRAWS)
    unhappy, unhappy_draws = 1.0, np.ones(_DRAWS)
    answered = int(np.sum(~np.isnan(answers)))
    team = float(np.sum(answers == 0) / answered) if answered else 0.0
    if team > 0:
        own = answers[is_member]
        bad = float(np.sum(own == 0)) + _FEW_ANSWERS * team
        good = float(np.sum(own == 1)) + _FEW_ANSWERS * (1 - team)
        unhappy = bad / (bad + good) / team
        unhappy_draws = rng.beta(bad, max(good, 1e-6), _DRAWS) / team
    low, high = np.quantile(draws * unhappy_draws, [0.025, 0.975])
    return {
        "excess": size.value,
        "excess_low": size.low,
        "excess_high": size.high,
        "dissatisfied_ratio": unhappy,
        "score": size.value * unhappy,
        "score_low": float(low),
        "score_high": float(high),
    }


def _phrases_of(row: pd.Series) -> list[str]:
    return [each for each in str(row["phrases"]).split(";") if each]


def _says(texts: pd.Series, phrases: Sequence[str]) -> pd.Series:
    """Which texts hold any of the phrases as whole words; of words together, both."""
    texts, says_it = texts.astype("str"), pd.Series(False, index=texts.index)
    for phrase in phrases:
        says_all = pd.Series(True, index=texts.index)
        for part in phrase.split(TOGETHER):
            says_all &= texts.str.contains(f" {part} ", regex=False).fillna(False)
        says_it |= says_all
    return says_it


def _items(value: object) -> list[str]:
    return [item.strip() for item in value.split(";") if item.strip()] if isinstance(value, str) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _why(*reasons: tuple[bool, str]) -> str:
    return ", ".join(reason for holds, reason in reasons if holds)
