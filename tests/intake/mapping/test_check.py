from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from opslib.errors import SettingsError
from opslib.intake.disclosure import NO_VALUES, Counted
from opslib.intake.mapping.check import HIDDEN, CheckReport, ColumnCheck, check_source

MAPPING = """
description: a help desk
organisation: org_desk
zone: America/New_York
notes: [Export it in your own zone.]
feeds:
  - table: tickets
    files: ["tickets*"]
    where: [{column: kind, is_not: test}]
    columns:
      ticket_id: id
      created_at: [created_at, Created]
      status: {from: state, values: {Wait: on_hold}}
      team: {from: group, values: {General: us-general}}
      channel: {from: via, values: {Mail: email}, else: other}
      requester_id: asker
      subject: title
      reopen_count: reopens
"""
ORGANISATION = """
organisation: Desk
time_zone: America/New_York
calendars: [{name: always, time_zone: UTC, hours: [{from: 2020-01-01, always: true}]}]
teams: [{name: us-general, label: General, region: US, calendar: always}]
"""
EXPORT = """id,created_at,state,group,via,asker,title,reopens,kind,mood
1,2026-11-09 10:00:00,Wait,General,Mail,jo@example.com,Secret words,0,,x
2,13/03/2026 09:00,open,General,Fax,al@example.com,More words,two,,y
3,14/03/2026 09:00,Limbo,Moonbase,Mail,,,,,y
4,2026-11-10 10:00:00,open,,,,,1,,
5,2026-11-10 10:00:00,open,,,,,1,test,
6,2026-11-10
"""


@pytest.fixture
def params(tmp_path: Path) -> Path:
    folder = tmp_path / "params"
    (folder / "sources").mkdir(parents=True)
    (folder / "sources" / "desk.yml").write_text(MAPPING)
    (folder / "org_desk.yml").write_text(ORGANISATION)
    return folder


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text(EXPORT)
    return path


def column(report: CheckReport, name: str) -> ColumnCheck:
    (file,) = report.files
    (only,) = file.tables
    return next(check for check in only.columns if check.column.name == name)


def test_each_column_says_what_was_read_and_what_was_not(params: Path, export: Path) -> None:
    report = check_source(params, "desk", [export])
    created = column(report, "created_at")
    assert (created.read, created.empty, created.unreadable) == (2, 0, 2)
    assert [str(example) for example in created.examples] == [
        "row 2: '13/03/2026 09:00' is not an ISO time",
        "row 3: '14/03/2026 09:00' is not an ISO time",
    ]
    assert (created.first, created.last) == ("2026-11-09 15:00:00 UTC", "2026-11-10 15:00:00 UTC")
    reopens = column(report, "reopen_count")
    assert (reopens.read, reopens.empty, reopens.unreadable) == (2, 1, 1)


def test_rows_are_accounted_for(params: Path, export: Path) -> None:
    (file,) = check_source(params, "desk", [export]).files
    (table,) = file.tables
    assert (file.rows, table.rows, table.left_out, table.broken_rows) == (6, 5, 1, 1)
    assert table.broken == ((6, "row: 2 field(s) where the header has 10"),)
    for check in table.columns:
        assert check.read + check.empty + check.unreadable + table.broken_rows == table.rows


def test_values_that_nothing_knows_are_listed(params: Path, export: Path) -> None:
    report = check_source(params, "desk", [export])
    status, team, channel = (column(report, name) for name in ("status", "team", "channel"))
    assert (status.top.shown, status.top.others) == ((("open", 2), ("on_hold", 1)), 1)
    assert (status.strange, status.unknown) == (Counted((), 1, 1), Counted((), 1, 1))
    assert team.strange == team.unknown == Counted((), 1, 1)
    assert (channel.unknown, channel.strange) == (Counted((), 1, 1), NO_VALUES)


def test_the_owner_of_a_file_is_shown_all_values_and_told_so(params: Path, export: Path) -> None:
    assert "--show-values" in "\n".join(check_source(params, "desk", [export]).lines())
    report = check_source(params, "desk", [export], to_owner=True)
    lines = [line.strip() for line in report.lines()]
    assert lines[1].startswith("This shows values of the files as they are, personal data among them")
    assert "not a team of the organization: Moonbase (1)" in lines
    assert "columns: 1 `id`, 2 `created_at`, 3 `state`, 4 `group`, 5 `via`, 6 `asker`" in "\n".join(lines)
    assert column(report, "status").strange == Counted((("limbo", 1),))
    assert {example.value for example in column(report, "reopen_count").examples} == {"two"}


