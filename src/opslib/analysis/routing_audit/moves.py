"""Where tickets go: moves between queues and teams, wrong first queues, and what a transfer goes along with."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from opslib.analysis.methods.discovery import FALSE_DISCOVERY_RATE, benjamini_hochberg
from opslib.analysis.methods.intervals import newcombe_difference, wilson

TRAILING_WEEKS = 8
LEAST_TICKETS = 5

Unit = Literal["queue", "team"]


def moves(spells: pd.DataFrame, unit: Unit = "queue") -> pd.DataFrame:
    """List every move of a ticket from one queue or team to another.

    Args:
        spells: facts/spells: ticket_id, start_at and the unit, a row per stretch in which nothing changed.
        unit: queue or team.

    Returns:
        ticket_id, moved_at, origin, destination, in order of ticket and time. Stretches without a queue are passed
        over.
    """
    stays = spells.loc[spells[unit].notna(), ["ticket_id", "start_at", unit]]
    stays = stays.sort_values(["ticket_id", "start_at"], kind="stable")
    origin = stays[unit].shift()
    same_ticket = stays["ticket_id"] == stays["ticket_id"].shift()
    arrivals = stays.assign(origin=origin)[same_ticket & (stays[unit] != origin)]
    arrivals = arrivals.rename(columns={"start_at": "moved_at", unit: "destination"})
    return arrivals[["ticket_id", "moved_at", "origin", "destination"]].reset_index(drop=True)


def transitions(ticket_moves: pd.DataFrame) -> pd.DataFrame:
    """Count moves by where they come from and go to.

    Args:
        ticket_moves: ticket_id, origin, destination, a row per move.

    Returns:
        origin, destination, moves, tickets, and the share of the moves out of the origin that go to the destination
        with its Wilson interval (share, low, high); most moves first.
    """
    grouped = ticket_moves.groupby(["origin", "destination"], observed=True)["ticket_id"]
    counts = grouped.agg(moves="size", tickets="nunique").reset_index()
    leaving = counts.groupby("origin", observed=True)["moves"].transform("sum")
    counts = counts.join(wilson(counts["moves"], leaving))
    return counts.sort_values(["moves", "origin", "destination"], ascending=[False, True, True], ignore_index=True)


def transfer_counts(tickets: pd.DataFrame) -> pd.DataFrame:
    """Count tickets by how often they were transferred.

    Args:
        tickets: transfers and ping_pongs; tickets without a number of transfers are left out.

    Returns:
        transfers ("0", "1", "2", "3 or more"), tickets, share, low, high (Wilson), ping_pong (tickets that came back to
        a queue that they had left; missing where no ticket tells).
    """
    with_count = tickets[tickets["transfers"].notna()]
    transfers = with_count["transfers"].clip(upper=3).astype("int64")
    is_ping_pong = with_count["ping_pongs"].fillna(0) > 0
    counts = pd.DataFrame({"tickets": transfers.value_counts(), "ping_pong": transfers[is_ping_pong].value_counts()})
    counts = counts.reindex(range(4)).fillna(0).astype("int64")
    shares = wilson(counts["tickets"], len(with_count))
    if with_count["ping_pongs"].isna().all():
        counts["ping_pong"] = np.nan
    counts.insert(0, "transfers", ["0", "1", "2", "3 or more"])
    return counts[["transfers", "tickets"]].join(shares).join(counts["ping_pong"]).reset_index(drop=True)


def is_misrouted(tickets: pd.DataFrame) -> pd.Series:
    """Whether the first queue is another than the one that solved the ticket; missing where either is not known.

    >>> frame = pd.DataFrame({"first_queue": ["a", "a", None], "solved_queue": ["a", "b", "b"]})
    >>> is_misrouted(frame).tolist()
    [False, True, <NA>]
    """
    has_both = tickets["first_queue"].notna() & tickets["solved_queue"].notna()
    return (tickets["first_queue"] != tickets["solved_queue"]).astype("boolean").where(has_both)


def misrouted(tickets: pd.DataFrame, by: str) -> pd.DataFrame:
    """Find where first queues are wrong.

    Args:
        tickets: first_queue, solved_queue and `by`.
        by: contact_reason, channel, form or any other column; an empty value counts as "(none)".

    Returns:
        `by`, tickets (judged), misrouted, share, low, high (Wilson), belongs_in (the queue that solves most of the
        misrouted, "" for none); most misrouted tickets first.
    """
    verdicts = is_misrouted(tickets).dropna().astype(bool)
    groups = tickets.loc[verdicts.index, by].astype("str").fillna("(none)")
    counts = verdicts.groupby(groups).agg(tickets="size", misrouted="sum").rename_axis(by).reset_index()
    counts = counts.join(wilson(counts["misrouted"], counts["tickets"]))
    queues = tickets.loc[verdicts.index, "solved_queue"]
    belongs_in = _most_frequent(queues[verdicts], groups[verdicts])
    counts["belongs_in"] = counts[by].map(belongs_in).astype("str").fillna("")
    return counts.sort_values(["misrouted", by], ascending=[False, True], ignore_index=True)


def _most_frequent(values: pd.Series, groups: pd.Series) -> pd.Series:
    """The most frequent value of each group, the first by name among equals, by group."""
    counts = pd.DataFrame({"group": groups, "value": values}).value_counts(["group", "value"]).rename("n").reset_index()
    counts = counts.sort_values(["group", "n", "value"], ascending=[True, False, True])
    return counts.drop_duplicates("group").set_index("group")["value"]


def misrouted_by_week(tickets: pd.DataFrame) -> pd.DataFrame:
    """The misrouted share by week of creation.

    Args:
        tickets: week, first_queue, solved_queue.

    Returns:
        week, tickets (judged), misrouted, share, low, high (Wilson), in order.
    """
    return misrouted(tickets, "week").drop(columns="belongs_in").sort_values("week", ignore_index=True)


def misrouted_shift(weeks: pd.DataFrame, recent: npt.NDArray[np.bool_], *, confidence: float = 0.99) -> pd.DataFrame:
    """Compare the misrouted share of some weeks with that of others, weeks differing by more than chance of tickets.

    Args:
        weeks: tickets (judged) and misrouted, a row per week.
        recent: which of the weeks are compared with the rest.
        confidence: coverage of the interval.

    Returns:
        One row: share, before, difference, low, high, dispersion; NaN where there are fewer than two weeks to compare
        with, or no tickets.

    Notes:
        Quasi-binomial: the variance of a week's count is the binomial one times a dispersion φ: Pearson's χ² of weeks
        before around their share, over its degrees of freedom, and at least 1. The recent weeks have no part in it, or
        what began in the midst of them would hide itself. The interval is difference ± t √(φ (p₁q₁/n₁ + p₀q₀/n₀)).
        It is taken week after week on stretches that overlap, so that a chance excursion stays for weeks: hence 99 %.

    References:
        McCullagh, P., Nelder, J. A. (1989). Generalized Linear Models, 2nd ed., section 4.5 (over-dispersion).

    >>> weeks = pd.DataFrame({"tickets": [100] * 4, "misrouted": [10, 10, 30, 30]})
    >>> misrouted_shift(weeks, np.array([False, False, True, True]))["difference"].round(3).tolist()
    [0.2]
    """
    sides = [weeks[recent], weeks[~recent]]
    counts = [int(side["tickets"].sum()) for side in sides]
    if len(sides[1]) < 2 or min(counts) == 0:
        return pd.DataFrame([dict.fromkeys(("share", "before", "difference", "low", "high", "dispersion"), np.nan)])
    share, before = (float(side["misrouted"].sum()) / count for side, count in zip(sides, counts, strict=True))
    tickets, wrong = (sides[1][name].to_numpy(np.float64) for name in ("tickets", "misrouted"))
    freedom, spread = len(tickets) - 1, before * (1 - before)
    chi = float(np.sum((wrong - tickets * before) ** 2 / np.maximum(tickets, 1))) / spread if spread > 0 else 0.0
    dispersion = max(1.0, chi / freedom)
    error = np.sqrt(dispersion * (share * (1 - share) / counts[0] + spread / counts[1]))
    half = float(-special.stdtrit(freedom, (1 - confidence) / 2) * error)
    difference = share - before
    limits = {"low": difference - half, "high": difference + half}
    return pd.DataFrame(
        [{"share": share, "before": before, "difference": difference, **limits, "dispersion": dispersion}]
    )


def misrouting_signals(
    tickets: pd.DataFrame,
    week: str,
    *,
    by: str = "contact_reason",
    trailing: int = TRAILING_WEEKS,
    false_discovery_rate: float = FALSE_DISCOVERY_RATE,
) -> pd.DataFrame:
    """Test whether more of a week's tickets were misrouted than in the weeks before, group by group.

    Args:
        tickets: week, first_queue, solved_queue, `by`, without those that were solved only after the question is asked.
        week: the week in question.
        by: the groups; each is a test.
        trailing: how many weeks before it are compared with.
        false_discovery_rate: the expected share of false ones among the discoveries of all groups.

    Returns:
        `by`, tickets, misrouted, share, low, high, belongs_in of the week; tickets_before, share_before; p, q,
        discovery; smallest p first. Groups with fewer than 5 judged tickets in the week or before are not tested and
        left out.

    Notes:
        Fisher's exact test, one-sided: whether the share has risen. It is conservative for small counts, so that the
        false discovery rate is at most what it says.

    References:
        Fisher, R. A. (1935). The Design of Experiments, section 11 (the exact test).
    """
    weeks = sorted(each for each in tickets["week"].unique() if each < week)[-trailing:]
    now = misrouted(tickets[tickets["week"] == week], by)
    before = misrouted(tickets[tickets["week"].isin(weeks)], by)[[by, "tickets", "misrouted", "share"]]
    both = now.merge(before, on=by, suffixes=("", "_before"))
    both = both[(both["tickets"] >= LEAST_TICKETS) & (both["tickets_before"] >= LEAST_TICKETS)]
    wrong = both["misrouted"] + both["misrouted_before"]
    total = both["tickets"] + both["tickets_before"]
    p = stats.hypergeom.sf(both["misrouted"] - 1, total, wrong, both["tickets"])
    both = both.assign(p=np.minimum(np.asarray(p, dtype=np.float64), 1.0))
    tests = benjamini_hochberg(both["p"], rate=false_discovery_rate)
    both = both.assign(q=tests["q"], discovery=tests["discovery"])
    columns = [by, "tickets", "misrouted", "share", "low", "high", "belongs_in", "tickets_before", "share_before"]
    return both.sort_values(["p", by], ignore_index=True)[[*columns, "p", "q", "discovery"]]


def stratified_difference(
    value: npt.ArrayLike, exposed: npt.ArrayLike, strata: npt.ArrayLike, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Compare two groups within strata and pool the differences.

    Args:
        value: the outcome, one per row; missing rows are left out.
        exposed: which group each row is in.
        strata: the stratum of each row, as codes or names.
        confidence: coverage of the interval.

    Returns:
        One row: difference, low, high, exposed, unexposed (rows that count), strata (that have both groups), left_out
        (rows of strata that have only one, and so say nothing). NaN where there is no such stratum.

    Notes:
        Least squares with one intercept per stratum. A stratum weighs n₁n₀/(n₁+n₀), as in the risk difference of Mantel
        and Haenszel, which this is for an outcome of 0 and 1. The interval rests on the heteroscedasticity-consistent
        variance HC1, so the groups may spread differently. It compares like with like; it does not make chance of what
        led to the exposure.

    References:
        Rothman, K. J., Greenland, S., Lash, T. L. (2008). Modern Epidemiology, 3rd ed., chapter 15.
        MacKinnon, J. G., White, H. (1985). Some heteroskedasticity-consistent covariance matrix estimators with
        improved finite sample properties. Journal of Econometrics 29, 305-325.

    >>> stratified_difference([3, 5, 1, 2], [True, True, False, False], ["a"] * 4)["difference"].tolist()
    [2.5]
    """
    frame = pd.DataFrame(
        {
            "y": np.asarray(value, dtype=np.float64),
            "x": np.asarray(exposed, dtype=np.float64),
            "stratum": np.asarray(strata),
        }
    ).dropna()
    grouped = frame.groupby("stratum")
    exposed_share = grouped["x"].transform("mean")
    has_both = (exposed_share > 0) & (exposed_share < 1)
    rows = frame[has_both]
    groups = rows["stratum"].nunique()
    counts = {
        "exposed": int(rows["x"].sum()),
        "unexposed": int((1 - rows["x"]).sum()),
        "strata": groups,
        "left_out": int((~has_both).sum()),
    }
    if rows.empty:
        return pd.DataFrame([{"difference": np.nan, "low": np.nan, "high": np.nan, **counts}])
    x = (rows["x"] - exposed_share[has_both]).to_numpy()
    y = (rows["y"] - rows.groupby("stratum")["y"].transform("mean")).to_numpy()
    spread = float(x @ x)
    difference = float(x @ y) / spread
    freedom = len(rows) - groups - 1
    if freedom > 0:
        variance = float(np.sum((x * (y - difference * x)) ** 2)) / spread**2 * len(rows) / freedom
        half = float(-special.stdtrit(freedom, (1 - confidence) / 2) * np.sqrt(variance))
    else:
        half = np.nan
    return pd.DataFrame([{"difference": difference, "low": difference - half, "high": difference + half, **counts}])


