"""What the notebook on contact drivers calls: why customers write to a team, what moved, what is new, what to escalate.

As `report`: every function takes what `open_drivers` gives and returns a tidy frame; `show` draws such frames.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from opslib.analysis.contact_drivers import drivers, escalation, language, movers
from opslib.analysis.contact_drivers.escalation_register import AREA, SCHEMA, TABLE
from opslib.analysis.contact_drivers.movers import ALL
from opslib.analysis.contact_drivers.relabelling import labels_replaced
from opslib.analysis.methods.intervals import poisson_rate
from opslib.display import words
from opslib.display.headline import Headline, Line
from opslib.errors import NotInExport
from opslib.intake.privacy.redaction import redact
from opslib.reports.contact_drivers.escalation_files import Escalated, Escalation
from opslib.reports.week import Week
from opslib.weeks import shift_week

RANKED_WEEKS = 4
HISTORY_WEEKS = 26
TEXT_WEEKS = 13
MOST_ESCALATED = 5
SPLITS = ("channel", "language", "region")
_SEASON_WEEKS = 62
_EXCERPT = 280
_ASKED_BACK_WITHIN = timedelta(minutes=10)
_LIGHT = (
    *("ticket_id", "week", "created_at", "contact_reason", "channel", "language", "region", "form", "priority"),
    *("requester_id", "counts_in_speed", "agent_work_business_seconds", "reopens", "first_queue", "solved_queue"),
    *("first_team", "solved_team"),
)
_FIELDS = ("contact_reason", "channel", "language", "region", "form", "priority", "requester_id")


@dataclass(frozen=True)
class Drivers:
    """A team's contacts up to a week. Spam, merged and deleted tickets are left out."""

    week: Week

    @property
    def minimum_group(self) -> int:
        """How many people a group must have to be shown."""
        return self.week.organisation.privacy.minimum_group

    @cached_property
    def weeks(self) -> list[str]:
        """The complete weeks that the warehouse knows up to this one, at most those that a season needs, and 26."""
        known = set(self.week.warehouse.weeks("facts", "weekly_values"))
        names = [shift_week(self.week.week, -back) for back in range(_SEASON_WEEKS - 1, -1, -1)]
        return [name for name in names if name in known]

    @cached_property
    def tickets(self) -> pd.DataFrame:
        """One row per ticket of these weeks, with its local day and survey answer; without what the export lacks."""
        given = self.week.warehouse.columns("tickets")
        lacking = [name for name in _FIELDS if name not in given]
        rows = self.week.warehouse.read(
            "facts",
            "tickets",
            columns=[name for name in (*_LIGHT, "team") if name not in lacking],
            weeks=self.weeks,
            teams=[self.week.team],
        )
        rows = rows[rows["counts_in_speed"].fillna(True).astype(bool)].reset_index(drop=True)
        zone = self.week.organisation.zone
        rows["day"] = rows["created_at"].dt.tz_convert(str(zone)).dt.strftime("%Y-%m-%d").astype("str")
        if "contact_reason" not in rows:
            rows["contact_reason"] = pd.Series(pd.NA, index=rows.index, dtype="str")
        return rows.merge(self._answers, on="ticket_id", how="left")

    @cached_property
    def recent(self) -> pd.DataFrame:
        """The tickets of the last four weeks, on which rankings and forms rest."""
        return self.tickets[self.tickets["week"].isin(self.weeks[-RANKED_WEEKS:])].reset_index(drop=True)

    @cached_property
    def texts(self) -> pd.DataFrame:
        """The texts of the last thirteen weeks, as of `analysis.language.texts_of`."""
        raw = self.raw_texts
        return language.texts_of(raw)

    @cached_property
    def raw_texts(self) -> pd.DataFrame:
        """Subjects and descriptions of the last thirteen weeks, as redacted at intake."""
        given = self.week.warehouse.columns("tickets")
        wanted = [name for name in ("subject", "description", "language", "contact_reason") if name in given]
        rows = self.week.warehouse.read(
            "facts",
            "tickets",
            columns=["ticket_id", "week", "counts_in_speed", *wanted, "team"],
            weeks=self.weeks[-TEXT_WEEKS:],
            teams=[self.week.team],
        )
        return rows[rows["counts_in_speed"].fillna(True).astype(bool)].reset_index(drop=True)

    @cached_property
    def corpus(self) -> language.Corpus:
        """The words and phrases of the texts of the weeks that phrases, topics and labels look at."""
        recent = self.weeks[-(movers.TRAILING_WEEKS + 2) :]
        return language.corpus_of(self.texts[self.texts["week"].isin(recent)])

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Tickets per week, reason and segment, as of `analysis.movers.weekly_counts`."""
        return movers.weekly_counts(self.tickets, self.weeks)

    @cached_property
    def movers(self) -> pd.DataFrame:
        """As of `analysis.movers.weekly_movers`."""
        return movers.weekly_movers(self.counts, self.week.week)

    @cached_property
    def phrases(self) -> pd.DataFrame:
        """As of `analysis.language.emerging_phrases`."""
        return language.emerging_phrases(self.corpus, self.week.week)

    @cached_property
    def days(self) -> list[str]:
        """The local days of the last thirteen weeks, oldest first."""
        return _days(self, self.weeks[-TEXT_WEEKS:])

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """The tickets of the last thirteen weeks with their text as of `language.spoken`, where there is one."""
        rows = self.tickets[self.tickets["day"].isin(self.days)]
        texts = self.texts[self.texts["ticket_id"].isin(rows["ticket_id"])]
        said = pd.DataFrame({"ticket_id": texts["ticket_id"], "text": language.spoken(texts["text"])})
        return rows.merge(said, on="ticket_id", how="left")

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """As of `analysis.escalation.candidates`."""
        if self.tickets.empty:
            return pd.DataFrame(columns=list(escalation.CANDIDATE_COLUMNS))
        return escalation.candidates(self.subjects, self.movers, self.phrases, days=self.days)

    @cached_property
    def found_before(self) -> pd.DataFrame:
        """The register's rows of the weeks before this one: `week` that looked, and `REGISTER_COLUMNS`.

        This week's own rows are left out: a report must not depend on what its run writes.
        """
        earlier = [name for name in self.week.warehouse.weeks("facts", "weekly_values") if name < self.week.week]
        try:
            return self.week.warehouse.read(AREA, TABLE, weeks=earlier, teams=[self.week.team])
        except NotInExport:
            return pd.DataFrame(SCHEMA.empty_table().to_pandas())

    @cached_property
    def followed(self) -> pd.DataFrame:
        """The escalations of the last 26 weeks before this one with what has become of them; `REGISTER_COLUMNS`."""
        first = shift_week(self.week.week, -HISTORY_WEEKS)
        before = self.found_before
        own = before[(before["week"] == before["escalated_week"]) & (before["escalated_week"] >= first)]
        lines = [
            {
                **{str(name): value for name, value in row.items() if name != "week"},
                **escalation.follow_up(row, weekly_of(self, row)),
                "weeks_since": sum(name > row["escalated_week"] for name in self.weeks),
            }
            for _, row in own.iterrows()
        ]
        return pd.DataFrame(lines, columns=list(escalation.REGISTER_COLUMNS))

    @cached_property
    def fresh(self) -> pd.DataFrame:
        """The candidates that are escalated in this week, with escalation_id.

        At most five; none whose excess may be nothing, none that began with a new list of labels, and none that was
        escalated before and has not been back to its level since.
        """
        sure = self.candidates[(self.candidates["excess_low"] > 0) & ~self.relabelled]
        found = sure.head(MOST_ESCALATED)
        names = [escalation_id(self.week.week, self.week.team, str(subject)) for subject in found["subject"]]
        found = found.assign(escalation_id=pd.Series(names, index=found.index, dtype="str"))
        return found[~found["subject"].isin(list(self.open_since))]

    @cached_property
    def relabelled(self) -> pd.Series:
        """Which candidates are reasons that rose while other labels fell by as much: a bool for each."""
        found = self.candidates
        changed = {day: labels_replaced(self.subjects, day) for day in found["onset_on"].unique()}
        return found["onset_on"].map(changed).astype("bool") & (found["kind"] == "reason")

    @cached_property
    def open_since(self) -> dict[str, str]:
        """The subjects that were escalated before and never were back to their level since, and in which week."""
        seen = [self.found_before[["escalation_id", "state"]], self.followed[["escalation_id", "state"]]]
        states = pd.concat([each for each in seen if len(each)] or seen[:1])
        back = set(states.loc[states["state"] == escalation.BACK, "escalation_id"])
        still = self.followed[~self.followed["escalation_id"].isin(back)]
        return dict(zip(still["subject"].astype(str), still["escalated_week"].astype(str), strict=True))

    @cached_property
    def activity(self) -> pd.DataFrame | None:
        """Active users of each of the last four weeks: week, users, and the kinds by which the export splits them.

        A week's users are the mean over the dates that it has: one of a weekly export, seven of a daily one. None where
        the export has no such table, or nothing of these weeks.
        """
        given = self.week.warehouse.columns("activity")
        if not given:
            return None
        kinds = [name for name in SPLITS if name in given]
        rows = self.week.warehouse.read("standard", "activity", columns=["active_on", "users", *kinds])
        on = pd.to_datetime(rows["active_on"])
        rows = rows.assign(week=on.dt.strftime("%G-W%V").astype("str"))
        rows = rows[rows["week"].isin(self.weeks[-RANKED_WEEKS:])]
        if rows.empty:
            return None
        dates = rows.groupby("week")["active_on"].nunique()
        whole = rows.groupby(["week", *kinds], dropna=False)["users"].sum().astype("float64").reset_index()
        return whole.assign(users=whole["users"] / whole["week"].map(dates))

    @cached_property
    def exposure(self) -> pd.DataFrame | None:
        """Active users times weeks, by which the tickets of the last four weeks are divided; as `activity`.

        Where the export lacks one of these weeks, the others' mean stands for it.
        """
        if self.activity is None:
            return None
        missing = len(self.weeks[-RANKED_WEEKS:]) / self.activity["week"].nunique()
        return self.activity.assign(users=self.activity["users"] * missing)

    @cached_property
    def _answers(self) -> pd.DataFrame:
        """The last survey answer of each ticket: satisfied 1.0 or 0.0."""
        if not self.week.warehouse.columns("satisfaction"):
            return pd.DataFrame({"ticket_id": pd.Series(dtype="str"), "satisfied": pd.Series(dtype="float64")})
        answers = self.week.warehouse.read("standard", "satisfaction").sort_values("answered_at", kind="stable")
        best = answers["scale_max"].astype("float64").fillna(5.0)
        good = answers["score"] >= np.where(best == 2, 2.0, 0.8 * best)
        frame = pd.DataFrame({"ticket_id": answers["ticket_id"], "satisfied": good.astype("float64")})
        return frame.drop_duplicates("ticket_id", keep="last")


def open_drivers(week: Week) -> Drivers:
    """Open the contacts of a team's week. Where the export labels no ticket, all are `not labelled`."""
    return Drivers(week)