def test_unused_and_absent_columns_are_listed(params: Path, export: Path) -> None:
    (file,) = check_source(params, "desk", [export]).files
    assert file.unused == "1 that no mapping names (column 10)"
    assert "priority" in file.tables[0].absent
    assert "subject" not in file.tables[0].absent


def test_values_of_persons_and_free_text_are_not_shown(params: Path, export: Path) -> None:
    """The report is pasted into chats; `lines()` and what rich draws are checked alike."""
    mapping = params / "sources" / "desk.yml"
    mapping.write_text(
        mapping.read_text().replace("subject: title", "subject: {from: title, values: {x: y}, else: unreadable}")
    )
    report = check_source(params, "desk", [export])
    subject = column(report, "subject")
    assert subject.unreadable == 2
    assert {example.value for example in subject.examples} == {HIDDEN}
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(report)
    for text in ("\n".join(report.lines()), console.export_text()):
        assert "(hidden) is not" in text
        assert "example.com" not in text
        assert "words" not in text


def test_a_missing_needed_column_is_marked_with_a_suggestion(params: Path, export: Path) -> None:
    export.write_text(EXPORT.replace("created_at", "created on"))
    report = check_source(params, "desk", [export])
    assert not report.fits
    (marked,) = [line for line in report.lines() if line.startswith("! ")]
    assert marked.startswith(
        "! tickets.csv: the needed column `created_at` or `Created` is not there; the file has `id`, "
    )
    assert marked.endswith("and 2 that no mapping names (columns 2 and 10); did you mean column 2?")
    assert column(report, "created_at").rule.startswith("from `created_at` or `Created`, which is not there")


def test_the_lines_read_like_a_report(params: Path, export: Path) -> None:
    lines = check_source(params, "desk", [export]).lines()
    assert lines[0] == "source desk: a help desk"
    assert "tickets.csv: CSV, 6 rows" in lines
    assert "  → tickets: 5 rows, 1 left out by the mapping" in lines
    assert (
        "  ! 1 row(s) could not be split into columns, among them 6 (row: 2 field(s) where the header has 10)" in lines
    )
    assert any(
        line.startswith("    created_at *") and line.endswith("America/New_York where it has no offset")
        for line in lines
    )
    assert "        not a team of the organization: 1 value not shown here (1)" in lines
    assert "  columns of the file that nothing uses: 1 that no mapping names (column 10)" in lines
    assert "  - Export it in your own zone." in lines
    assert lines[-1] == "Some values could not be read or are not known. Fix params/sources/desk.yml or the file."


def test_a_file_that_fits_says_so(params: Path, export: Path) -> None:
    export.write_text("\n".join(EXPORT.splitlines()[:2]))
    report = check_source(params, "desk", [export])
    assert report.fits
    assert report.lines()[-1] == "Everything that is needed could be read."


def test_a_folder_is_checked_file_by_file_and_a_wrong_file_does_not_stop_the_others(params: Path, export: Path) -> None:
    other = export.parent / "calls.csv"
    other.write_text("x\n1\n")
    report = check_source(params, "desk", [other, export.parent])
    assert [file.path for file in report.files] == [export]
    assert report.problems == ("calls.csv: the source 'desk' has no mapping for this file; it maps `tickets*`",)
    assert not report.fits


def test_an_empty_file_is_told_of(params: Path, export: Path) -> None:
    export.write_bytes(b"")
    report = check_source(params, "desk", [export])
    assert "! tickets.csv: the file is empty (0 bytes)" in report.lines()


def test_an_unknown_source_is_an_error(params: Path, export: Path) -> None:
    with pytest.raises(SettingsError, match="no source 'desc'; did you mean 'desk'"):
        check_source(params, "desc", [export])


def lines_of(params: Path, export: Path, text: str) -> tuple[bool, list[str]]:
    """Whether an export fits, and the report on it, each line without its indent."""
    export.write_text(text)
    report = check_source(params, "desk", [export])
    return report.fits, [line.strip() for line in report.lines()]


HEAD = "id,created_at,state,group,via,asker,title,reopens,kind\n"


