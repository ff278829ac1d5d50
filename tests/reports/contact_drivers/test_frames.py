"""What the notebook on contact drivers asks for beyond the analysis: active users, and what was escalated before."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opslib.analysis.contact_drivers import follow_up
from opslib.analysis.contact_drivers.escalation_register import AREA, SCHEMA, TABLE
from opslib.facts.text_languages import build_text_languages
from opslib.reports.contact_drivers import drawings, escalation_evidence, headline
from opslib.reports.contact_drivers import frames as report
from opslib.reports.contact_drivers.frames import Drivers
from opslib.reports.week import open_week
from opslib.store.warehouse import Warehouse
from opslib.weeks import shift_week
from tests.reports.drivers_warehouse import EMERGING, LAST, WEEKS, write_drivers_warehouse
from tests.reports.small_warehouse import Folders, copy_warehouse, shared_warehouse


def contacts_of(folders: Folders, *, week: str = LAST, team: str = "alpha") -> Drivers:
    return report.open_drivers(open_week(week, team, warehouse=str(folders[0]), params=str(folders[1])))


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return shared_warehouse(tmp_path_factory, write_drivers_warehouse, users=(80_000, 40_000))


@pytest.fixture
def folders(untouched: Folders, tmp_path: Path) -> Folders:
    """A warehouse that a test may write into."""
    return copy_warehouse(untouched, tmp_path)


def replace_users(folders: Folders, rows: list[tuple[str, int, str]]) -> None:
    """Replace the active users: date, users, region."""
    frame = pd.DataFrame(rows, columns=["active_on", "users", "region"])
    frame["active_on"] = pd.to_datetime(frame["active_on"]).dt.date
    Warehouse(folders[0]).write("standard", "activity", frame)


def write_register_row(folders: Folders, week: str, **row: object) -> None:
    """Write a row into the week's partition of the register; what is not named is that of the new matter."""
    lacking = ("latest_per_week", "latest_low", "latest_high", "dispersion", "others_per_week", "needed_weeks")
    usual = dict.fromkeys(SCHEMA.names, "") | dict.fromkeys(lacking)
    usual |= dict.fromkeys(("before_per_week", "excess", "excess_low", "excess_high", "score"), 20.0)
    usual["before_per_week"] = 1.0
    usual |= {
        "week": week,
        "escalated_week": week,
        "team": "alpha",
        "subject": EMERGING,
        "kind": "reason",
        "reason": EMERGING,
    }
    usual |= {"escalation_id": f"{week}-one", "weeks_since": 0, "state": follow_up.WAITING}
    table = pa.Table.from_pylist([usual | row], schema=SCHEMA)
    Warehouse(folders[0]).write_week(AREA, TABLE, week, table)


# Active users


def test_the_rate_is_tickets_a_week_over_the_users_of_a_week(folders: Folders):
    """By hand: the tickets of four weeks over four times the users of one."""
    contacts = contacts_of(folders)
    rates = report.per_user(contacts).set_index(["dimension", "segment"])
    assert rates.loc[("all", "all"), "users"] == 120_000
    east = contacts.recent["region"].eq("east").sum()
    assert rates.loc[("region", "east"), "tickets"] == east
    assert rates.loc[("region", "east"), "rate"] == pytest.approx(1000 * east / (4 * 80_000))
    assert (rates["low"] < rates["rate"]).all()
    assert (rates["rate"] < rates["high"]).all()


def test_days_of_a_week_are_averaged_and_not_added_up(folders: Folders):
    days = pd.date_range("2026-10-19", "2026-11-15").strftime("%Y-%m-%d")
    replace_users(folders, [(day, 70_000 if day < "2026-11-12" else 105_000, "east") for day in days])
    users = contacts_of(folders).activity
    assert users is not None
    assert users.set_index("week")["users"].tolist() == [70_000, 70_000, 70_000, 90_000]