def headline(contacts: Drivers) -> Headline:
    """The numbers that stand above the report: tickets, movers, new phrases, what to escalate."""
    if contacts.weeks[-1:] != [contacts.week.week] or contacts.recent.empty:
        return Headline([], has_data=False)
    whole = contacts.counts[(contacts.counts["dimension"] == ALL) & (contacts.counts["contact_reason"] == ALL)]
    spark = tuple(float(count) for count in whole["count"].iloc[-13:])
    own = contacts.movers[(contacts.movers["dimension"] == ALL) & contacts.movers["discovery"]]
    reasons = own[own["contact_reason"] != ALL]
    up = [str(reason) for reason in reasons.loc[reasons["excess"] > 0, "contact_reason"]]
    fresh = [str(subject) for subject in contacts.fresh["subject"]]
    known = [f"{subject} since {week}" for subject, week in contacts.open_since.items()]
    lines = [
        (
            "Contacts",
            f"{spark[-1]:,.0f}",
            words.change(spark[-2], spark[-1], "count") if len(spark) > 1 else "",
            "",
            spark,
        ),
        ("Reasons that moved", f"{len(reasons)}", "", f"up: {words.listed(up[:3])}" if up else "", ()),
        ("New phrases", f"{len(contacts.phrases)}", "", words.listed(list(contacts.phrases["phrase"].head(3))), ()),
        ("To escalate", f"{len(fresh)}", "", f"first: {fresh[0]}" if fresh else _still(known), ()),
    ]
    marked = (bool((own["contact_reason"] == ALL).any()), bool(len(reasons)), bool(len(contacts.phrases)), bool(fresh))
    return Headline(
        [
            Line(label=label, value=value, better="lower", change=change, signal=signal, note=note, spark=history)
            for (label, value, change, note, history), signal in zip(lines, marked, strict=True)
        ],
        has_data=True,
    )