def transfer_cost(
    tickets: pd.DataFrame,
    satisfied: pd.Series | None = None,
    *,
    adjust: tuple[str, ...] = ("contact_reason", "priority"),
) -> pd.DataFrame:
    """Compare tickets that were transferred with those that were not, of the same reason and priority.

    Args:
        tickets: ticket_id, transfers, full_resolution_business_seconds (missing where not solved) and the columns of
            `adjust`; an empty value is a value of its own.
        satisfied: by ticket_id, whether the customer was satisfied; tickets without an answer are not in it.
        adjust: within which columns tickets are compared.

    Returns:
        One row per outcome: outcome, unit (seconds, times, share), with_transfer, without_transfer (medians of times,
        else means), crude, adjusted, low, high, exposed, unexposed, strata, left_out.
        `times` is how many times as long it took, by the mean of logarithms.

    Notes:
        This is an association. What makes a ticket hard makes it both slow and prone to be transferred, and reason and
        priority tell only part of that. A rule that was changed gives a before and after: see `before_after`.
        Tickets that are not solved yet are not compared.
    """
    with_count = tickets[tickets["transfers"].notna()]
    transferred = (with_count["transfers"] > 0).to_numpy()
    strata = pd.MultiIndex.from_frame(with_count[list(adjust)].astype("str").fillna("")).factorize()[0]
    seconds = with_count["full_resolution_business_seconds"].astype("float64")
    answers = with_count["ticket_id"].map(satisfied).astype("float64") if satisfied is not None else seconds * np.nan
    log = np.log(np.maximum(seconds, 1.0))
    rows = []
    for outcome, unit, values in (
        ("full_resolution", "times", log),
        ("full_resolution", "seconds", seconds),
        ("satisfied", "share", answers),
    ):
        measure = seconds if unit == "times" else values
        sides = pd.Series(measure).groupby(transferred).agg("mean" if unit == "share" else "median")
        levels = [float(sides.get(side, np.nan)) for side in (True, False)]
        crude = float(values[transferred].mean() - values[~transferred].mean())
        pooled = stratified_difference(values, transferred, strata)
        limits = pooled[["difference", "low", "high"]].to_numpy(np.float64)[0]
        if unit == "times":
            crude, limits = float(np.exp(crude)), np.exp(limits)
        head = pd.DataFrame(
            {"outcome": [outcome], "unit": unit, "with_transfer": levels[0], "without_transfer": levels[1]}
        )
        head = head.assign(crude=crude, adjusted=limits[0], low=limits[1], high=limits[2])
        rows.append(head.join(pooled[["exposed", "unexposed", "strata", "left_out"]]))
    return pd.concat(rows, ignore_index=True)