def test_the_other_weeks_stand_for_one_that_the_export_lacks(folders: Folders):
    replace_users(folders, [(day, 50_000, "east") for day in ("2026-10-19", "2026-10-26", "2026-11-02")])
    contacts = contacts_of(folders)
    assert report.per_user(contacts)["users"].iloc[0] == pytest.approx(50_000)
    whole = report.pareto(contacts)
    assert whole["per_1000"].sum() == pytest.approx(1000 * len(contacts.recent) / (4 * 50_000))


def test_users_of_other_weeks_say_nothing_of_these(folders: Folders):
    replace_users(folders, [("2026-08-03", 50_000, "east")])
    contacts = contacts_of(folders)
    assert report.per_user(contacts).empty
    assert report.pareto(contacts)["per_1000"].isna().all()


def test_a_segment_of_few_people_has_no_rate(folders: Folders):
    contacts = contacts_of(folders)
    contacts.recent.loc[contacts.recent.index[:4], "region"] = "isle"
    replace_users(folders, [("2026-11-09", 50_000, "east"), ("2026-11-09", 4, "isle")])
    assert "isle" not in set(report.per_user(contacts)["segment"])


# What was escalated before


def test_what_was_escalated_before_is_not_handed_over_again(folders: Folders):
    write_register_row(folders, WEEKS[-3])
    contacts = contacts_of(folders)
    assert contacts.open_escalations == {EMERGING: WEEKS[-3]}
    assert EMERGING not in set(contacts.escalations["subject"])
    done = report.candidates(contacts).set_index("subject")["done"]
    assert done[EMERGING] == "proposed in week 44"
    assert report.register(contacts)["weeks_since"].tolist() == [2]


def test_what_was_back_to_its_level_in_any_week_since_is_handed_over_again(folders: Folders):
    """The week that saw it is asked, not only the last four weeks' mean."""
    write_register_row(folders, WEEKS[-6])
    write_register_row(
        folders, WEEKS[-3], escalated_week=WEEKS[-6], escalation_id=f"{WEEKS[-6]}-one", state=follow_up.BACK
    )
    contacts = contacts_of(folders)
    assert contacts.open_escalations == {}
    assert EMERGING in set(contacts.escalations["subject"])
    assert len(report.register(contacts)) == 1


def test_what_rose_further_is_handed_over_again_and_the_first_time_is_closed(folders: Folders):
    """Escalated at 3 a week, and 50 in the week after."""
    low = {"before_per_week": 1.0, "excess": 2.0, "excess_low": 1.0, "excess_high": 3.0}
    write_register_row(folders, WEEKS[-2], **low)
    contacts = contacts_of(folders)
    assert report.register(contacts)["state"].tolist() == [follow_up.ROSE]
    assert EMERGING in set(contacts.escalations["subject"])
    assert report.candidates(contacts).set_index("subject").loc[EMERGING, "done"] == "proposed this week"
    write_register_row(folders, WEEKS[-3], **low)
    write_register_row(folders, WEEKS[-2], excess=60.0)
    contacts = contacts_of(folders)
    assert report.register(contacts)["state"].tolist()[0] == follow_up.AGAIN
    assert contacts.open_escalations == {EMERGING: WEEKS[-2]}
    assert EMERGING not in set(contacts.escalations["subject"])


def test_the_same_matter_under_other_words_is_not_handed_over_again(folders: Folders):
    """What was escalated as `ate my drafts` is what customers now say in other words."""
    name = "ate my drafts"
    write_register_row(folders, WEEKS[-3], subject=name, kind="phrase", reason="", phrases="ate my drafts;overnight")
    contacts = contacts_of(folders)
    assert contacts.open_candidates[EMERGING] == name
    assert EMERGING not in set(contacts.escalations["subject"])
    assert report.candidates(contacts).set_index("subject").loc[EMERGING, "done"] == "proposed in week 44"


def test_a_register_from_before_there_were_dispersions_is_followed_up(folders: Folders):
    """Beside a later week that has them; a row without them says by its interval how much a week varies."""
    write_register_row(folders, WEEKS[-4], excess_low=12.0, excess_high=28.0)
    path = folders[0] / AREA / TABLE / f"week={WEEKS[-4]}" / "part.parquet"
    rows = pq.read_table(path, partitioning=None)
    pq.write_table(rows.drop_columns(["dispersion", "others_per_week", "needed_weeks"]), path)
    write_register_row(folders, WEEKS[-2], subject="refund", reason="refund", escalation_id="later", dispersion=1.5)
    followed = report.register(contacts_of(folders)).set_index("subject")
    assert followed["needed_weeks"].notna().all()
    assert followed.loc[EMERGING, "weeks_since"] == 3


