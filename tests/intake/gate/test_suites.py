"""Every expectation of the shipped suites can fail, and a suite that cannot be used is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from opslib.errors import GateError
from opslib.intake.gate.engine import Engine, quiet
from opslib.tables import TABLES
from tests.intake.gate.healthy_exports import WEEK_END, candidates
from tests.intake.gate.judging import (
    NOT_NULL,
    OF_TYPE,
    SUITES,
    Tables,
    in_week,
    judge,
    judge_candidates,
    reasons,
    suites_with,
)


def test_the_shipped_suites_are_written_by_hand_without_ids_or_versions() -> None:
    """Great Expectations' own form churns with every save; ours is reviewed line by line."""
    assert {path.stem for path in SUITES.glob("*.json")} == set(TABLES)
    for path in SUITES.glob("*.json"):
        suite = json.loads(path.read_text())
        assert set(suite) == {"name", "meta", "expectations"}
        assert not re.search(r"great_expectations_version|[0-9a-f]{8}-[0-9a-f]{4}-", path.read_text())
        for entry in suite["expectations"]:
            assert set(entry) == {"type", "kwargs", "severity", "meta"}
            assert len(entry["meta"]["notes"].split()) >= 5, entry


# Suites that are not usable


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    shutil.copytree(SUITES, tmp_path / "expectations")
    return tmp_path / "expectations"


def edit(suites: Path, change: Callable[[dict[str, Any]], object], table: str = "tickets") -> None:
    suite = json.loads((suites / f"{table}.json").read_text())
    change(suite)
    (suites / f"{table}.json").write_text(json.dumps(suite))


def entry(**changes: object) -> dict[str, Any]:
    plain = {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "queue"},
        "severity": "warning",
        "meta": {"scope": "rows", "notes": "why"},
    }
    return plain | changes


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (entry(type="expect_column_values_to_be_lovely"), "knows no such expectation"),
        (entry(kwargs={"column": "queue", "colour": "red"}), "kwargs do not fit.*colour"),
        (entry(kwargs={"column": "quueue"}), "no column 'quueue'"),
        (entry(kwargs={"column": "volume_ratio"}), "no column 'volume_ratio'"),
        (entry(severity="info"), "critical or warning"),
        (entry(meta={"scope": "rows"}), "notes that say why"),
        (entry(meta={"scope": "planets", "notes": "why"}), "scope"),
        (entry(kwargs={"column": "queue", "mostly": 0.9}), "mostly"),
        (entry(id="b7c1"), "nothing else"),
        (
            entry(
                type="expect_column_values_to_be_in_set", kwargs={"column": "team", "value_set": {"$PARAMETER": "tems"}}
            ),
            "no parameter 'tems'",
        ),
        (entry(type="expect_table_row_count_to_be_between", kwargs={"min_value": 1}), "names no column"),
        (entry(kwargs={"column": "ticket_id"}, severity="critical"), "is there twice"),
    ],
)
def test_an_expectation_that_cannot_be_used_is_an_error_that_says_which(
    tickets: pd.DataFrame, suites: Path, extra: dict[str, Any], message: str
) -> None:
    """Great Expectations itself logs an unknown one, drops it, and passes."""
    count = len(json.loads((suites / "tickets.json").read_text())["expectations"]) + 1
    edit(suites, lambda suite: suite["expectations"].append(extra))
    with pytest.raises(GateError, match=rf"tickets\.json: expectation {count}.*{message}"):
        judge({"tickets": tickets}, expectations=suites)


def test_an_empty_suite_is_an_error(tickets: pd.DataFrame, suites: Path) -> None:
    edit(suites, lambda suite: suite["expectations"].clear())
    with pytest.raises(GateError, match=r"tickets\.json: the suite is empty"):
        judge({"tickets": tickets}, expectations=suites)


def test_a_missing_suite_is_an_error_where_the_export_has_the_table(tables: Tables, suites: Path) -> None:
    (suites / "agents.json").unlink()
    judge({"tickets": tables["tickets"]}, expectations=suites)
    with pytest.raises(GateError, match=r"agents\.json: there is no such suite"):
        judge({"tickets": tables["tickets"], "agents": tables["agents"]}, expectations=suites)


def test_a_suite_that_is_no_json_is_an_error_with_its_line(tickets: pd.DataFrame, suites: Path) -> None:
    (suites / "tickets.json").write_text('{\n "name": tickets}')
    with pytest.raises(GateError, match=r"tickets\.json:2: not JSON"):
        judge({"tickets": tickets}, expectations=suites)


