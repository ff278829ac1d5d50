"""Files that are never half there, that are on the disk before they have their name, and that the umask rules."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from opslib.store.files import abandoned_asides, asides_in, make_way, write_aside, write_text


@pytest.fixture
def closed_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_on_the_disk_before_it_has_its_name_and_then_its_name_is(tmp_path: Path, monkeypatch) -> None:
    done: list[str] = []

    def note_flush(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        done.append(f"flush {'aside' if name.startswith('.aside-') else name}")

    replace = os.replace
    monkeypatch.setattr(os, "fsync", note_flush)
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("rename"), replace(a, b)))
    write_text("one", tmp_path / "week" / "index.html")
    assert done == [f"flush {tmp_path.name}", "flush aside", "rename", "flush week"]
    done.clear()
    write_text("one", tmp_path / "week" / "index.html")
    assert done == []


@pytest.mark.usefixtures("closed_umask")
def test_a_closed_umask_closes_files_and_folders(tmp_path: Path) -> None:
    write_text("one", tmp_path / "week" / "index.html")
    assert (mode_of(tmp_path / "week"), mode_of(tmp_path / "week" / "index.html")) == (0o700, 0o600)


def test_a_file_that_was_closed_stays_closed(tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    write_text("one", path)
    assert mode_of(path) == 0o666 & ~_umask()
    path.chmod(0o600)
    write_text("two", path)
    assert (path.read_text(), mode_of(path)) == ("two", 0o600)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_a_folder_in_its_place_gives_way_and_keeps_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.mkdir()
    write_text("one", path)
    assert [each.name for each in tmp_path.iterdir()] == ["index.html"]
    for number in (1, 2):
        path.unlink(missing_ok=True)
        path.mkdir()
        (path / "thesis.txt").write_text(str(number))
        make_way(path)
    write_text("two", path)
    assert [(tmp_path / f"index.html.not-ours-{n}" / "thesis.txt").read_text() for n in (1, 2)] == ["1", "2"]
    assert path.read_text() == "two"


def test_what_a_living_process_writes_is_not_abandoned(tmp_path: Path) -> None:
    for name in (f".aside-{os.getpid()}-a.html", ".aside-4194999-b.html", ".aside-of-old.html"):
        (tmp_path / name).touch()
    assert len(asides_in(tmp_path)) == 3
    assert [path.name for path in abandoned_asides(tmp_path)] == [".aside-4194999-b.html", ".aside-of-old.html"]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    write_text("one", path)
    with pytest.raises(OSError, match="no space"):
        write_aside(path, lambda aside: (_ for _ in ()).throw(OSError("no space")))
    assert (path.read_text(), [each.name for each in tmp_path.iterdir()]) == ("one", ["index.html"])
