"""Each cause is named alone where it is alone, over facts and values as they are built; honest Mondays name none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opslib.metrics import ALL, CATALOGUE
from opslib.settings import Organisation, load_organisation
from opslib.store import memo
from opslib.store.warehouse import Warehouse
from tests.built_once import built_once
from tests.weekly.numbers.mondays import Exports, shared_exports, take

PARAMS = Path(__file__).parents[3] / "params"
MONDAYS = [datetime(2026, 6, day, 11, tzinfo=UTC) for day in (15, 22)]
AS_OF = datetime(2026, 7, 13, 11, tzinfo=UTC)
"""Two weeks after the last ticket's week: all of its numbers have settled."""
TEAM = "us-general"


@dataclass(frozen=True)
class Desk:
    """What was published once, and the exports and parameters that it was made of."""

    warehouse: Warehouse
    organisation: Organisation
    exports: Exports

    def restated(self, exports: Exports | None = None, organisation: Organisation | None = None) -> pd.DataFrame:
        """Publish the same instant again, of other exports or parameters; what was restated."""
        take(self.warehouse, organisation or self.organisation, exports or self.exports, AS_OF)
        return restatements(self.warehouse)

    def organisation_with(self, key: str, name: str, **changes: Any) -> Organisation:
        """The parameters with another team, calendar or policy of that name."""
        items = tuple(
            each.model_copy(update=changes) if each.name == name else each for each in getattr(self.organisation, key)
        )
        return self.organisation.model_copy(update={key: items})


def restatements(warehouse: Warehouse) -> pd.DataFrame:
    history = warehouse.read("published", "values")
    return history[history["entry"] == "restated"]


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return load_organisation(PARAMS)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return shared_exports(tmp_path_factory, "2026-06-29")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, organisation: Organisation, exports: Exports) -> Path:
    def build(folder: Path) -> None:
        take(Warehouse(folder / "warehouse"), organisation, exports.known(AS_OF), AS_OF)

    return built_once(tmp_path_factory, "published", build) / "warehouse"


@pytest.fixture
def desk(published: Path, tmp_path: Path, organisation: Organisation, exports: Exports) -> Desk:
    shutil.copytree(published, tmp_path / "warehouse")
    return Desk(Warehouse(tmp_path / "warehouse"), organisation, exports.known(AS_OF))


def test_honest_mondays_blame_nothing_but_the_time(
    tmp_path: Path, organisation: Organisation, exports: Exports
) -> None:
    """Every Monday tickets are handed on, solved, reopened and reviewed; nothing comes late, and nothing is changed."""
    warehouse = Warehouse(tmp_path)
    for monday in MONDAYS:
        take(warehouse, organisation, exports.known(monday), monday)
    entries = warehouse.read("published", "values")
    assert set(entries["entry"]) >= {"first known"}
    assert set(entries["cause"].dropna()) <= {"time went on"}


def test_the_same_exports_again_restate_nothing(desk: Desk) -> None:
    assert desk.restated().empty


def late_reply(exports: Exports) -> tuple[Exports, str]:
    """An agent's reply ten minutes after a ticket's creation, of which the first exports did not know."""
    first = exports.tickets[(exports.tickets["team"] == TEAM) & exports.tickets["first_reply_at"].notna()].iloc[3]
    reply = exports.events[exports.events["ticket_id"] == first["ticket_id"]].iloc[[0]]
    reply = reply.assign(
        occurred_at=first["created_at"] + pd.Timedelta(minutes=10),
        event="public_comment",
        actor_role="agent",
        actor_id="agent-late",
    )
    events = pd.concat([exports.events, reply]).sort_values("occurred_at", kind="stable")
    return replace(exports, events=events), first["ticket_id"]


def test_an_event_that_comes_in_later_is_named_alone(desk: Desk) -> None:
    exports, ticket = late_reply(desk.exports)
    rows = desk.restated(exports)
    assert set(rows["cause"]) == {"late events"}
    holders = set(
        exports.events.loc[(exports.events["ticket_id"] == ticket) & (exports.events["event"] == "team"), "value"]
    )
    assert set(rows["team"]) <= {*holders, ALL}


def test_a_ticket_that_was_added_later_is_a_changed_row_and_no_late_event(desk: Desk) -> None:
    gone = desk.exports.tickets["ticket_id"].iloc[20]
    fewer = replace(
        desk.exports,
        tickets=desk.exports.tickets[desk.exports.tickets["ticket_id"] != gone],
        events=desk.exports.events[desk.exports.events["ticket_id"] != gone],
    )
    rows = desk.restated(fewer)
    assert "created" in set(rows["metric"])
    assert set(rows["cause"]) == {"changed rows"}