def pareto(contacts: Drivers) -> pd.DataFrame:
    """Reasons of the last four weeks by tickets, with what they cost; as `analysis.drivers.pareto`.

    per_1000 is tickets a week per 1,000 users who were active in it, where the export has the table `activity`.
    """
    found = drivers.pareto(contacts.recent, minimum_group=contacts.minimum_group, activity=contacts.exposure)
    return found.assign(weeks=min(RANKED_WEEKS, len(contacts.weeks)), week=contacts.week.week)


def per_segment(contacts: Drivers, by: str) -> pd.DataFrame:
    """The same within each value of `by` (channel, language, region); no row where the export has no such field."""
    if by not in contacts.recent or contacts.recent[by].notna().sum() == 0:
        return drivers.pareto(contacts.recent.head(0).assign(**{by: ""}), minimum_group=1, by=by)
    return drivers.pareto(contacts.recent, minimum_group=contacts.minimum_group, activity=contacts.exposure, by=by)


def per_user(contacts: Drivers) -> pd.DataFrame:
    """Contacts a week per 1,000 active users, in all and by each field that splits users and tickets alike.

    Args:
        contacts: of `open_drivers`.

    Returns:
        dimension (`all`, channel, language, region), segment, tickets (of the last four weeks), weeks, users (active in
        a week, on average), rate with low and high (a week per 1,000 users, exact Poisson 95 %). Segments of fewer
        requesters than the organisation's minimum are left out; no row where the export has no active users.
    """
    columns = ["dimension", "segment", "tickets", "weeks", "users", "rate", "low", "high"]
    if contacts.exposure is None or contacts.recent.empty:
        return pd.DataFrame(columns=columns)
    weeks = len(contacts.weeks[-RANKED_WEEKS:])
    tickets = contacts.recent.assign(all=ALL)
    exposure = contacts.exposure.assign(all=ALL)
    person = "requester_id" if "requester_id" in tickets else "ticket_id"
    parts = []
    for name in (ALL, *(name for name in SPLITS if name in tickets and name in exposure)):
        sums = tickets.groupby(name).agg(tickets=("ticket_id", "size"), people=(person, "nunique"))
        sums = sums.join(exposure.groupby(name)["users"].sum(), how="inner")
        sums = sums[(sums["people"] >= contacts.minimum_group) & (sums["users"] > 0)]
        part = sums.rename_axis("segment").reset_index().sort_values("tickets", ascending=False, kind="stable")
        parts.append(part.assign(dimension=name))
    frame = pd.concat(parts, ignore_index=True)
    rates = poisson_rate(frame["tickets"], frame["users"], per=1000)
    return frame.assign(weeks=weeks, users=frame["users"] / weeks).join(rates)[columns]


