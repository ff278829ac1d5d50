"""Signals in the warehouse: which weeks are judged again when something has changed, and which are left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from opslib.settings import Organisation, load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.signals import build_weekly_signals, closed_weeks
from opslib.weeks import weeks_between

WEEKS = weeks_between("2026-W20", "2026-W36")
METRICS = ("created", "csat")
PARAMS = """
organisation: Test desk
time_zone: America/New_York
signals: {rate: 0.10}
calendars:
  - name: office
    time_zone: America/New_York
    hours:
      - {from: 2020-01-01, days: {mon-fri: ["09:00-17:00"]}}
      - {from: 2026-08-01, days: {mon-sat: ["09:00-17:00"]}}
    holidays:
      country: US
      closed: [{on: 2026-11-27, name: Day after Thanksgiving}]
      open: [2026-10-12]
  - name: always
    time_zone: America/New_York
    hours: [{from: 2020-01-01, always: true}]
teams:
  - {name: alpha, label: Alpha, region: US, calendar: office}
  - {name: beta, label: Beta, region: US, calendar: always}
"""
AS_BEFORE = ["weekly signals as before"]


def organisation(folder: Path, *changes: tuple[str, str]) -> Organisation:
    text = PARAMS
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "org.yml").write_text(text, encoding="utf-8")
    return load_organisation(folder)


def weekly_values() -> pd.DataFrame:
    """Of each week a row per team and metric, and one of a channel, which is not judged."""
    keys = pd.MultiIndex.from_product(
        [WEEKS, ["alpha", "beta", "all"], ["all", "chat"], METRICS], names=["week", "team", "channel", "metric"]
    )
    frame = keys.to_frame(index=False)
    random = np.random.default_rng(4)
    met = random.binomial(200, 0.8, len(frame)).astype(float)
    is_share = frame["metric"] == "csat"
    frame["value"] = np.where(is_share, met / 200, met)
    frame["numerator"], frame["denominator"] = met, np.where(is_share, 200.0, 1.0)
    texts = {"missing": pd.Series(None, index=frame.index, dtype="str"), "state": "settled"}
    numbers = dict.fromkeys(("low", "high", "spread", "extra_variance", "still_low", "still_high"), np.nan)
    return frame.assign(n=200.0, **numbers, **texts)


def write_values(warehouse: Warehouse, values: pd.DataFrame) -> None:
    warehouse.write("facts", "weekly_values", values, partition_by_week=True)


def judged(warehouse: Warehouse, params: Organisation) -> int:
    """How many weeks a run judges, by what it says."""
    (line,) = build_weekly_signals(warehouse, params)
    match = re.match(rf"weekly signals: (\d+) of {len(warehouse.weeks('facts', 'weekly_values'))} weeks judged", line)
    assert match, line
    return int(match[1])


@pytest.fixture
def params(tmp_path: Path) -> Organisation:
    return organisation(tmp_path / "params")


@pytest.fixture
def warehouse(tmp_path: Path, params: Organisation) -> Warehouse:
    """A warehouse whose weeks have all been judged."""
    warehouse = Warehouse(tmp_path / "warehouse")
    write_values(warehouse, weekly_values())
    assert judged(warehouse, params) == len(WEEKS)
    return warehouse


def files_of(warehouse: Warehouse) -> dict[str, tuple[bytes, int, int]]:
    """By week the bytes of its signals, and when and where they were last written."""
    paths = {path.parent.name.removeprefix("week="): path for path in warehouse.files("facts", "weekly_signals")}
    return {week: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for week, path in paths.items()}


def signals_of(warehouse: Warehouse) -> pd.DataFrame:
    return warehouse.read("facts", "weekly_signals")


def assert_as_if_made_at_once(warehouse: Warehouse, params: Organisation, folder: Path) -> None:
    """The same bytes as in a warehouse with these values that had no signals before, and nothing left to do."""
    fresh = Warehouse(folder)
    write_values(fresh, warehouse.read("facts", "weekly_values"))
    if warehouse.has("facts", "weekly_completeness"):
        fresh.write("facts", "weekly_completeness", warehouse.read("facts", "weekly_completeness"))
    build_weekly_signals(fresh, params)
    both = [{week: content for week, (content, *_) in files_of(each).items()} for each in (warehouse, fresh)]
    assert both[0] == both[1]
    assert build_weekly_signals(warehouse, params) == AS_BEFORE


def test_each_team_of_the_organisation_is_judged_over_all_channels(warehouse: Warehouse):
    rows = signals_of(warehouse)
    assert not rows.duplicated(["week", "team", "metric"]).any()
    assert set(rows["team"]) == {"alpha", "beta"}
    assert set(rows["metric"]) == set(METRICS)
    assert set(rows["week"]) == set(WEEKS)
    last = rows[rows["week"] == WEEKS[-1]]
    assert (last["verdict"] != "not judged").all()


def test_where_nothing_has_changed_nothing_is_touched(warehouse: Warehouse, params: Organisation):
    memo = warehouse.root / "memo" / "weekly_signals.json"
    before = files_of(warehouse), memo.stat().st_mtime_ns
    assert build_weekly_signals(warehouse, params) == AS_BEFORE
    write_values(warehouse, weekly_values())
    assert build_weekly_signals(Warehouse(warehouse.root), params) == AS_BEFORE
    assert (files_of(warehouse), memo.stat().st_mtime_ns) == before


def test_another_value_has_its_week_and_those_after_it_judged_again_and_no_earlier_one(
    warehouse: Warehouse, params: Organisation, tmp_path: Path
):
    before = files_of(warehouse)
    values = weekly_values()
    here = (values["week"] == WEEKS[12]) & (values["team"] == "beta") & (values["channel"] == "all")
    values.loc[here & (values["metric"] == "created"), ["value", "numerator"]] = 400.0
    write_values(warehouse, values)
    assert judged(warehouse, params) == len(WEEKS) - 12
    after = files_of(warehouse)
    changed = [week for week in WEEKS if after[week] != before[week]]
    assert changed == WEEKS[12:]
    rows = signals_of(warehouse).set_index(["week", "team", "metric"])
    assert rows.loc[(WEEKS[12], "beta", "created"), "verdict"] == "new"
    assert_as_if_made_at_once(warehouse, params, tmp_path / "fresh")


def test_a_new_week_leaves_those_before_it_alone(tmp_path: Path, params: Organisation):
    warehouse, values = Warehouse(tmp_path / "warehouse"), weekly_values()
    write_values(warehouse, values[values["week"] < WEEKS[-1]])
    build_weekly_signals(warehouse, params)
    before = files_of(warehouse)
    write_values(warehouse, values)
    assert judged(warehouse, params) == 1
    after = files_of(warehouse)
    assert after.pop(WEEKS[-1])
    assert after == before
    assert_as_if_made_at_once(warehouse, params, tmp_path / "fresh")


ALPHA = "{name: alpha, label: Alpha, region: US, calendar: office}"
DECISION = '{metric: created, from: 2026-07-08, reason: "a form for refunds"}'


def rate_is_higher(rows: pd.DataFrame, before: pd.DataFrame) -> bool:
    narrower = rows["upper"] < before["upper"]
    return bool(narrower[before["upper"].notna()].all())


def baseline_begins_anew(rows: pd.DataFrame, before: pd.DataFrame) -> bool:
    """Wednesday of W28: the first whole week is W29."""
    last = rows[rows["week"] == WEEKS[-1]].set_index(["team", "metric"])["baseline_from"]
    then = before[before["week"] == WEEKS[-1]].set_index(["team", "metric"])["baseline_from"]
    assert last.pop(("alpha", "created")) == "2026-W29"
    return last.equals(then.drop(("alpha", "created")))


def is_closed(rows: pd.DataFrame, before: pd.DataFrame) -> bool:
    closed = rows[rows["why"] == "holiday week (Founders' day)"]
    assert not before["why"].str.contains("Founders").any()
    return closed[["week", "team", "metric"]].to_numpy().tolist() == [["2026-W33", "alpha", "created"]]


@pytest.mark.parametrize(
    ("change", "shows"),
    [
        (("rate: 0.10", "rate: 0.30"), rate_is_higher),
        ((ALPHA, f"{ALPHA[:-1]}, baselines: [{DECISION}]}}"), baseline_begins_anew),
        (("closed: [", "closed: [{on: 2026-08-12, name: Founders' day}, "), is_closed),
    ],
    ids=["rate", "baseline", "calendar"],
)
def test_what_is_set_in_params_has_all_weeks_judged_again(
    warehouse: Warehouse, tmp_path: Path, change: tuple[str, str], shows: Callable[[pd.DataFrame, pd.DataFrame], bool]
):
    before = signals_of(warehouse)
    params = organisation(tmp_path / "other", change)
    assert judged(warehouse, params) == len(WEEKS)
    assert shows(signals_of(warehouse), before)
    assert_as_if_made_at_once(warehouse, params, tmp_path / "fresh")


def test_a_decision_from_a_week_that_has_not_come_yet_changes_nothing_and_is_told(warehouse: Warehouse, tmp_path: Path):
    """It may be a slip of the pen; or the week of an older export is made again."""
    before = files_of(warehouse)
    params = organisation(
        tmp_path / "other", (ALPHA, f"{ALPHA[:-1]}, baselines: [{DECISION}]}}"), ("2026-07", "2062-07")
    )
    told = "team 'alpha': the baseline of created from 2062-07-08 begins after 2026-W36, and changes nothing yet"
    assert build_weekly_signals(warehouse, params)[1:] == [told]
    assert build_weekly_signals(warehouse, params) == [*AS_BEFORE, told]
    assert files_of(warehouse) == before


def test_what_is_known_of_complete_weeks_has_all_weeks_judged_again(
    warehouse: Warehouse, params: Organisation, tmp_path: Path
):
    incomplete = pd.DataFrame(
        {"week": [WEEKS[4]], "team": ["alpha"], "scope": ["all"], "reason": ["a day without tickets"]}
    )
    warehouse.write("facts", "weekly_completeness", incomplete)
    assert judged(warehouse, params) == len(WEEKS)
    rows = signals_of(warehouse)
    assert set(rows.loc[rows["why"] == "a day without tickets", "metric"]) == set(METRICS)
    assert_as_if_made_at_once(warehouse, params, tmp_path / "fresh")


def test_a_file_that_is_gone_is_written_again_with_the_same_bytes(warehouse: Warehouse, params: Organisation):
    before = files_of(warehouse)
    gone = WEEKS[9]
    (warehouse.folder("facts", "weekly_signals") / f"week={gone}" / "part.parquet").unlink()
    assert judged(warehouse, params) == 1
    after = files_of(warehouse)
    assert after.pop(gone)[0] == before.pop(gone)[0]
    assert after == before


def test_a_run_that_is_killed_half_way_is_made_good_by_the_next(
    warehouse: Warehouse, params: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The run dies after two of the files; then the values are again what they were when all was kept last."""
    values = weekly_values()
    values["value"] = values["value"].where(values["metric"] != "created", values["value"] * 1.5)
    write_values(warehouse, values)
    write, written = Warehouse.write_week, []

    def dies(self: Warehouse, area: str, table: str, week: str, rows: pa.Table) -> bool:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(week)
        return write(self, area, table, week, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "write_week", dies)
        with pytest.raises(KeyboardInterrupt):
            build_weekly_signals(warehouse, params)
    write_values(warehouse, weekly_values())
    build_weekly_signals(warehouse, params)
    assert_as_if_made_at_once(warehouse, params, tmp_path / "fresh")


