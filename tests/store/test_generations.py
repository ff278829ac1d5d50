"""What cannot be made anew is kept twice, and damage to any of the three is noticed and mended."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from opslib.store.files import FOR_THIS_USER
from opslib.store.generations import Generations


@pytest.fixture
def generations(tmp_path: Path) -> Generations:
    """Of one file that has held "one", "two" and now "three"."""
    generations = Generations(tmp_path)
    for content in (b"one", b"two", b"three", b"three"):
        generations.write(content, tmp_path / "published" / "marks.json")
    return generations


@pytest.fixture
def path(generations: Generations) -> Path:
    return generations.root / "published" / "marks.json"


def copies_of(generations: Generations) -> list[Path]:
    return sorted((generations.root / "generations" / "published" / "marks.json").iterdir())


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def gone(path: Path) -> None:
    path.unlink()


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def test_two_generations_are_kept_and_one_is_new_only_where_the_content_is(generations: Generations) -> None:
    assert [copy.read_bytes() for copy in copies_of(generations)] == [b"two", b"three"]
    assert [copy.name[:6] for copy in copies_of(generations)] == ["000002", "000003"]


def test_a_file_that_is_as_written_is_left_alone(generations: Generations, path: Path) -> None:
    assert generations.paths(generations.root) == [path]
    before = path.stat().st_mtime_ns
    assert generations.mend(path) is None
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", [empty, cut, gone, folder])
def test_a_damaged_file_is_taken_from_its_copy(
    generations: Generations, path: Path, damage: Callable[[Path], None]
) -> None:
    damage(path)
    assert not generations.is_newest(path)
    assert generations.mend(path) == "published/marks.json was not as it was written: taken from its copy"
    assert path.read_bytes() == b"three"
    assert generations.mend(path) is None


@pytest.mark.parametrize("damage", [empty, cut, folder])
def test_a_damaged_copy_is_made_anew_of_the_file(
    generations: Generations, path: Path, damage: Callable[[Path], None]
) -> None:
    damage(copies_of(generations)[-1])
    assert generations.mend(path) == "a copy of published/marks.json was damaged and is taken out"
    assert [copy.read_bytes() for copy in copies_of(generations)] == [b"two", b"three"]
    assert generations.mend(path) is None


def test_a_run_killed_between_copy_and_file_is_made_good(generations: Generations, path: Path) -> None:
    path.write_bytes(b"two")
    assert generations.mend(path) is not None
    assert path.read_bytes() == b"three"


def test_the_older_generation_is_used_and_said_where_file_and_copy_are_damaged(
    generations: Generations, path: Path
) -> None:
    for each in (path, copies_of(generations)[-1]):
        empty(each)
    said = generations.mend(path)
    assert said is not None
    assert "the one before is used" in said
    assert path.read_bytes() == b"two"
    assert generations.mend(path) is None


def test_where_all_is_damaged_the_file_goes_and_that_is_said(generations: Generations, path: Path) -> None:
    for each in (path, *copies_of(generations)):
        empty(each)
    said = generations.mend(path)
    assert said is not None
    assert "nothing of it is left" in said
    assert not path.exists()
    assert generations.paths(generations.root) == []


def test_what_must_not_be_found_any_more_leaves_no_older_generation(generations: Generations, path: Path) -> None:
    generations.forget_older(path)
    assert [copy.read_bytes() for copy in copies_of(generations)] == [b"three"]
    generations.forget(generations.root / "published")
    assert generations.paths(generations.root) == []


def test_copies_of_what_is_for_one_user_are_for_that_user(tmp_path: Path) -> None:
    generations, path = Generations(tmp_path), tmp_path / "opslib.key"
    generations.write(b"a secret", path, FOR_THIS_USER)
    (copy,) = (tmp_path / "generations" / "opslib.key").iterdir()
    path.unlink()
    generations.mend(path, FOR_THIS_USER)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, copy, copy.parent)]
    assert modes == [0o600, 0o600, 0o700]