def moved(contacts: Drivers) -> pd.DataFrame:
    """What moved in the week; as `analysis.movers.weekly_movers`, with history (the last thirteen weeks)."""
    wide = contacts.counts.pivot_table(index=["dimension", "segment", "contact_reason"], columns="week", values="count")
    names = [name for name in contacts.weeks[-13:] if name in wide]
    past = wide[names].apply(tuple, axis=1).rename("history").reset_index() if len(wide) else wide.reset_index()
    keys = ["dimension", "segment", "contact_reason"]
    return contacts.movers.merge(past, on=keys, how="left") if "history" in past else contacts.movers.assign(history=())


def history(contacts: Drivers, reason: str = "", *, shown: int = HISTORY_WEEKS) -> pd.DataFrame:
    """Tickets of a reason per week with what the eight weeks before each predicted.

    Args:
        contacts: of `open_drivers`.
        reason: a contact reason; empty: the one that moved most in the week.
        shown: how many weeks.

    Returns:
        contact_reason, week, count, expected, low, high, discovery (a mover of its week).
    """
    if not reason:
        first = contacts.movers.query("dimension == 'all' and contact_reason != 'all'")
        reason = str(first["contact_reason"].iloc[0]) if len(first) else ""
    team = contacts.counts[contacts.counts["dimension"] == ALL]
    columns = ["contact_reason", "week", "count", "expected", "low", "high", "discovery"]
    if not reason:
        return pd.DataFrame(columns=columns)
    team = contacts.counts[contacts.counts["dimension"] == ALL]
    found = movers.movers_by_week(team, contacts.weeks[-shown:])
    return found.loc[found["contact_reason"] == reason, columns].reset_index(drop=True)