def test_answers_count_by_how_long_after_the_ticket_they_came(folders: Folders):
    """In the warehouse of these tests every answer came a day after its ticket."""
    answered = contacts_of(folders).tickets.dropna(subset="satisfied")
    assert len(answered)
    assert (answered["answer_days"] == 1.0).all()


def test_a_report_reads_nothing_that_its_own_week_or_a_later_one_wrote(folders: Folders):
    write_register_row(folders, LAST)
    write_register_row(folders, shift_week(LAST, 1))
    assert contacts_of(folders).earlier_register.empty
    assert EMERGING in set(contacts_of(folders).escalations["subject"])


def test_another_teams_escalations_are_its_own(folders: Folders):
    write_register_row(folders, WEEKS[-3], team="beta")
    assert contacts_of(folders).register.empty


def test_what_is_handed_over_is_the_register_of_the_week(folders: Folders):
    write_register_row(folders, WEEKS[-3], subject="refund", reason="refund", before_per_week=10.0, excess=30.0)
    contacts = contacts_of(folders)
    handover, first = escalation_evidence.handover(contacts), escalation_evidence.top_escalation(contacts)
    assert first is not None
    assert first.escalation_id == handover.rows[1]["escalation_id"]
    assert [(row["subject"], row["escalated_week"]) for row in handover.rows] == [
        ("refund", WEEKS[-3]),
        (EMERGING, LAST),
    ]
    assert set(handover.rows[0]) == set(SCHEMA.names) - {"week"}
    assert handover.rows[0]["latest_week"] == LAST


def test_reasons_that_rose_because_labels_were_changed_are_not_handed_over(tmp_path: Path):
    """All that was refund or login is called otherwise in the last week; nobody writes more than before."""
    folders = write_drivers_warehouse(tmp_path / "w", with_emerging=False)
    store = Warehouse(folders[0])
    facts = store.read("facts", "tickets")
    last = facts["week"] == LAST
    new_names = {"refund": "money back", "login": "account access", "crash": "app quality", "invoice": "bills"}
    facts.loc[last, "contact_reason"] = facts.loc[last, "contact_reason"].replace(new_names)
    store.write("facts", "tickets", facts, partition_by_week=True)
    contacts = contacts_of(folders)
    candidates = report.candidates(contacts)
    assert set(candidates["subject"]) >= {"money back", "account access"}
    assert set(candidates["done"]) == {"none: labels were changed"}
    assert escalation_evidence.handover(contacts).files == {}


def test_where_no_event_tells_a_first_queue_no_choice_is_judged_by_it(folders: Folders):
    """Such an export repeats the queue that the ticket has today; with events of queues, none went wrong."""
    store = Warehouse(folders[0])
    facts = store.read("facts", "tickets")
    store.write("facts", "tickets", facts.assign(first_queue=facts["solved_queue"]), partition_by_week=True)
    contacts = contacts_of(folders)
    assert "misrouted" not in set(report.forms(contacts)["outcome"])
    assert "Not in this export: misrouted" in drawings.forms(report.forms(contacts)).text
    events = facts[["ticket_id", "week"]].assign(event="queue", value="right", occurred_at=facts["created_at"])
    store.write("standard", "ticket_events", events, partition_by_week=True)
    assert report.forms(contacts_of(folders)).query("outcome == 'misrouted'")["hits"].eq(0).all()
    assert "misrouted" in set(report.forms(contacts_of(folders))["outcome"])


def test_a_quiet_team_hands_nothing_over(folders: Folders):
    handover = escalation_evidence.handover(contacts_of(folders, team="quiet"))
    assert (handover.rows, handover.files) == ([], {})