def test_weeks_that_are_gone_from_the_values_are_removed(warehouse: Warehouse, params: Organisation, tmp_path: Path):
    values = weekly_values()
    write_values(warehouse, values[values["week"] < WEEKS[-2]])
    assert judged(warehouse, params) == 0
    assert warehouse.weeks("facts", "weekly_signals") == WEEKS[:-2]
    assert warehouse.memo("weekly_signals").names() == WEEKS[:-2]
    assert_as_if_made_at_once(warehouse, params, tmp_path / "fresh")


@pytest.mark.parametrize(
    ("week", "names"),
    [
        ("2026-W37", "Labor Day"),
        ("2026-W48", "Thanksgiving Day, Day after Thanksgiving"),
        ("2026-W42", None),  # Columbus Day is worked
        ("2026-W27", "Independence Day (observed)"),  # Friday 3 July; the fourth is a Saturday on which nobody works
        ("2026-W46", "Veterans Day"),
        ("2026-W53", "New Year's Day"),  # Friday of a week that began in the year before
        ("2026-W34", None),
    ],
)
def test_a_week_is_closed_by_holidays_on_days_on_which_the_team_would_work(
    params: Organisation, week: str, names: str | None
):
    closed = closed_weeks(params, [week])
    assert closed == ({} if names is None else {("alpha", week): names})


def test_a_holiday_on_a_saturday_closes_a_team_once_it_works_on_saturdays(tmp_path: Path):
    own = "closed: [{on: 2026-07-11, name: Picnic}, {on: 2026-08-08, name: Fair}, "
    params = organisation(tmp_path, ("closed: [", own))
    assert closed_weeks(params, ["2026-W28", "2026-W32"]) == {("alpha", "2026-W32"): "Fair"}