def before_after(
    tickets: pd.DataFrame, affected: npt.NDArray[np.bool_], changed_at: pd.Timestamp, *, days: int = 56
) -> pd.DataFrame:
    """Compare tickets before and after a rule was changed, beside those that the rule does not touch.

    Args:
        tickets: created_at, first_queue, solved_queue, full_resolution_business_seconds (missing where not solved).
        affected: which of them the rule fits.
        changed_at: when it was changed.
        days: how many days on either side are compared.

    Returns:
        For the group `affected` and the group `others` a row per outcome (misrouted, unit share; full_resolution, unit
        times): before, after, difference, low, high, tickets_before, tickets_after. Shares differ by Newcombe's
        interval; times are geometric means and their ratio, by Welch's interval of the logarithms.

    References:
        Welch, B. L. (1947). The generalization of Student's problem when several different population variances are
        involved. Biometrika 34, 28-35.
    """
    created = pd.to_datetime(tickets["created_at"], utc=True)
    span = pd.Timedelta(days=days)
    earlier = ((created >= changed_at - span) & (created < changed_at)).to_numpy()
    later = ((created >= changed_at) & (created < changed_at + span)).to_numpy()
    verdicts = is_misrouted(tickets)
    judged = verdicts.notna().to_numpy()
    is_wrong = verdicts.fillna(False).to_numpy(bool)
    log = np.log(np.maximum(tickets["full_resolution_business_seconds"].astype("float64").to_numpy(), 1.0))
    solved = ~np.isnan(log)
    rows = []
    for group, members in (("affected", affected), ("others", ~affected)):
        shares = _change_of_share(*(is_wrong[judged & members & side] for side in (earlier, later)))
        times = _change_of_time(*(log[solved & members & side] for side in (earlier, later)))
        rows += [(group, "misrouted", "share", *shares), (group, "full_resolution", "times", *times)]
    columns = ["before", "after", "difference", "low", "high", "tickets_before", "tickets_after"]
    return pd.DataFrame(rows, columns=["group", "outcome", "unit", *columns])


