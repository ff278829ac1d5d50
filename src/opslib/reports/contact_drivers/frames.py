"""What the notebook on contact drivers asks: why customers write to a team, what moved, what is new, what to escalate.

Every function takes the contacts that `open_drivers` opens and returns a tidy frame, which the function of the same
name in `show` draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from opslib.analysis.contact_drivers import drivers, escalation, follow_up
from opslib.analysis.contact_drivers import labels as text_labels
from opslib.analysis.contact_drivers import matters as text_matters
from opslib.analysis.contact_drivers import movers as movement
from opslib.analysis.contact_drivers import phrases as text_phrases
from opslib.analysis.contact_drivers import texts as text_corpus
from opslib.analysis.contact_drivers import topics as text_topics
from opslib.analysis.contact_drivers.escalation_register import AREA, SCHEMA, TABLE
from opslib.analysis.contact_drivers.movers import ALL
from opslib.analysis.contact_drivers.relabelling import labels_replaced
from opslib.analysis.findings.register import finding_id
from opslib.analysis.methods.intervals import poisson_rate
from opslib.analysis.methods.small_groups import distinct_people, few_people, groups_to_hide, small_sums
from opslib.display import words
from opslib.errors import NotInExport
from opslib.metrics import is_satisfied
from opslib.reports.actions import with_actions
from opslib.reports.contact_drivers.escalation_files import escalation_id
from opslib.reports.contact_drivers.phrase_examples import example_subjects
from opslib.reports.contact_drivers.replies import asks_back
from opslib.reports.week import Week, answer
from opslib.weeks import shift_week

RANKED_WEEKS = 4
HISTORY_WEEKS = 26
TEXT_WEEKS = 13
SPLITS = ("channel", "language", "region")
CHOSEN = (("form",), ("form", "contact_reason"), ("channel",), ("language",), ("region",))
"""What a requester can choose; a priority only where the events say that requesters set it."""
FEWEST_CHOSEN = 30
"""Of how many tickets a choice must be to be judged."""
_SEASON_WEEKS = 62
_LABELLED = 0.5
_LIGHT = (
    *("ticket_id", "week", "created_at", "contact_reason", "channel", "language", "region", "form", "priority"),
    *("requester_id", "counts_in_speed", "agent_work_business_seconds", "reopens", "first_queue", "solved_queue"),
    *("first_team", "solved_team"),
)
_FIELDS = ("contact_reason", "channel", "language", "region", "form", "priority", "requester_id")


NO_DAYS = "No day could be judged: it takes ten complete weeks, and ten tickets of a reason."
NO_MATTERS = (
    "Nothing could be judged: it takes contact reasons, and in one language thirty texts this week and as many before."
)
NO_TOPICS = "Too few texts in any language for topics: at least thirty in the week and fifty in all are needed."
NO_CANDIDATES = "Nothing could be judged, so there is nothing to escalate: there are too few weeks, tickets or texts."


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
        """The complete weeks in the warehouse up to this one, at most the 62 that a season needs."""
        complete = set(self.week.warehouse.weeks("facts", "weekly_values"))
        names = [shift_week(self.week.week, -back) for back in range(_SEASON_WEEKS - 1, -1, -1)]
        return [name for name in names if name in complete]

    @cached_property
    def tickets(self) -> pd.DataFrame:
        """One row per ticket of these weeks, with its local day and survey answer; without what the export lacks."""
        columns = self.week.warehouse.columns("tickets")
        lacking = [name for name in _FIELDS if name not in columns]
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
        rows = rows.merge(self._answers, on="ticket_id", how="left")
        rows["answer_days"] = (rows.pop("answered_at") - rows["created_at"]).dt.total_seconds() / 86_400
        return rows

    @cached_property
    def recent(self) -> pd.DataFrame:
        """The tickets of the last four weeks, on which rankings and forms rest."""
        return self.tickets[self.tickets["week"].isin(self.weeks[-RANKED_WEEKS:])].reset_index(drop=True)

    @cached_property
    def texts(self) -> pd.DataFrame:
        """The texts of the last thirteen weeks: ticket_id, week, language, contact_reason, text."""
        return text_corpus.texts_of(self.raw_texts)

    @cached_property
    def raw_texts(self) -> pd.DataFrame:
        """Subjects and descriptions of the last thirteen weeks, as redacted at intake, with their language.

        The language is the column's, and where that does not tell it, the text's own.
        """
        columns = self.week.warehouse.columns("tickets")
        fields = [name for name in ("subject", "description", "language", "contact_reason") if name in columns]
        rows = self.week.warehouse.read(
            "facts",
            "tickets",
            columns=["ticket_id", "week", "counts_in_speed", *fields, "team"],
            weeks=self.weeks[-TEXT_WEEKS:],
            teams=[self.week.team],
        )
        if len(texts := self._text_languages):
            own = rows["ticket_id"].map(texts)
            rows["language"] = own.fillna(rows["language"]) if "language" in rows else own
        return rows[rows["counts_in_speed"].fillna(True).astype(bool)].reset_index(drop=True)

    @cached_property
    def _text_languages(self) -> pd.Series:
        """The language of the texts of which no column tells it, by ticket."""
        try:
            rows = self.week.warehouse.read(
                "facts",
                "text_languages",
                columns=["ticket_id", "language"],
                weeks=self.weeks[-TEXT_WEEKS:],
                teams=[self.week.team],
            )
        except NotInExport:
            return pd.Series(dtype="str")
        return rows.set_index("ticket_id")["language"].astype("str")

    @cached_property
    def corpus(self) -> text_corpus.Corpus:
        """The words and phrases of the texts of the weeks that phrases, topics and labels look at."""
        recent = self.weeks[-(movement.TRAILING_WEEKS + 2) :]
        return text_corpus.corpus_of(self.texts[self.texts["week"].isin(recent)])

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Tickets per week, reason and segment: dimension, segment, contact_reason, week, count.

        Without those of too few people in the weeks that a test rests on.
        """
        counts = movement.weekly_counts(self.tickets, self.weeks)
        rows = self.tickets[self.tickets["week"].isin(self.weeks[-(movement.TRAILING_WEEKS + 1) :])]
        is_hidden = movement.of_few_people(counts, rows, minimum_group=self.minimum_group)
        return self.without_groups(counts, is_hidden)

    def without_groups(self, rows: pd.DataFrame, is_hidden: pd.Series) -> pd.DataFrame:
        """The rows but for those of too few people; where there are any, `attrs["few"]` says what is left out."""
        shown = rows[~is_hidden].reset_index(drop=True)
        if is_hidden.any():
            shown.attrs["few"] = few_people(self.minimum_group)
        return shown

    @cached_property
    def movers(self) -> pd.DataFrame:
        """The test of each reason and segment of the week; the columns of `analysis.contact_drivers.movers`."""
        return movement.weekly_movers(self.counts, self.week.week)

    @cached_property
    def phrases(self) -> pd.DataFrame:
        """Words and phrases that emerge in the week, of people enough to be shown: `PHRASE_COLUMNS`."""
        return self._of_people_enough(text_phrases.emerging_phrases(self.corpus, self.week.week))

    @cached_property
    def matters(self) -> pd.DataFrame:
        """What is new in the week and spread over several labels, of people enough: `MATTER_COLUMNS`."""
        return self._of_people_enough(text_matters.new_matters(self.corpus, self.phrases, self.week.week))

    def _of_people_enough(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows whose ticket_ids are of as many people as a group must have."""
        pairs = rows["ticket_ids"].explode().rename("ticket_id").rename_axis("row").reset_index()
        pairs = pairs.merge(self.tickets[_people_columns(self)], on="ticket_id", how="inner")
        people = distinct_people(pairs).groupby(pairs["row"]).nunique().reindex(rows.index, fill_value=0)
        return rows[people >= self.minimum_group].reset_index(drop=True)

    @cached_property
    def judges_reasons(self) -> bool:
        """Whether there are weeks and tickets enough to say of any reason that it moved or did not."""
        return bool(self.movers["p"].notna().any())

    @cached_property
    def has_labels(self) -> bool:
        """Whether any ticket has a contact reason."""
        return bool(self.tickets["contact_reason"].notna().any())

    @cached_property
    def compares_texts(self) -> bool:
        """Whether any language has texts enough to say what is new in them."""
        return bool(text_phrases.texts_per_language(self.texts, self.week.week)["enough"].any())

    @cached_property
    def days(self) -> list[str]:
        """The local days of the last thirteen weeks, oldest first."""
        return _days(self, self.weeks[-TEXT_WEEKS:])

    @cached_property
    def tickets_with_text(self) -> pd.DataFrame:
        """The tickets of the last thirteen weeks, with the normalised text of those that have one."""
        rows = self.tickets[self.tickets["day"].isin(self.days)]
        texts = self.texts[self.texts["ticket_id"].isin(rows["ticket_id"])]
        words_of = pd.DataFrame({"ticket_id": texts["ticket_id"], "text": text_corpus.normalise(texts["text"])})
        return rows.merge(words_of, on="ticket_id", how="left")

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """What a product team could take away, of people enough to be shown, ranked: `CANDIDATE_COLUMNS`."""
        if self.tickets.empty:
            return pd.DataFrame(columns=list(escalation.CANDIDATE_COLUMNS))
        rows = escalation.candidates(
            self.tickets_with_text, self.movers, self.phrases, days=self.days, matters=self.matters
        )
        has_people_enough = [self._has_people_enough(row) for _, row in rows.iterrows()]
        rows = rows[np.array(has_people_enough, dtype=bool)].reset_index(drop=True)
        return rows.assign(rank=np.arange(1, len(rows) + 1))

    def weekly_tickets(self, row: pd.Series) -> pd.Series:
        """Tickets per week of the subject of a candidate or a row of the register, the last thirteen weeks."""
        return self._by_week(self.tickets_with_text[escalation.subject_tickets(self.tickets_with_text, row)])

    def _by_week(self, tickets: pd.DataFrame) -> pd.Series:
        """How many tickets each of the last thirteen weeks has."""
        counts = tickets["week"].value_counts().reindex(self.weeks[-TEXT_WEEKS:], fill_value=0)
        return counts.astype("int64")

    @cached_property
    def earlier_register(self) -> pd.DataFrame:
        """The register as the weeks before this one left it: `week` that wrote the row, and `REGISTER_COLUMNS`.

        This week's own rows are left out: a report must not depend on what its run writes.
        """
        earlier = [name for name in self.week.warehouse.weeks("facts", "weekly_values") if name < self.week.week]
        try:
            return self.week.warehouse.read(AREA, TABLE, weeks=earlier, teams=[self.week.team])
        except NotInExport:
            return pd.DataFrame(SCHEMA.empty_table().to_pandas())

    @cached_property
    def register(self) -> pd.DataFrame:
        """The escalations of the last 26 weeks before this one with what has become of them; `REGISTER_COLUMNS`."""
        first = shift_week(self.week.week, -follow_up.FOLLOWED_WEEKS)
        before = self.earlier_register
        own = before[(before["week"] == before["escalated_week"]) & (before["escalated_week"] >= first)]
        back = set(before.loc[before["state"] == follow_up.BACK, "escalation_id"])
        latest = own.groupby("subject")["escalated_week"].max()
        total = self._by_week(self.tickets_with_text)
        lines = []
        for _, row in own.iterrows():
            weekly = self.weekly_tickets(row)
            outcome = follow_up.follow_up(row, weekly, total - weekly)
            outcome["weeks_since"] = sum(name > row["escalated_week"] for name in self.weeks)
            if row["escalation_id"] in back:
                outcome["state"] = follow_up.BACK
            elif row["escalated_week"] < latest[row["subject"]]:
                outcome["state"] = follow_up.AGAIN
            lines.append({**row.drop("week"), **outcome})
        frame = pd.DataFrame(lines, columns=list(escalation.REGISTER_COLUMNS))
        return frame.astype({"needed_weeks": "Int64"})

    @cached_property
    def escalations(self) -> pd.DataFrame:
        """The candidates that are escalated in this week: `CANDIDATE_COLUMNS` and escalation_id."""
        rose = set(self.register.loc[self.register["state"] == follow_up.ROSE, "subject"])
        taken = self.open_candidates.index[~self.open_candidates.isin(rose)]
        rows = escalation.escalations_of_the_week(self.candidates, self.is_relabelled, taken)
        names = [escalation_id(self.week.week, self.week.team, str(subject)) for subject in rows["subject"]]
        return rows.assign(escalation_id=pd.Series(names, index=rows.index, dtype="str"))

    def tickets_since(self, row: pd.Series) -> pd.DataFrame:
        """The tickets of a candidate since its onset."""
        tickets = self.tickets_with_text
        own: pd.DataFrame = tickets[escalation.subject_tickets(tickets, row) & (tickets["day"] >= row["onset_on"])]
        return own

    def _has_people_enough(self, row: pd.Series) -> bool:
        """Whether so many people have written of a candidate since its onset that they may be shown together."""
        own = self.tickets_since(row)
        return bool((~groups_to_hide(own.assign(all=ALL), ["all"], minimum=self.minimum_group)).any())

    @cached_property
    def is_relabelled(self) -> pd.Series:
        """Which candidates are reasons that rose while other labels fell by as much: a bool for each."""
        rows = self.candidates
        replaced = {day: labels_replaced(self.tickets_with_text, day) for day in rows["onset_on"].unique()}
        return rows["onset_on"].map(replaced).astype("bool") & (rows["kind"] == "reason")

    @cached_property
    def open_escalations(self) -> dict[str, str]:
        """The subjects that were escalated before and are not back to their level since, and in which week."""
        still = self.register[~self.register["state"].isin([follow_up.BACK, follow_up.AGAIN])]
        return dict(zip(still["subject"].astype(str), still["escalated_week"].astype(str), strict=True))

    @cached_property
    def open_candidates(self) -> pd.Series:
        """The candidates that are open escalations: the subject that was escalated before, by that of the candidate."""
        of_the_week = self.tickets_with_text[self.tickets_with_text["week"] == self.week.week]
        still = self.register[self.register["subject"].isin(list(self.open_escalations))]
        return escalation.same_matters(of_the_week, self.candidates, still)

    @cached_property
    def activity(self) -> pd.DataFrame | None:
        """Active users of each of the last four weeks: week, users, and the kinds by which the export splits them.

        A week's users are the mean over the dates that it has: one of a weekly export, seven of a daily one. None where
        the export has no such table, or nothing of these weeks.
        """
        columns = self.week.warehouse.columns("activity")
        if not columns:
            return None
        kinds = [name for name in SPLITS if name in columns]
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
        """Active users times weeks, by which the tickets of the last four weeks are divided: week, users, kinds.

        Where the export lacks one of these weeks, the others' mean stands for it.
        """
        if self.activity is None:
            return None
        missing = len(self.weeks[-RANKED_WEEKS:]) / self.activity["week"].nunique()
        return self.activity.assign(users=self.activity["users"] * missing)

    @cached_property
    def requesters_set_priority(self) -> bool:
        """Whether the events of the last four weeks say that most priorities were first set by who asked."""
        store, weeks = self.week.warehouse, self.weeks[-RANKED_WEEKS:]
        if not {"actor_role", "event"} <= store.columns("ticket_events"):
            return False
        if not store.files("standard", "ticket_events", weeks):
            return False
        events = store.read("standard", "ticket_events", columns=["ticket_id", "event", "actor_role"], weeks=weeks)
        setters = events.loc[events["event"] == "priority"].drop_duplicates("ticket_id")["actor_role"]
        return bool(len(setters) and (setters == "requester").mean() > 0.5)

    @cached_property
    def _answers(self) -> pd.DataFrame:
        """The last survey answer of each ticket: satisfied 1.0 or 0.0, answered_at."""
        if not self.week.warehouse.columns("satisfaction"):
            dtypes = {"ticket_id": "str", "satisfied": "float64", "answered_at": "datetime64[us, UTC]"}
            return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})
        answers = self.week.warehouse.read("standard", "satisfaction").sort_values("answered_at", kind="stable")
        satisfied = is_satisfied(answers["score"], answers["scale_max"])
        frame = answers[["ticket_id", "answered_at"]].assign(satisfied=satisfied)
        return frame.drop_duplicates("ticket_id", keep="last")


def open_drivers(week: Week) -> Drivers:
    """Open the contacts of a team's week. Where the export labels no ticket, all are `not labelled`."""
    return Drivers(week)


def pareto(contacts: Drivers) -> pd.DataFrame:
    """Reasons of the last four weeks by tickets, with how long these waited with us.

    Args:
        contacts: of `open_drivers`.

    Returns:
        all, contact_reason, tickets, share, cumulative_share, waited_hours, waited_share, waited_hours_per_ticket,
        reopens, answered, dissatisfied, dissatisfied_share with dissatisfied_low and dissatisfied_high, per_1000
        (tickets a week per 1,000 users who were active in it, where the export has the table `activity`) with
        per_1000_low and per_1000_high, folded (reasons that the row sums), weeks, week.
    """
    frame = drivers.pareto(contacts.recent, minimum_group=contacts.minimum_group, activity=contacts.exposure)
    return frame.assign(weeks=min(RANKED_WEEKS, len(contacts.weeks)), week=contacts.week.week)


def per_segment(contacts: Drivers, by: str) -> pd.DataFrame:
    """Reasons of the last four weeks within each channel, language or region.

    Args:
        contacts: of `open_drivers`.
        by: channel, language or region.

    Returns:
        The column `by`, then contact_reason, tickets, share and the other columns of `pareto` but weeks and week; no
        row where the export has no such field.
    """
    if by not in contacts.recent or contacts.recent[by].notna().sum() == 0:
        nothing = drivers.pareto(contacts.recent.head(0).assign(**{by: ""}), minimum_group=1, by=by)
        return answer(
            nothing,
            is_known=contacts.recent.empty,
            missing=f"Not in this export: the {by.replace('_', ' ')} of these tickets.",
        )
    return drivers.pareto(contacts.recent, minimum_group=contacts.minimum_group, activity=contacts.exposure, by=by)


def per_user(contacts: Drivers) -> pd.DataFrame:
    """Contacts a week per 1,000 active users, in all and by each field that splits users and tickets alike.

    Args:
        contacts: of `open_drivers`.

    Returns:
        dimension (`all`, channel, language, region), segment, tickets (of the last four weeks), weeks, users (active in
        a week, on average), rate with low and high (a week per 1,000 users, exact Poisson 95%). Segments of fewer
        requesters than the organisation's minimum are left out; no row where the export has no active users.
    """
    columns = ["dimension", "segment", "tickets", "weeks", "users", "rate", "low", "high"]
    if contacts.exposure is None or contacts.recent.empty:
        return pd.DataFrame(columns=columns)
    weeks = len(contacts.weeks[-RANKED_WEEKS:])
    tickets = contacts.recent.assign(all=ALL)
    exposure = contacts.exposure.assign(all=ALL)
    parts = []
    hides = False
    for name in (ALL, *(name for name in SPLITS if name in tickets and name in exposure)):
        is_hidden = groups_to_hide(tickets, [name], minimum=contacts.minimum_group)
        hides |= bool(is_hidden.any())
        sums = tickets[~is_hidden].groupby(name).agg(tickets=("ticket_id", "size"))
        sums = sums.join(exposure.groupby(name)["users"].sum(), how="inner")
        sums = sums[sums["users"] > 0]
        part = sums.rename_axis("segment").reset_index().sort_values("tickets", ascending=False, kind="stable")
        parts.append(part.assign(dimension=name))
    frame = pd.concat(parts, ignore_index=True)
    rates = poisson_rate(frame["tickets"], frame["users"], per=1000)
    frame = frame.assign(weeks=weeks, users=frame["users"] / weeks).join(rates)[columns]
    if hides:
        frame.attrs["few"] = few_people(contacts.minimum_group)
    return frame


def movers(contacts: Drivers) -> pd.DataFrame:
    """What moved in the week, in all and by segment.

    Args:
        contacts: of `open_drivers`.

    Returns:
        dimension, segment, contact_reason, count, trailing_mean, flow, season, expected, low, high (95%), left_out,
        excess, ratio, z, p, q, discovery, direction, history (tuple of the last thirteen weeks' tickets).
    """
    wide = contacts.counts.pivot_table(index=["dimension", "segment", "contact_reason"], columns="week", values="count")
    names = [name for name in contacts.weeks[-13:] if name in wide]
    past = wide[names].apply(tuple, axis=1).rename("history").reset_index() if len(wide) else wide.reset_index()
    keys = ["dimension", "segment", "contact_reason"]
    has_past = "history" in past
    frame = contacts.movers.merge(past, on=keys, how="left") if has_past else contacts.movers.assign(history=())
    frame.attrs["few"] = contacts.counts.attrs.get("few")
    frame.attrs["closed"] = tuple(contacts.week.closures(names))
    return frame


def history(contacts: Drivers, reason: str = "", *, weeks: int = HISTORY_WEEKS) -> pd.DataFrame:
    """Tickets of a reason per week with what the eight weeks before each predicted.

    Args:
        contacts: of `open_drivers`.
        reason: a contact reason; empty: the one that moved most in the week.
        weeks: how many, up to this one.

    Returns:
        contact_reason, week, count, expected, low, high, discovery (a mover of its week), closed (the holidays that
        close the team on one of the week's days, "" for none).
    """
    if not reason:
        first = contacts.movers.query("dimension == 'all' and contact_reason != 'all'")
        reason = str(first["contact_reason"].iloc[0]) if len(first) else ""
    columns = ["contact_reason", "week", "count", "expected", "low", "high", "discovery"]
    if not reason:
        return pd.DataFrame(columns=[*columns, "closed"])
    team = contacts.counts[contacts.counts["dimension"] == ALL]
    tests = movement.movers_by_week(team, contacts.weeks[-weeks:])
    return contacts.week.with_closures(tests.loc[tests["contact_reason"] == reason, columns].reset_index(drop=True))


def warnings(contacts: Drivers) -> pd.DataFrame:
    """Early warnings on the days of the week: the columns of `analysis.contact_drivers.movers.early_warnings`."""
    days = _days(contacts, contacts.weeks[-(movement.TRAILING_WEEKS + 2) :])
    frame = movement.early_warnings(movement.daily_counts(contacts.tickets, days), days[-7:])
    shown = contacts.counts.loc[contacts.counts["dimension"] == ALL, "contact_reason"]
    frame = frame[frame["contact_reason"].isin(list(shown.unique()))].reset_index(drop=True)
    return answer(frame, is_known=contacts.judges_reasons or len(frame) > 0, missing=NO_DAYS)


def emerging(contacts: Drivers) -> pd.DataFrame:
    """New words and phrases: `analysis.contact_drivers.phrases.PHRASE_COLUMNS`, and an example (subject)."""
    return contacts.phrases.assign(example=example_subjects(contacts.phrases, contacts.raw_texts))


def matters(contacts: Drivers) -> pd.DataFrame:
    """New matters over several labels: `analysis.contact_drivers.matters.MATTER_COLUMNS`."""
    judges = contacts.has_labels and contacts.compares_texts
    return answer(contacts.matters, is_known=judges or len(contacts.matters) > 0, missing=NO_MATTERS)


def languages(contacts: Drivers) -> pd.DataFrame:
    """Which languages have enough texts to compare: language, texts, texts_before, enough.

    The numbers of languages in which too few people write are missing, and those of the next larger one where the
    team's tickets would else tell them.
    """
    frame = text_phrases.texts_per_language(contacts.texts, contacts.week.week)
    sums = frame.set_index("language")[["texts", "texts_before"]].astype("float64")
    rows = contacts.texts.merge(contacts.tickets[_people_columns(contacts)], on="ticket_id", how="left")
    few = rows.loc[groups_to_hide(rows, ["language"], minimum=contacts.minimum_group), "language"].unique()
    is_hidden = small_sums(sums, minimum=contacts.minimum_group, few=list(few)).to_numpy()
    for name in ("texts", "texts_before"):
        frame[name] = frame[name].mask(is_hidden)
    return frame


def topics(contacts: Drivers) -> pd.DataFrame:
    """Topics of the texts of which no label has more than half: `analysis.contact_drivers.topics.TOPIC_COLUMNS`.

    Others say the same as their label. Those of too few tickets in the week are left out, with the next larger one
    where the sum of all would tell them.
    """
    frame = text_topics.topics(contacts.corpus, contacts.week.week)
    is_hidden = pd.Series(False, index=frame.index)
    for _, own in frame.groupby("language"):
        sums = own[["tickets"]].astype("float64")
        is_hidden[own.index] = small_sums(sums, minimum=contacts.minimum_group)
    shown = contacts.without_groups(frame, is_hidden)
    shown = answer(shown, is_known=len(frame) > 0 or contacts.texts.empty, missing=NO_TOPICS)
    shown = shown[shown["reason_share"].fillna(1) <= _LABELLED]
    shown.attrs["closed"] = tuple(contacts.week.closures(contacts.weeks))
    return shown


def labels(contacts: Drivers) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy of a classifier of texts, and the labels that it contradicts.

    Args:
        contacts: of `open_drivers`.

    Returns:
        `ACCURACY_COLUMNS` and `PAIR_COLUMNS` of `analysis.contact_drivers.labels`.
    """
    weeks = contacts.weeks[-movement.TRAILING_WEEKS :]
    return text_labels.label_check(contacts.corpus.of_weeks(weeks))


def forms(contacts: Drivers) -> pd.DataFrame:
    """Which choices of requesters go with misrouting, a catch-all label, or a reply that asks back.

    Args:
        contacts: of `open_drivers`.

    Returns:
        choice, value, outcome, tickets, hits, share, low, high (Wilson 95%), others_share, difference with
        difference_low and difference_high, p, q, discovery, extra.
    """
    rows = contacts.recent
    outcomes = rows.assign(labelled_other=drivers.is_catch_all(rows["contact_reason"]).astype("float64"))
    misrouted = _misrouted(contacts)
    if misrouted is not None:
        outcomes["misrouted"] = misrouted
    replies = asks_back(contacts.week.warehouse, contacts.recent["ticket_id"], contacts.weeks[-RANKED_WEEKS:])
    if replies is not None:
        outcomes = outcomes.merge(replies, on="ticket_id", how="left")
    choices = (*CHOSEN, ("priority",)) if contacts.requesters_set_priority else CHOSEN
    return drivers.form_choices(outcomes, minimum_group=contacts.minimum_group, choices=choices, fewest=FEWEST_CHOSEN)


def candidates(contacts: Drivers) -> pd.DataFrame:
    """Candidates for product feedback, with what is done about each.

    Args:
        contacts: of `open_drivers`.

    Returns:
        `analysis.contact_drivers.escalation.CANDIDATE_COLUMNS`, and done: `proposed this week`; `proposed in` a week
        before; `none: labels were changed` where other labels fell by as much on the day; or `wait` where the excess
        may be nothing, or five others come first. Where somebody has taken it on, the state and owner of the action
        stand before it.
    """
    rows = contacts.candidates
    weeks = {name: f"proposed in {words.week_number(week)}" for name, week in contacts.open_escalations.items()}
    before = rows["subject"].map(contacts.open_candidates).map(weeks).astype("str")
    is_new = rows["subject"].isin(list(contacts.escalations["subject"]))
    done = pd.Series("wait", index=rows.index, dtype="str")
    done = before.fillna(done.mask(contacts.is_relabelled, "none: labels were changed"))
    ids = [finding_id("reason moved", contacts.week.team, str(subject)) for subject in rows["subject"]]
    taken = with_actions(contacts.week, rows.assign(finding_id=pd.Series(ids, index=rows.index, dtype="str")))
    by = taken["state"] + taken["owner"].map(lambda owner: f" ({owner})" if owner else "") + "; "
    done = done.mask(is_new, "proposed this week")
    rows = rows.assign(done=by.where(taken["state"] != "", "") + done)
    judges = contacts.judges_reasons or contacts.compares_texts
    return answer(rows, is_known=judges or len(rows) > 0, missing=NO_CANDIDATES)


def register(contacts: Drivers) -> pd.DataFrame:
    """What was escalated in earlier weeks and what has become of it: `escalation.REGISTER_COLUMNS`."""
    return contacts.register


def _people_columns(contacts: Drivers) -> list[str]:
    """What of a ticket tells who has written it."""
    return [name for name in ("ticket_id", "requester_id") if name in contacts.tickets]


def _misrouted(contacts: Drivers) -> pd.Series | None:
    """1.0 where a recent ticket was solved in another queue than its first, or team where that is not told; else 0.0.

    None where the export does not tell: without events of moves the first queue is the one that the ticket has today.
    """
    rows = contacts.recent
    for unit in ("queue", "team"):
        first, last = rows[f"first_{unit}"], rows[f"solved_{unit}"]
        complete = first.notna() & last.notna()
        moved = complete & (first != last)
        if moved.any() or (complete.any() and contacts.week.has_events(unit, contacts.weeks[-RANKED_WEEKS:])):
            return moved.astype("float64").where(complete)
    return None


def _days(contacts: Drivers, weeks: Sequence[str]) -> list[str]:
    if not weeks:
        return []
    bounds = contacts.week.frame_of(weeks)
    span = pd.date_range(bounds["first_day"].min(), bounds["last_day"].max(), freq="D")
    return list(span.strftime("%Y-%m-%d"))