def warnings(contacts: Drivers) -> pd.DataFrame:
    """Early warnings on the days of the week; as `analysis.movers.early_warnings`."""
    known = _days(contacts, contacts.weeks[-(movers.TRAILING_WEEKS + 2) :])
    return movers.early_warnings(movers.daily_counts(contacts.tickets, known), known[-7:])


def emerging(contacts: Drivers) -> pd.DataFrame:
    """New words and phrases; as `analysis.language.emerging_phrases`."""
    return contacts.phrases


def languages(contacts: Drivers) -> pd.DataFrame:
    """Which languages have texts enough; as `analysis.language.languages_looked_at`."""
    return language.languages_looked_at(contacts.texts, contacts.week.week)


def topics(contacts: Drivers) -> pd.DataFrame:
    """Topics of the texts; as `analysis.language.topics`."""
    return language.topics(contacts.corpus, contacts.week.week)


def labels(contacts: Drivers) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy of a classifier of texts, and the labels that it contradicts; as `analysis.language.label_check`."""
    weeks = contacts.weeks[-movers.TRAILING_WEEKS :]
    return language.label_check(contacts.corpus.within(weeks))


def forms(contacts: Drivers) -> pd.DataFrame:
    """Which choices lead to misrouting, "other", or a reply that asks back; as `analysis.drivers.form_choices`."""
    rows = contacts.recent
    where = ("first_queue", "solved_queue") if rows["first_queue"].notna().any() else ("first_team", "solved_team")
    known = rows[where[0]].notna() & rows[where[1]].notna()
    outcomes = rows.assign(
        misrouted=(rows[where[0]] != rows[where[1]]).astype("float64").where(known),
        labelled_other=drivers.is_catch_all(rows["contact_reason"]).astype("float64"),
    )
    asked = _asked_back(contacts, contacts.weeks[-RANKED_WEEKS:])
    if asked is not None:
        outcomes = outcomes.merge(asked, on="ticket_id", how="left")
    return drivers.form_choices(outcomes, minimum_group=contacts.minimum_group)


def escalations(contacts: Drivers) -> pd.DataFrame:
    """Candidates for product feedback; as `analysis.escalation.candidates`, with what is done about each.

    done: `handed over this week`; `handed over in` an earlier week; `none: labels were changed` where other labels fell
    by as much on the day; or `wait` where the excess may be nothing, or five others come first.
    """
    found = contacts.candidates
    weeks = {subject: f"handed over in {words.short_week(week)}" for subject, week in contacts.open_since.items()}
    before = found["subject"].astype("str").map(weeks).astype("str")
    fresh = found["subject"].isin(list(contacts.fresh["subject"]))
    done = pd.Series("wait", index=found.index, dtype="str")
    done = done.mask(contacts.relabelled, "none: labels were changed")
    return found.assign(done=before.fillna(done.mask(fresh, "handed over this week")))


def escalated(contacts: Drivers) -> Escalated:
    """What is handed over this week, with its files, and the register as this week leaves it."""
    week, team = contacts.week.week, contacts.week.team
    new = escalation.register(contacts.followed.head(0), contacts.fresh, team=team, week=week)
    briefs = [brief(contacts, row) for _, row in contacts.fresh.iterrows()]
    return Escalated(briefs, pd.concat([contacts.followed, new]) if len(contacts.followed) else new)


def top_escalation(contacts: Drivers) -> Escalation | None:
    """What is handed over first this week, else the first candidate that is no matter of labels; None without any."""
    found = contacts.fresh if len(contacts.fresh) else contacts.candidates[~contacts.relabelled]
    return brief(contacts, found.iloc[0]) if len(found) else None


def brief(contacts: Drivers, row: pd.Series) -> Escalation:
    """The evidence for a candidate.

    Args:
        contacts: of `open_drivers`.
        row: of `escalations`.
    """
    rows = contacts.subjects
    mine = subject_tickets(rows, row)
    since = rows["day"] >= row["onset_on"]
    own = rows[mine & since]
    zone = contacts.week.organisation.zone
    low = pd.Timestamp(row["onset_low"] or row["onset_on"], tz=str(zone)).tz_convert("UTC")
    high = pd.Timestamp(row["onset_high"] or row["onset_on"], tz=str(zone)).tz_convert("UTC") + pd.Timedelta(days=1)
    links = escalation.linked_causes(
        str(row["reason"]) or None,
        tuple(own["ticket_id"]),
        onset_low=low,
        onset_high=high,
        tool_requests=_known_by_then(contacts, "tool_requests", "opened_at"),
        policy_changes=_known_by_then(contacts, "policy_changes", "effective_at"),
    )
    segments = escalation.affected_segments(rows[since], mine[since], minimum_group=contacts.minimum_group)
    chosen = language.typical(contacts.texts, list(own["ticket_id"]))
    trend = weekly_of(contacts, row)
    return Escalation(
        escalation_id=escalation_id(contacts.week.week, contacts.week.team, str(row["subject"])),
        team=contacts.week.team,
        team_label=contacts.week.label,
        week=contacts.week.week,
        row=row,
        trend=trend.rename_axis("week").rename("tickets").reset_index(),
        # A segment that all of the team's tickets share tells nothing.
        segments=segments[(segments["share"] < 1) | (segments["others_share"] < 1)],
        links=links,
        examples=tuple(_excerpts(contacts.raw_texts, chosen)),
        tickets=own,
    )


def register(contacts: Drivers) -> pd.DataFrame:
    """What was escalated in earlier weeks and what has become of it; as `analysis.escalation.REGISTER_COLUMNS`."""
    return contacts.followed


def subject_tickets(rows: pd.DataFrame, row: pd.Series) -> pd.Series:
    """Which of the tickets belong to the subject of a candidate or a row of the register."""
    said = [phrase for phrase in str(row["phrases"]).split(";") if phrase]
    return escalation.members(rows, row["kind"], str(row["reason"]), said)


def weekly_of(contacts: Drivers, row: pd.Series) -> pd.Series:
    """Tickets of that subject per week, the last thirteen weeks."""
    names = contacts.weeks[-TEXT_WEEKS:]
    own = contacts.subjects[subject_tickets(contacts.subjects, row)]
    return own.groupby("week").size().reindex(names, fill_value=0).astype("int64")


def escalation_id(week: str, team: str, subject: str) -> str:
    """A name that is safe as a file name and the same for the same subject.

    >>> escalation_id("2026-W41", "us-creators", "draft_sync_loss")
    '2026-W41-us-creators-draft-sync-loss-cbe0'
    """
    plain = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:40].strip("-") or "subject"
    safe_team = re.sub(r"[^a-z0-9]+", "-", team.lower()).strip("-")
    return f"{week}-{safe_team}-{plain}-{zlib.crc32(subject.encode()) & 0xFFFF:04x}"


def _still(known: Sequence[str]) -> str:
    return f"still open: {words.listed(list(known[:2]))}" if known else ""


def _days(contacts: Drivers, weeks: Sequence[str]) -> list[str]:
    if not weeks:
        return []
    bounds = contacts.week.frame_of(weeks)
    span = pd.date_range(bounds["first_day"].min(), bounds["last_day"].max(), freq="D")
    return list(span.strftime("%Y-%m-%d"))


def _known_by_then(contacts: Drivers, table: str, dated_by: str) -> pd.DataFrame | None:
    """The rows of a table up to the week's end; None where the export has no such table."""
    store = contacts.week.warehouse
    if not store.columns(table):
        return None
    rows = store.read("standard", table)
    known: pd.DataFrame = rows[rows[dated_by] < contacts.week.frame_of([contacts.week.week])["end_at"].iloc[0]]
    return known


