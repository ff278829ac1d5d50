"""What others think of the work: satisfaction surveys of customers and quality reviews of reviewers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opslib.sample import centre, truth
from opslib.sample.arrivals import Arrivals
from opslib.sample.events import States
from opslib.sample.roster import Roster
from opslib.sample.words import SURVEY_COMMENTS

REVIEWERS = (
    "agent-abby-lund",
    truth.INCONSISTENT_REVIEWER,
    "agent-kofi-mensah",
    "agent-lena-voss",
    "agent-rita-sandoval",
)
CRITERIA = (  # name, best score, share of the points usually given, critical
    ("tone", 5, 0.93, False),
    ("accuracy", 10, 0.90, False),
    ("completeness", 10, 0.87, False),
    ("process", 5, 0.91, False),
    ("privacy", 1, 0.985, True),
)


def draw_surveys(rng: np.random.Generator, tickets: Arrivals, after: States, roster: Roster) -> pd.DataFrame:
    """Draw the answered surveys.

    Satisfaction falls with the wait for the first reply, with transfers and reopens, and differs by reason and agent;
    in the team of the planted mix shift it depends on the channel alone.

    Returns:
        ticket (row), answered and offered (epoch seconds), score, scale_max, comment.
    """
    rows = np.flatnonzero((after.offered >= 0) & (after.credited_agent >= 0))
    luck = rng.random((4, len(rows)))
    delay = np.round(np.clip(np.exp(rng.normal(0, 1.3, len(rows))) * 4 * centre.HOUR, 60, 13 * centre.DAY))
    answer_times = after.offered[rows] + delay.astype(np.int64)
    mix_team = after.offered_team[rows] == centre.TEAM_NAMES.index(truth.MIX_TEAM)
    channel = tickets.channel[rows]
    answers = luck[0] < np.where(
        mix_team, _by_channel(centre.SAFETY_ANSWERED)[channel], _by_channel(centre.ANSWERED_SHARE)[channel]
    )
    keep = answers & (answer_times <= centre.END)
    rows, answer_times, luck = rows[keep], answer_times[keep], luck[:, keep]
    team = after.offered_team[rows]
    wait_hours = (after.first_reply[rows] - tickets.created[rows]) / centre.HOUR
    logit = (
        np.array([one.satisfaction for one in centre.TEAMS])[team]
        + np.array([reason.satisfaction for reason in centre.REASONS])[tickets.reason[rows]]
        - 0.28 * np.log1p(wait_hours / 4)
        - 0.30 * np.minimum(after.transfers[rows], 3)
        - 0.70 * np.minimum(after.reopens[rows], 2)
        + 0.18 * roster.skill[after.credited_agent[rows]]
    )
    chance = 1 / (1 + np.exp(-logit))
    by_channel = _by_channel(centre.SAFETY_SATISFIED)[tickets.channel[rows]]
    chance = np.where(team == centre.TEAM_NAMES.index(truth.MIX_TEAM), by_channel, chance)
    satisfied = luck[1] < chance
    scale = np.array([one.scale_max for one in centre.TEAMS])[team]
    five = np.where(
        satisfied, np.where(luck[2] < 0.68, 5, 4), np.where(luck[2] < 0.4, 1, np.where(luck[2] < 0.7, 2, 3))
    )
    score = np.where(scale == 2, np.where(satisfied, 2, 1), five)
    praise, blame = (np.array(SURVEY_COMMENTS[key], dtype=object) for key in ("satisfied", "dissatisfied"))
    picks = luck[2] * 997 % 1
    comment = np.where(
        satisfied,
        praise[(picks * len(praise)).astype(int)],
        blame[(picks * len(blame)).astype(int)],
    )
    comment[luck[3] > np.where(satisfied, 0.12, 0.34)] = None
    surveys = pd.DataFrame(
        {
            "ticket": rows,
            "answered": answer_times,
            "score": score,
            "offered": after.offered[rows],
            "scale_max": scale,
            "comment": comment,
        }
    )
    return surveys.sort_values(["answered", "ticket"], ignore_index=True)


def _by_channel(values: dict[str, float]) -> np.ndarray:
    return np.array([values[name] for name in centre.CHANNELS])


def draw_reviews(
    rng: np.random.Generator, tickets: Arrivals, after: States, roster: Roster, planted: bool
) -> pd.DataFrame:
    """Draw the quality reviews.

    About 4 % of the solved tickets are reviewed once; in every week one ticket per team is reviewed by all reviewers
    to calibrate them. With `planted` one reviewer judges at random and severely.

    Returns:
        One row per criterion: review (number), ticket (row), reviewer (position in REVIEWERS), reviewed (epoch
        seconds), criterion, score, max_score, agent (position), critical, calibration.
    """
    solved = np.flatnonzero((after.solved >= centre.START) & (after.assignee >= 0) & (after.first_reply >= 0))
    share = max(0.04, min(0.4, 1200 / max(len(solved), 1)))
    single = solved[rng.random(len(solved)) < share]
    week = (after.solved[solved] - centre.START) // (7 * centre.DAY)
    group = week * len(centre.TEAMS) + after.team[solved]
    shuffled = rng.permutation(len(solved))
    _, where = np.unique(group[shuffled], return_index=True)
    calibrations = solved[shuffled[where]]
    calibrations = np.setdiff1d(calibrations, single)
    row = np.concatenate([single, np.repeat(calibrations, len(REVIEWERS))])
    reviewer = np.concatenate(
        [rng.integers(0, len(REVIEWERS), len(single)), np.tile(np.arange(len(REVIEWERS)), len(calibrations))]
    )
    calibration = np.arange(len(row)) >= len(single)
    review_times = after.solved[row] + rng.integers(4 * centre.HOUR, 6 * centre.DAY, len(row))
    quality = roster.skill[after.assignee[row]] * 0.035
    per_ticket = np.round(rng.normal(0, 0.05, len(tickets)), 4)[row]
    quality += per_ticket + np.array([0.0, 0.01, -0.015, 0.01, -0.005])[reviewer]
    erratic = planted & (reviewer == REVIEWERS.index(truth.INCONSISTENT_REVIEWER))
    quality += np.where(erratic, 0.16 * rng.normal(0, 1, len(row)), 0.0)
    frames = []
    for place, (name, best, usual, critical) in enumerate(CRITERIA):
        noise = rng.normal(0, 1, len(row)) * np.where(erratic, 0.20, 0.06)
        share_of_points = usual + quality + noise - np.where(erratic, 0.08, 0.0)
        if best == 1:
            score = (rng.random(len(row)) < np.where(erratic, 0.94, np.minimum(usual + 0.1 * quality, 0.998))).astype(
                int
            )
        else:
            score = np.clip(np.round(share_of_points * best), 0, best).astype(int)
        frames.append(
            pd.DataFrame(
                {
                    "place": place,
                    "ticket": row,
                    "reviewer": reviewer,
                    "reviewed": review_times,
                    "criterion": name,
                    "score": score,
                    "max_score": best,
                    "agent": after.assignee[row],
                    "critical": critical,
                    "calibration": calibration,
                }
            )
        )
    order = np.lexsort((reviewer, row, review_times))
    rank = np.empty(len(row), dtype=np.int64)
    rank[order] = np.arange(len(row))
    for frame in frames:
        frame["review"] = rank
    reviews = pd.concat(frames, ignore_index=True)
    reviews = reviews[reviews["reviewed"] <= centre.END]
    return reviews.sort_values(["review", "place"], ignore_index=True).drop(columns="place")


def reviewer_rows() -> pd.DataFrame:
    """The reviewers as rows of the agents table."""
    return pd.DataFrame(
        {
            "agent_id": REVIEWERS,
            "team": [centre.TEAM_NAMES[number % len(centre.TEAMS)] for number in range(len(REVIEWERS))],
            "site": [centre.TEAMS[number % len(centre.TEAMS)].site for number in range(len(REVIEWERS))],
            "time_zone": [centre.TEAMS[number % len(centre.TEAMS)].zone.key for number in range(len(REVIEWERS))],
            "hired_on": [centre.FIRST_DAY.replace(year=2022)] * len(REVIEWERS),
            "left_on": [None] * len(REVIEWERS),
        }
    )