def test_what_could_not_be_judged_is_not_called_quiet(untouched: Folders):
    """The first week of an export has no weeks before it: whether anything moved or is new is not known."""
    contacts = contacts_of(untouched, week=WEEKS[0])
    assert [line.label for line in headline(contacts).lines] == ["Tickets held"]
    assert drawings.warnings(report.warnings(contacts)).text == report.NO_DAYS
    assert drawings.matters(report.matters(contacts)).text == report.NO_MATTERS
    assert drawings.candidates(report.candidates(contacts)).text == report.NO_CANDIDATES
    assert drawings.emerging(report.emerging(contacts), report.languages(contacts)).text.startswith(
        "Nothing could be judged"
    )
    labels = [line.label for line in headline(contacts_of(untouched)).lines]
    assert labels == ["Tickets held", "Reasons that moved", "Escalations proposed"]


def test_where_the_export_has_no_requests_none_is_said_to_be_unrelated(tmp_path: Path):
    folders = write_drivers_warehouse(tmp_path, with_tables=False)
    first = escalation_evidence.top_escalation(contacts_of(folders))
    assert "Not in this export: tool requests and policy changes." in drawings.top_escalation(first).text
    assert "No tool request" not in drawings.top_escalation(first).text


def test_an_export_without_the_table_has_no_active_users(tmp_path_factory: pytest.TempPathFactory):
    folders = shared_warehouse(tmp_path_factory, write_drivers_warehouse)
    assert contacts_of(folders).activity is None


def test_where_no_column_tells_the_language_the_texts_do(tmp_path: Path):
    root, params = write_drivers_warehouse(tmp_path, lacking=("language",), with_tables=False)
    by_language = report.per_segment(contacts_of((root, params)), "language")
    assert drawings.per_segment(by_language, by="language").text == "Not in this export: the language of these tickets."
    assert report.languages(contacts_of((root, params)))["language"].tolist() == ["und"]
    build_text_languages(Warehouse(root))
    contacts = contacts_of((root, params))
    frame = report.languages(contacts).set_index("language")
    assert frame.loc["en", "texts"] >= 0.9 * frame["texts"].sum()
    assert frame.loc["en", "enough"]
    assert set(report.emerging(contacts)["language"]) == {"en"}


def test_what_too_few_people_say_is_no_phrase_matter_topic_or_candidate(
    untouched: Folders, monkeypatch: pytest.MonkeyPatch
):
    """All that is new is written by three people: fifty tickets, but nothing that could be told of a group."""
    contacts = contacts_of(untouched)
    whole = contacts.tickets
    new = whole["contact_reason"].isin([EMERGING, "other"])
    three = pd.Series(np.array(["p1", "p2", "p3"])[np.arange(len(whole)) % 3], index=whole.index)
    monkeypatch.setitem(contacts.__dict__, "tickets", whole.assign(requester_id=whole["requester_id"].mask(new, three)))
    assert contacts.phrases.empty
    assert contacts.matters.empty
    assert EMERGING not in set(contacts.candidates["subject"])
    assert contacts.escalations.empty


def test_no_language_is_counted_from_which_that_of_too_few_people_follows(
    untouched: Folders, monkeypatch: pytest.MonkeyPatch
):
    contacts = contacts_of(untouched)
    shown = report.languages(contacts).set_index("language")["texts"]
    monkeypatch.setattr(Drivers, "minimum_group", int(shown["es"]) + 1)
    hidden = report.languages(contacts)
    assert hidden["texts"].isna().all(), "the team's tickets less the others would tell"
    text = drawings.emerging(report.emerging(contacts), hidden).text
    assert "compared: English" in text
    assert not {str(number) for number in shown} & set(re.findall(r"\d+", text))
    assert "where too few people write" in text
    assert (report.topics(contacts)["tickets"] > shown["es"]).all()
    sentence = f"Groups of fewer than {shown['es'] + 1} people each are left out, and those that would tell them."
    assert drawings.movers(report.movers(contacts)).text.count(sentence) == 1
    monkeypatch.setattr(Drivers, "minimum_group", 10_000)
    assert drawings.per_user(report.per_user(contacts)).text.startswith("Groups of fewer than 10000 people each")