def _excerpts(raw: pd.DataFrame, ticket_ids: Sequence[str]) -> list[str]:
    """Subject and beginning of the tickets, redacted once more: redaction may have learnt since they were taken in."""
    texts = raw.set_index("ticket_id").reindex(list(ticket_ids))
    found = []
    for row in texts.to_dict("records"):
        said = [str(row[name]) for name in ("subject", "description") if isinstance(row.get(name), str)]
        plain = " ".join(re.sub(r"<[^<>]{0,500}>", " ", " — ".join(said)).split())
        masked = redact(plain)[0]
        found.append(masked if len(masked) <= _EXCERPT else masked[: _EXCERPT - 1].rsplit(" ", 1)[0] + "…")
    return found


def _asked_back(contacts: Drivers, weeks: Sequence[str]) -> pd.DataFrame | None:
    """Whether the first agent's reply put the ticket on pending, and the customer wrote again.

    Texts of replies are in no export; an agent who needs to know more answers and sets the ticket to pending, and the
    next thing that happens is the customer's answer. None where the export has no such events.
    """
    store = contacts.week.warehouse
    if not {"actor_role", "value"} <= store.columns("ticket_events") or not store.files(
        "standard", "ticket_events", weeks
    ):
        return None
    columns = ["ticket_id", "occurred_at", "event", "actor_role", "value"]
    events = store.read("standard", "ticket_events", columns=columns, weeks=weeks)
    events = events[events["event"].isin(["public_comment", "status"])]
    events = events[events["ticket_id"].isin(contacts.recent["ticket_id"])]
    comment = events["event"] == "public_comment"
    replied = events[comment & (events["actor_role"] == "agent")].groupby("ticket_id")["occurred_at"].min()
    since = events["occurred_at"] - events["ticket_id"].map(replied)
    waits = ~comment & (events["value"] == "pending") & since.between(timedelta(0), _ASKED_BACK_WITHIN)
    writes = comment & (events["actor_role"] == "requester") & (since > timedelta(0))
    asked = replied.index.isin(events.loc[waits, "ticket_id"]) & replied.index.isin(events.loc[writes, "ticket_id"])
    found = pd.DataFrame({"ticket_id": replied.index, "asked_back": asked.astype("float64")})
    return found if len(found) else None