def test_the_suite_of_another_table_is_refused(tickets: pd.DataFrame, suites: Path) -> None:
    edit(suites, lambda suite: suite.update(name="agents"))
    with pytest.raises(GateError, match='a suite has "name": "tickets"'):
        judge({"tickets": tickets}, expectations=suites)


def test_fewer_results_than_expectations_are_an_error(tickets: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped expectation would look as if it had passed."""
    from great_expectations.core import ExpectationSuite

    real = ExpectationSuite.__init__

    def forgetful(self: ExpectationSuite, name: str, expectations: Sequence[Any] = ()) -> None:
        real(self, name=name, expectations=expectations[1:])

    monkeypatch.setattr(ExpectationSuite, "__init__", forgetful)
    with pytest.raises(GateError, match="expectations ran; not run: the needed columns are there"):
        judge({"tickets": tickets})


def test_the_engine_sees_what_a_batch_of_great_expectations_sees(
    tickets: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine skips fingerprints of rows and what is derived again and again; what it sees must be the same."""
    import great_expectations as gx

    runs: list[tuple[Any, ...]] = []
    real = Engine.run

    def recorded(engine: Any, *arguments: Any) -> dict[int, dict[str, Any]]:
        judgements = real(engine, *arguments)
        runs.append((engine, *arguments, judgements))
        return judgements

    monkeypatch.setattr(Engine, "run", recorded)
    broken = tickets.assign(status=tickets["status"].where(tickets.index % 7 != 3, "lost"))
    judge({"tickets": broken})
    forms = [form for *_, form, _ in runs]
    assert forms == ["BASIC", "COMPLETE", "COMPLETE"]
    with quiet():
        asset = runs[0][0].context.data_sources.add_pandas("twin").add_dataframe_asset("rows")
        for _, table, frame, rules, parameters, form, judgements in runs:
            validated = (
                asset.add_batch_definition_whole_dataframe(f"{table} {len(frame)} {form}")
                .get_batch({"dataframe": frame})
                .validate(
                    gx.ExpectationSuite(name=table, expectations=[rule.expectation for rule in rules]),
                    result_format={"result_format": form, "return_unexpected_index_query": False},
                    expectation_parameters=dict(parameters),
                )
            )
            by_rule = {
                result.expectation_config.meta["number"]: {"success": result.success, "result": dict(result.result)}
                for result in validated.results
            }
            assert by_rule.keys() == judgements.keys()
            for number, result in by_rule.items():
                assert repr(result) == repr(judgements[number])


def test_an_expectation_that_raises_is_an_error_and_not_a_failure(tickets: pd.DataFrame, suites: Path) -> None:
    edit(
        suites,
        lambda suite: suite["expectations"].append(
            entry(type="expect_column_values_to_be_between", kwargs={"column": "queue", "min_value": 3})
        ),
    )
    with pytest.raises(GateError, match="queue is at least 3: Great Expectations could not judge it"):
        judge({"tickets": tickets}, expectations=suites)


# Every expectation can fail


def rules_of(table: str, scope: str) -> list[dict[str, Any]]:
    suite = json.loads((SUITES / f"{table}.json").read_text())
    return [rule for rule in suite["expectations"] if rule["meta"]["scope"] == scope]


def grown(table: str, frame: pd.DataFrame, rows: int = 60) -> pd.DataFrame:
    """At least so many rows, each with a key of its own."""
    if len(frame) >= rows:
        return frame.copy()
    frame = pd.concat([frame] * (rows // len(frame) + 1), ignore_index=True)
    key = next(name for name in TABLES[table].key if TABLES[table][name].type != "date")
    first = frame[key].duplicated()
    frame.loc[first, key] = [f"{value}-{number}" for number, value in frame.loc[first, key].items()]
    return frame


def _again(events: pd.DataFrame) -> dict[str, object]:
    """The first comment of all."""
    comment = events[events["event"] == "public_comment"].iloc[0]
    return {name: comment[name] for name in TABLES["ticket_events"].key} | {"event_id": None}


def spoilt(table: str, rule: Mapping[str, Any], frame: pd.DataFrame, row: int) -> dict[str, object]:
    """What to write into a row so that it breaks the rule."""
    kwargs, columns = rule["kwargs"], TABLES[table]
    column = str(kwargs.get("column", ""))
    others = [c.name for c in columns if not c.needed]
    by_name: dict[str, dict[str, object]] = {
        "key_is_unique": {name: frame.loc[0, name] for name in columns.key},
        "needed_values_are_readable": {"_unreadable": f"{columns.needed_columns[-1]}: 'x' is not readable"},
        "other_values_are_readable": {"_unreadable": f"{others[0]}: 'x' is not readable"},
        "status_agrees_with_its_events": {"status": "open"},
        "comment_stands_once": _again(frame) if table == "ticket_events" else {},
        "solved_ticket_has_its_time": {"solved_at": None, "closed_at": None},
        "ticket_is_known": {"ticket_id": "nobody's"},
        "ticket_is_kept": {"ticket_id": "spoilt"},
        "project_is_known": {"project_id": "nobody's"},
        "project_is_kept": {"project_id": "spoilt"},
        "agent_is_known": {"agent_id": "nobody"},
        "is_not_before_its_ticket": {str(columns.dated_by): WEEK_END - timedelta(days=90)},
        "new_status_is_known": {"event": "status", "value": "melted"},
        "new_team_is_known": {"event": "team", "value": None},
        "new_priority_is_known": {"event": "priority", "value": "purple"},
        "comment_says_who_wrote": {"event": "public_comment", "actor_role": None},
        "merge_names_its_target": {"event": "merged_into", "value": None},
        "is_at_most_a_day_long": {"start_at": WEEK_END, "end_at": WEEK_END + timedelta(hours=25)},
        "does_not_overlap": {"agent_id": "a1", "start_at": WEEK_END - timedelta(days=7, hours=-1)},
        "score_is_within_its_scale": {"score": 7.0},
        "score_is_within_its_range": {"score": 0.5},
        "min_score_is_below_max_score": {"min_score": 4.0, "score": 4.0},
        "reviewer_is_not_the_agent": {"reviewer_id": "a0"},
        "is_no_total_beside_its_parts": {"channel": None, "language": None, "region": None},
        "articles_are_known": {"article_ids": "art-1;art-99"},
        "teams_are_known": {"teams": "us-general;us-moon"},
        "tasks_it_waits_for_are_known": {"depends_on": "t1;t99"},
        "does_not_wait_for_itself": {"depends_on": frame.iloc[row][columns.key[0]]},
        "finished_task_is_complete": {"percent_complete": 40.0},
        "tickets_are_known": {"ticket_ids": "1000001; no"},
        "is_not_due_before_it_was_agreed": {"due_on": datetime(2026, 1, 1).date()},
    }
    if column in by_name:
        return by_name[column]
    match rule["type"]:
        case "expect_column_values_to_not_be_null":
            return {column: None}
        case "expect_column_values_to_be_in_set":
            return {column: 99 if columns[column].type == "integer" else "melted"}
        case "expect_column_values_to_be_json_parseable":
            return {column: "{"}
        case "expect_column_values_to_be_between":
            long_ago = datetime(1949, 5, 5)
            by_type: dict[str, object] = {"instant": pd.Timestamp(long_ago, tz="UTC"), "date": long_ago.date()}
            return {column: by_type.get(columns[column].type, -1)}
        case "expect_column_pair_values_a_to_be_greater_than_b":
            later, earlier = kwargs["column_A"], kwargs["column_B"]
            step = timedelta(days=1) if columns[later].type in {"instant", "date"} else 1.5
            return {later: frame.iloc[row][earlier] - step}
    raise AssertionError(f"no way to break {rule}")


def test_every_row_expectation_of_every_suite_can_fail(clean: Tables, tmp_path: Path) -> None:
    """An expectation that no row can break is not there; each rule is broken in one row of its own."""
    tables = {name: grown(name, frame) for name, frame in clean.items()}
    tables["tickets"].loc[59, ["ticket_id", "status"]] = ["spoilt", "melted"]
    tables["projects"].loc[59, "project_id"] = "spoilt"
    tables["projects"].loc[59, "baseline_end_on"] = datetime(2020, 1, 1).date()
    row_of: dict[tuple[str, int], int] = {}
    for table in TABLES:
        frame = tables[table].astype(dict.fromkeys(tables[table].columns, object)).assign(_unreadable=None)
        for number, rule in enumerate(rules_of(table, "rows")):
            row = number + 5
            row_of[table, number] = row + 1
            for column, value in spoilt(table, rule, frame, row).items():
                frame.loc[row, column] = value
        tables[table] = frame
    run = judge(tables, expectations=suites_with(tmp_path, lambda rule: rule["meta"]["scope"] == "rows"))
    for table in TABLES:
        aside = reasons(run, table)
        results = [r for r in run.verdict.results if r.table == table and r.scope == "rows"]
        assert [r.expectation for r in results if r.outcome not in {"warned", "set_aside"}] == []
        for number, (rule, result) in enumerate(zip(rules_of(table, "rows"), results, strict=True)):
            reason = rule["meta"].get("reason", f"expected: {result.expectation}")
            is_set_aside = reason in aside.get(row_of[table, number], "")
            assert is_set_aside == (rule["severity"] == "critical"), (table, result.expectation)


def test_a_column_of_another_type_than_its_standard_table_has_is_found(clean: Tables, tmp_path: Path) -> None:
    con = duckdb.connect()
    candidates(con, clean)
    for table in TABLES.values():
        wrong = ", ".join(
            ("1::smallint" if pa.types.is_string(column.arrow) else f"cast({column.name} as varchar)")
            + f" as {column.name}"
            for column in table
        )
        con.execute(f"alter table candidate_{table.name} rename to right_{table.name}")
        con.execute(f"create temp view candidate_{table.name} as select * replace ({wrong}) from right_{table.name}")
    run = judge_candidates(con, clean, expectations=suites_with(tmp_path, lambda rule: rule["type"] == OF_TYPE))
    for table in TABLES.values():
        results = [r for r in run.verdict.results if r.table == table.name and r.type == OF_TYPE]
        assert len(results) == len(table.names)
        assert {r.outcome for r in results} == {"blocked"}


def test_every_team_expectation_of_every_suite_can_fail(clean: Tables, tmp_path: Path) -> None:
    at = {"tickets": "created_at", "ticket_events": "occurred_at"}
    at |= {"satisfaction": "answered_at", "quality_reviews": "reviewed_at"}
    dated = {table: clean[table] for table in at}
    whole = {table: grown(table, frame) for table, frame in clean.items()}
    at_fault = {"tickets": "status", "agents": "agent_id"}

    def lost(frame: pd.DataFrame, instants: pd.Series) -> pd.DataFrame:
        a_week = instants.between(WEEK_END - timedelta(days=28), WEEK_END - timedelta(days=20))
        late = instants > WEEK_END - timedelta(hours=40)
        return frame[~(a_week | late | (in_week(frame, instants.name) & (frame.index % 4 > 0)))]

    a_day = WEEK_END - timedelta(days=5)
    scenarios: dict[str, Tables] = {
        "no rows": {table: frame.iloc[:0] for table, frame in whole.items() if table != "tickets"}
        | {"tickets": clean["tickets"]},
        "no tickets": {"tickets": clean["tickets"].iloc[:0]},
        "half of the rows are broken": {
            table: frame.assign(**{column: frame[column].where(frame.index % 2 > 0)})
            for table, frame in whole.items()
            for column in [at_fault.get(table, TABLES[table].needed_columns[-1])]
        },
        "a week is lost, most of another, and its end": {t: lost(f, f[at[t]]) for t, f in dated.items()},
        "the week is lost, and a team": {
            table: frame[~in_week(frame, at[table])] for table, frame in dated.items() if table != "tickets"
        }
        | {"tickets": clean["tickets"][lambda f: ~in_week(f) & (f["team"] != "us-general")]},
        "nothing fits": {table: frame.assign(ticket_id="#" + frame["ticket_id"]) for table, frame in dated.items()}
        | {"tickets": clean["tickets"].assign(team=lambda f: f["team"].where(f.index % 4 > 0))},
        "a day is cut off": {t: f[~f[at[t]].between(a_day, a_day + timedelta(days=1))] for t, f in dated.items()},
        "a team is renamed": {"tickets": clean["tickets"].replace({"team": {"us-general": "general"}})},
    }
    never_failed = {(table, rule["kwargs"]["column"]) for table in TABLES for rule in rules_of(table, "teams")}
    folders = {name: tmp_path / name for name in ("teams", "teams and nulls")}
    for folder in folders.values():
        folder.mkdir()
    of_teams = suites_with(folders["teams"], lambda rule: rule["meta"]["scope"] == "teams")
    setting_aside = suites_with(
        folders["teams and nulls"], lambda rule: rule["meta"]["scope"] == "teams" or rule["type"] == NOT_NULL
    )
    for scenario, changed in scenarios.items():
        suites = setting_aside if scenario == "half of the rows are broken" else of_teams
        results = judge(changed, expectations=suites).verdict.results
        never_failed -= {(r.table, r.column) for r in results if r.scope == "teams" and r.outcome != "passed"}
    assert never_failed == set()