def _change_of_share(before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> tuple[float, ...]:
    """Share before and after, difference with Newcombe's interval, and how many tickets stand behind either."""
    wrong = [int(side.sum()) for side in (before, after)]
    counts = [len(before), len(after)]
    levels = [part / count if count else np.nan for part, count in zip(wrong, counts, strict=True)]
    difference = newcombe_difference(wrong[1], counts[1], wrong[0], counts[0]).iloc[0]
    return (*levels, *difference, *counts)


def _change_of_time(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Geometric mean before and after, ratio with Welch's interval, and how many tickets stand behind either."""
    levels = [float(np.exp(side.mean())) if len(side) else np.nan for side in (before, after)]
    return (*levels, *np.exp(_welch(before, after)), len(before), len(after))


def _welch(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Difference of means, after less before, with its interval; NaN for fewer than two values on either side."""
    if min(len(before), len(after)) < 2:
        return np.nan, np.nan, np.nan
    parts = [float(each.var(ddof=1)) / len(each) for each in (before, after)]
    difference = float(after.mean() - before.mean())
    if sum(parts) == 0:
        return difference, difference, difference
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(each) - 1) for part, each in zip(parts, (before, after), strict=True)
    )
    half = float(-special.stdtrit(freedom, (1 - confidence) / 2) * np.sqrt(sum(parts)))
    return difference, difference - half, difference + half