def test_each_change_is_named_for_the_numbers_that_are_made_of_it(desk: Desk) -> None:
    """Another customer's tickets turn out to be the same one's, scores are other ones, and so is a promise."""
    tickets = desk.exports.tickets.copy()
    tickets.loc[tickets["team"] == TEAM, ["requester_id", "contact_reason"]] = ["req-1", "other"]
    survey, review = (
        table.assign(score=table["score"].where(~table.index.isin(table.index[:8]), 1.0))
        for table in (desk.exports.satisfaction, desk.exports.quality_reviews)
    )
    policy = next(each for each in desk.organisation.sla_policies if each.name == "standard")
    targets = tuple(
        each.model_copy(update={"targets": dict.fromkeys(each.targets, 60)}) if each.metric == "first_reply" else each
        for each in policy.targets
    )
    rows = desk.restated(
        replace(desk.exports, tickets=tickets, satisfaction=survey, quality_reviews=review),
        desk.organisation_with("sla_policies", "standard", targets=targets),
    )
    assert rows.groupby("metric")["cause"].agg(set).to_dict() == {
        "first_contact_resolution": {"changed rows"},
        "csat": {"changed scores"},
        "qa_score": {"changed scores"},
        "first_reply_sla": {"changed parameters"},
    }


def test_the_hours_of_one_team_touch_its_business_times_only(desk: Desk) -> None:
    """`us-weekdays` is the calendar of that team alone; a ticket that others held too brings it into theirs."""
    always = desk.organisation.calendar("around-the-clock").hours
    rows = desk.restated(organisation=desk.organisation_with("calendars", "us-weekdays", hours=always))
    assert "first_reply_median" in set(rows.loc[rows["team"] == TEAM, "metric"])
    assert set(rows["cause"]) == {"changed parameters"}
    names = set(rows["metric"])
    assert not [name for name in names if "business" not in CATALOGUE[name].ended and CATALOGUE[name].fact != "sla"]


def test_what_moves_no_number_is_not_named_beside_a_late_event(desk: Desk) -> None:
    """What a row repeats of later events, hours that begin later, a team's label, region and goals."""
    tickets = desk.exports.tickets.assign(updated_at=pd.Timestamp(AS_OF), priority="low", assignee_id="agent-new")
    exports, _ = late_reply(desk.exports.with_tickets(tickets))
    own = desk.organisation.calendar("us-weekdays").hours
    later = own[-1].model_copy(update={"start": datetime(2027, 1, 4).date(), "always": True, "days": {}})
    planned = replace(desk, organisation=desk.organisation_with("calendars", "us-weekdays", hours=(*own, later)))
    renamed = planned.organisation_with("teams", TEAM, label="Another name", region="EU", goals=())
    assert set(desk.restated(exports, renamed)["cause"]) == {"late events"}


def test_another_zone_of_the_weeks_is_named(desk: Desk) -> None:
    other = desk.organisation.model_copy(update={"time_zone": "Asia/Tokyo"})
    rows = desk.restated(organisation=other)
    assert set(rows["cause"]) == {"changed parameters"}
    assert "created" in set(rows["metric"])


def test_a_changed_function_is_a_changed_definition(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    edit_a_function(monkeypatch, tmp_path)
    rows = desk.restated()
    assert set(rows["metric"]) == {"touches_per_solved"}
    assert set(rows["cause"]) == {"changed definition"}


def edit_a_function(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The numerator of one metric is another function, and so is the code of the package."""
    shutil.copytree(memo.PACKAGE, folder / "opslib", ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "opslib" / "metrics.py").open("a") as stream:
        stream.write("\n\nANOTHER = 1\n")
    monkeypatch.setattr(memo, "PACKAGE", folder / "opslib")
    numerator: Callable[[Any], Any] = lambda table: table["touches"] + 1  # noqa: E731
    metric = replace(CATALOGUE["touches_per_solved"], numerator=numerator)
    monkeypatch.setitem(CATALOGUE, "touches_per_solved", metric)


def test_a_changed_definition_is_named_for_its_metric(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A late event beside it is named for the other numbers that it moved."""
    metric = replace(CATALOGUE["first_reply_median"], definition="something else")
    monkeypatch.setitem(CATALOGUE, "first_reply_median", metric)
    exports, _ = late_reply(desk.exports)
    rows = desk.restated(exports)
    own = rows["metric"] == "first_reply_median"
    assert set(rows.loc[~own, "cause"]) == {"late events"}
    assert set(rows.loc[own, "cause"]) <= {"late events, changed definition"}


def test_a_hand_over_is_the_time_that_went_on(desk: Desk) -> None:
    """Nothing comes late when a ticket is handed on after its number was published."""
    week_later = datetime(2026, 7, 20, 11, tzinfo=UTC)
    own = desk.exports.events.groupby("ticket_id").tail(1)
    handed = own[own["ticket_id"].isin(desk.exports.tickets.loc[desk.exports.tickets["team"] == TEAM, "ticket_id"])]
    handed = handed.head(30).assign(
        occurred_at=pd.Timestamp("2026-07-14 15:00", tz="UTC"), event="team", value="us-commerce", actor_role="agent"
    )
    tickets = desk.exports.tickets.copy()
    tickets.loc[tickets["ticket_id"].isin(handed["ticket_id"]), "team"] = "us-commerce"
    exports = Exports(
        tickets, pd.concat([desk.exports.events, handed]), desk.exports.satisfaction, desk.exports.quality_reviews
    )
    take(desk.warehouse, desk.organisation, exports, week_later)
    assert set(restatements(desk.warehouse)["cause"]) <= {"time went on"}