def test_all_values_without_a_translation_are_named_with_lines_to_paste(params: Path, export: Path) -> None:
    words = [f"Office {number:02}" for number in range(15)]
    rows = "".join(f'{n},2026-11-09,open,General,"{word}",,,,\n' for n, word in enumerate([*words, "Desk / A"] * 5))
    fits, lines = lines_of(params, export, HEAD + rows)
    assert fits
    (listed,) = [line for line in lines if line.startswith("no translation for: ")]
    assert listed.startswith("no translation for: Desk / A (5), Office 00 (5), Office 01 (5)")
    assert listed.endswith(" and 4 more")
    start = lines.index("to translate them, paste under `channel` and fill in:")
    assert lines[start + 1 : start + 4] == ["values:", '"Desk / A": "?"', '"Office 00": "?"']
    assert lines[start + 17] == '"Office 14": "?"'


@pytest.mark.parametrize(
    ("times", "advice"),
    [
        (["13/03/2026 09:00", "01/02/2026 09:00"], "`time: [iso, day_first]` would read all 2"),
        (["03/13/2026 09:00", "2026-01-02 09:00"], "`time: [iso, month_first]` would read all 2"),
        (["1773392700", "1773392701"], "`time: [iso, epoch_s]` would read all 2"),
        (["13/03/2026 09:00", "03/13/2026 09:00"], None),
    ],
)
def test_the_reading_of_times_that_reads_all_rows_is_named(
    params: Path, export: Path, times: list[str], advice: str | None
) -> None:
    fits, lines = lines_of(
        params, export, HEAD + "".join(f"{n},{at},open,General,,,,,\n" for n, at in enumerate(times))
    )
    assert not fits
    assert [line for line in lines if "would read all" in line] == ([advice] if advice else [])


def test_rows_without_a_team_are_judged_by_the_limit_of_the_gate(params: Path, export: Path) -> None:
    def rows(without: int) -> str:
        return HEAD + "".join(f"{n},2026-11-09,open,{'' if n < without else 'General'},,,,,\n" for n in range(100))

    few, lines = lines_of(params, export, rows(2))
    assert few
    assert "2 of 100 rows have no group: give them a team with `missing: us-general` under `team`" in lines
    for number, fits, end in (
        (3, True, "the gate sets them aside and warns"),
        (21, False, "with so many the gate blocks"),
    ):
        many, lines = lines_of(params, export, rows(number))
        assert many == fits
        assert (
            f"{number} of 100 rows have no group: give them a team with `missing: us-general` under `team`, or raise "
            f"`limits.without_team_share` in params/org.yml; {end}" in lines
        )
    mapping = params / "sources" / "desk.yml"
    mapping.write_text(
        mapping.read_text().replace("{General: us-general}", "{General: us-general}, missing: us-general")
    )
    mended, lines = lines_of(params, export, rows(3))
    assert mended
    assert not any("have no group" in line for line in lines)


def test_a_log_with_a_row_per_update_is_named(params: Path, export: Path) -> None:
    rows = "".join(f"{n % 10},2026-11-09,open,General,,,,,\n" for n in range(30))
    fits, lines = lines_of(params, export, HEAD + rows)
    words = "20 of 30 rows repeat a ticket_id: this looks like a log with a row per update"
    assert not fits
    assert f"! {words}: map `updated_at`, so that the latest row counts, or map the rows to ticket_events" in lines
    mapping = params / "sources" / "desk.yml"
    mapping.write_text(mapping.read_text() + "      updated_at: created_at\n")
    fits, lines = lines_of(params, export, HEAD + rows)
    assert fits
    assert any(line.startswith(f"! {words}; the latest row by `updated_at` counts.") for line in lines)


def test_the_conditions_of_cases_are_said(params: Path, export: Path) -> None:
    mapping = params / "sources" / "desk.yml"
    rule = (
        "{cases: [{where: [{column: kind, in: [a, b]}, {column: title, filled: true}], constant: web}, "
        "{where: [{column: via, not_matches: '^x'}], from: via}, {constant: other}]}"
    )
    mapping.write_text(mapping.read_text().replace("{from: via, values: {Mail: email}, else: other}", rule))
    export.write_text(EXPORT)
    assert column(check_source(params, "desk", [export]), "channel").rule == (
        "the first case that fits: always 'web' where `kind` is one of 'a', 'b' and `title` is filled; "
        "from `via` where `via` does not match '^x'; always 'other'"
    )


def test_a_file_is_checked_within_the_limits_of_the_organisation(params: Path, export: Path):
    (params / "org_desk.yml").write_text(f"{ORGANISATION}limits: {{reading: {{columns: 9}}}}\n")
    report = check_source(params, "desk", [export])
    assert [text for file in report.files for text in file.damage if "reading" in text and "10" in text]
    assert not report.fits
