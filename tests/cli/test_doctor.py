"""`opslib doctor` and `opslib key`: what is not as it should be is named, and mended where that can be done at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from opslib.intake.privacy.key import load_key
from opslib.store.memo import digest_of
from opslib.store.warehouse import Warehouse
from opslib.weekly import checkup
from opslib.weekly.cache import Cache, MadeReport
from opslib.weekly.plan import Job
from tests.command_line import Answer, in_this_process

JOB = Job("team/weekly_review", "2026-W46", "us-general")
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "team" / "weekly_review.ipynb"
Opslib = Callable[..., Answer]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A warehouse with a key, a file that is kept and one that is made, and a report of it."""
    warehouse = Warehouse(tmp_path / "data" / "warehouse")
    with warehouse.locked():
        load_key(warehouse.root, "A desk", secret=None, fingerprint=None)
        warehouse.generations.write(b"{}", warehouse.root / "published" / "marks.json")
        (warehouse.root / "warehouse.json").write_text("{}")
        warehouse.memo("intake").keep("intake", {}, made=[warehouse.root / "warehouse.json"])
    page = JOB.page(tmp_path / "reports")
    page.parent.mkdir(parents=True)
    page.write_text("<html>the page</html>")
    cache = Cache(warehouse, tmp_path / "reports", {"lock": digest_of("")})
    cache.remember(JOB, NOTEBOOK, {}, slices=[], made=MadeReport("ready", [], None, None))
    return warehouse


@pytest.fixture
def opslib(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Opslib:
    # What this machine has installed and how full it is are no matter of the test.
    monkeypatch.setattr(checkup, "_machine", lambda *_: iter(()))
    monkeypatch.setattr(checkup.tempfile, "gettempdir", lambda: str(tmp_path))
    return lambda *arguments: in_this_process(monkeypatch, capsys, tmp_path, *arguments)


def test_where_all_is_well_it_says_so(opslib: Opslib) -> None:
    assert opslib("doctor") == Answer(0, "doctor   all is well\n", "")


def test_what_is_not_as_it_should_be_is_named_and_mended(opslib: Opslib, warehouse: Warehouse, tmp_path: Path) -> None:
    root, page = warehouse.root, JOB.page(tmp_path / "reports")
    key = (root / "opslib.key").read_bytes()
    (root / "opslib.key").write_bytes(b"")
    (root / "published" / "marks.json").write_bytes(b"[")
    (root / "warehouse.json").write_bytes(b"")
    (root / "facts").mkdir()
    (root / "facts" / ".aside-4194999-x.parquet").touch()
    page.write_text("<html>the pa")
    found = opslib("doctor")
    named = (
        "facts/.aside-",
        "opslib.key is damaged",
        "published/marks.json is not",
        "warehouse.json is",
        "review.html is",
    )
    assert [any(name in line for line in found.out.splitlines()) for name in named] == [True] * len(named), found.out
    assert (found.status, (root / "opslib.key").read_bytes()) == (2, b""), "looking changes nothing"
    mended = opslib("doctor", "--repair")
    assert "3 repaired, 2 left for a run or for you" in mended.out
    assert (mended.status, (root / "opslib.key").read_bytes()) == (2, key)
    assert (root / "published" / "marks.json").read_bytes() == b"{}"
    assert list((root / "facts").iterdir()) == []
    left = opslib("doctor").out
    assert "`make weekly WEEK=2026-W46` makes pages anew" in left
    assert "made anew by the next run" in left


def test_a_warehouse_that_a_run_holds_is_left_alone(opslib: Opslib, warehouse: Warehouse) -> None:
    with warehouse.locked():
        answer = opslib("doctor", "--repair")
    assert (answer.status, "another run holds" in answer.out) == (2, True)


def test_without_a_warehouse_there_is_nothing_to_find(opslib: Opslib, warehouse: Warehouse, tmp_path: Path) -> None:
    shutil.rmtree(warehouse.root)
    shutil.rmtree(tmp_path / "reports")
    answer = opslib("doctor")
    assert (answer.status, "there is no warehouse" in answer.out) == (0, True)


def test_another_key_is_put_in_its_place_and_its_cost_is_said(
    opslib: Opslib, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (warehouse.root / "opslib.key").read_bytes()
    answer = opslib("key", "rotate")
    assert (answer.status, "every person gets another pseudonym" in answer.out) == (0, True)
    after = (warehouse.root / "opslib.key").read_bytes()
    assert after != before
    monkeypatch.setenv("OPSLIB_KEY", "a secret for tests only")
    refused = opslib("key", "rotate")
    assert (refused.status, "OPSLIB_KEY, which only you can change" in " ".join(refused.err.split())) == (2, True)
    assert (warehouse.root / "opslib.key").read_bytes() == after
