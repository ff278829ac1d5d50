"""Which weeks of a warehouse are not complete: with reasons in words, for each team and for all."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import opslib as ops
from opslib.display import words
from opslib.locales import full_day
from opslib.metrics import CATALOGUE
from opslib.reports.weekly_review import open_review, show, trust
from opslib.settings import load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.completeness import build_weekly_completeness
from tests.reports.review_warehouse import AS_OF, LAST, shared_warehouse
from tests.reports.small_warehouse import copy_warehouse

Folders = tuple[Path, Path]

BEGIN, LAST_DAY = full_day(date(2026, 6, 29)), words.day("2026-11-10")


@pytest.fixture
def folders(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Folders:
    return copy_warehouse(shared_warehouse(tmp_path_factory), tmp_path)


def build(folders: Folders, tickets: pd.DataFrame | None = None) -> pd.DataFrame:
    """The table, of these tickets where they are given."""
    warehouse = Warehouse(folders[0])
    if tickets is not None:
        shutil.rmtree(warehouse.folder("facts", "tickets"))
        warehouse.write("facts", "tickets", tickets, partition_by_week=True)
    build_weekly_completeness(warehouse, load_organisation(folders[1]), AS_OF)
    return warehouse.read("facts", "weekly_completeness")


def test_the_first_two_weeks_are_marked_for_every_team(folders: Folders):
    rows = build(folders)
    assert set(rows["team"]) == {"alpha", "beta", "quiet", "all"}
    assert set(rows["week"]) == {"2026-W27", "2026-W28"}
    assert set(rows["reason"]) == {f"the export begins on {BEGIN}"}
    assert set(rows["scope"]) == {"all"}


def test_it_is_not_told_again_where_nothing_has_changed(folders: Folders):
    organisation = load_organisation(folders[1])
    first = build_weekly_completeness(Warehouse(folders[0]), organisation, AS_OF)
    assert first[0].startswith("weekly completeness: 2 of 20 weeks not complete")
    assert build_weekly_completeness(Warehouse(folders[0]), organisation, AS_OF) == ["weekly completeness as before"]


@pytest.fixture
def broken_off(folders: Folders) -> pd.DataFrame:
    """Tickets from Monday to Sunday, round the clock; of alpha's last week only Monday's and Tuesday's are there."""
    tickets = Warehouse(folders[0]).read("facts", "tickets")
    moved = [tickets.assign(created_at=tickets["created_at"] + pd.Timedelta(days=days)) for days in (0, 3.5)]
    every_day = pd.concat([rows.assign(ticket_id=rows["ticket_id"] + f"-{n}") for n, rows in enumerate(moved)])
    cut = pd.Timestamp("2026-11-10 15:30", tz="UTC")
    return every_day[(every_day["team"] != "alpha") | (every_day["created_at"] < cut)]


def test_days_on_which_the_team_is_closed_are_no_silence(folders: Folders, broken_off: pd.DataFrame):
    path = folders[1] / "org.yml"
    days = ", ".join(f"{{on: 2026-11-{day}, name: Rest}}" for day in range(10, 16))
    hours = "hours: [{from: 2020-01-01, always: true}]"
    resting = (
        f"  - {{name: resting, time_zone: America/New_York, {hours}, holidays: {{closed: [{days}]}}}}\nsla_policies:"
    )
    text = path.read_text().replace("sla_policies:", resting, 1)
    path.write_text(
        text.replace("calendar: always\n    sla_policy: promise\n    goals", "calendar: resting\n    goals", 1)
    )
    rows = build(folders, broken_off)
    assert LAST not in set(rows["week"])


def test_a_team_that_breaks_off_is_told_on_its_page_and_on_that_of_all(folders: Folders, broken_off: pd.DataFrame):
    rows = build(folders, broken_off)
    last = rows[rows["week"] == LAST].set_index("team")["reason"]
    assert set(last.index) == {"alpha", "all"}
    assert last["alpha"].startswith(f"no ticket of this team was created after {LAST_DAY}")
    assert last["all"] == f"Alpha <b>team</b>: {last['alpha']}"

    week = ops.open_week(LAST, "alpha", warehouse=str(folders[0]), params=str(folders[1]))
    markup = show.trust(trust(open_review(week)))
    assert markup.text.startswith(f"No ticket of this team was created after {LAST_DAY}")
    assert markup.text.endswith(f"{words.week_number(LAST)} is not complete.")
    beta = ops.open_week(LAST, "beta", warehouse=str(folders[0]), params=str(folders[1]))
    assert show.trust(trust(open_review(beta))).text == ""


def test_an_early_week_says_from_when_on_its_numbers_can_be_trusted(folders: Folders):
    tickets = Warehouse(folders[0]).read("facts", "tickets")
    ended = tickets["full_resolution_calendar_seconds"].notna()
    long = tickets["full_resolution_calendar_seconds"].mask(ended, 30 * 86_400)
    build(folders, tickets.assign(full_resolution_calendar_seconds=long))
    week = ops.open_week("2026-W30", "beta", warehouse=str(folders[0]), params=str(folders[1]))
    assert show.trust(trust(open_review(week))).text == (
        f"The export begins on {BEGIN}: backlog, solves and SLA can be trusted from {words.week_number('2026-W32')} "
        f"on, all other numbers from {words.week_number('2026-W29')} on."
    )


def test_a_page_of_a_warehouse_that_does_not_tell_says_nothing(folders: Folders):
    shutil.rmtree(Warehouse(folders[0]).folder("facts", "weekly_completeness"), ignore_errors=True)
    week = ops.open_week("2026-W28", "beta", warehouse=str(folders[0]), params=str(folders[1]))
    assert show.trust(trust(open_review(week))).text == ""


def test_what_rests_on_the_backlog_is_dated_by_it_by_a_solve_or_by_a_decision():
    resting = {name for name, metric in CATALOGUE.items() if metric.rests_on_backlog}
    assert resting >= {"solved", "reopened", "net_flow", "backlog_closing", "first_reply_sla", "one_touch_share"}
    assert not resting & {"created", "first_reply_median", "full_resolution_median", "csat", "qa_score"}
