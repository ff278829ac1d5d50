"""The key of the pseudonyms: made once, for its owner only, one for each organisation, and never replaced silently."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from opslib.errors import OpslibError
from opslib.intake.privacy.key import Key, key_fault, load_key, mend_key, rotate_key
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.secret import take_secret

SECRET = "a secret for tests only"


def load(folder: Path, organisation: str = "A desk", secret: str | None = None, fingerprint: str | None = None) -> Key:
    return load_key(folder, organisation, secret=secret, fingerprint=fingerprint)


def fingerprint_of(key: Key) -> str:
    return Pseudonymiser(key.content).one("fingerprint")


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    return tmp_path / "data" / "warehouse"


def write_former(folder: Path) -> Path:
    """The key as an earlier version left it: beside the warehouse, and used as it is."""
    (folder / "memo").mkdir(parents=True)
    path = folder.parent / "opslib.key"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def test_the_secret_is_taken_out_of_the_environment() -> None:
    environment = {"OPSLIB_KEY": SECRET, "HOME": "/"}
    assert (take_secret(environment), environment) == (SECRET, {"HOME": "/"})
    assert take_secret(environment) is None


def test_one_secret_gives_each_organisation_a_key_of_its_own(warehouse: Path) -> None:
    keys = {name: load(warehouse, name, SECRET).content for name in ("A desk", "a  DESK ", "Another desk")}
    assert keys["A desk"] == keys["a  DESK "] != keys["Another desk"]
    assert SECRET.encode() not in keys.values()
    assert not warehouse.exists()


@pytest.mark.parametrize("value", ["", "   ", "short"])
def test_a_short_secret_in_the_environment_is_refused_with_how_to_make_one(warehouse: Path, value: str) -> None:
    """An empty secret in CI must not quietly give every run another key."""
    with pytest.raises(OpslibError, match="token_hex") as caught:
        load(warehouse, secret=value)
    assert "short'" not in str(caught.value)


def test_the_key_is_made_once_in_the_warehouse_and_only_for_its_owner(warehouse: Path, tmp_path: Path) -> None:
    key = load(warehouse)
    assert load(warehouse) == key
    assert (stat.S_IMODE((warehouse / "opslib.key").stat().st_mode), key.lines) == (0o600, ())
    assert load(tmp_path / "data" / "another").content != key.content
    assert key.content.hex() not in repr(key)
    assert key_fault(warehouse) is None


@pytest.mark.parametrize("content", [b"", b"tooshort\n", b"\0\xff\0 not the key at all", None])
def test_a_damaged_key_is_taken_from_its_copy_and_that_is_said(warehouse: Path, content: bytes | None) -> None:
    key, path = load(warehouse), warehouse / "opslib.key"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert key_fault(warehouse) is not None
    mended = load(warehouse, fingerprint=fingerprint_of(key))
    assert mended.content == key.content
    assert [line for line in mended.lines if "taken from its copy" in line] == list(mended.lines)
    assert load(warehouse).lines == ()


def test_a_cut_key_or_another_one_is_no_new_key_and_is_not_lost_either(warehouse: Path) -> None:
    key, path = load(warehouse), warehouse / "opslib.key"
    another = path.read_text()[:40]
    path.write_text(another)
    mended = load(warehouse)
    assert mended.content == key.content
    assert "opslib.key.another" in mended.lines[0]
    assert "opslib key rotate" in mended.lines[0]
    assert another not in " ".join(mended.lines)
    assert (warehouse / "opslib.key.another").read_text().strip() == another
    assert stat.S_IMODE((warehouse / "opslib.key.another").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", None])
def test_a_key_that_is_lost_with_its_copies_stops_the_run_and_says_what_another_costs(
    warehouse: Path, content: bytes | None
) -> None:
    key, path = load(warehouse), warehouse / "opslib.key"
    for each in (path, *(warehouse / "generations" / "opslib.key").iterdir()):
        each.unlink() if content is None else each.write_bytes(content)
    for _ in range(2):
        with pytest.raises(OpslibError, match=r"backup.*opslib key rotate .*every person gets another pseudonym"):
            load(warehouse, fingerprint=fingerprint_of(key))
    rotate_key(warehouse)
    assert "every person gets another pseudonym" in load(warehouse, fingerprint=fingerprint_of(key)).lines[0]


def test_another_key_is_put_in_its_place_and_the_one_before_is_nowhere(warehouse: Path) -> None:
    before = load(warehouse)
    secret = (warehouse / "opslib.key").read_bytes()
    rotate_key(warehouse)
    after = load(warehouse, fingerprint=fingerprint_of(before))
    assert after.content != before.content
    assert "another than" in after.lines[0]
    assert all(secret != path.read_bytes() for path in warehouse.rglob("*") if path.is_file())


def test_another_secret_or_organisation_than_last_time_is_said(warehouse: Path) -> None:
    key = load(warehouse, secret=SECRET)
    assert load(warehouse, secret=SECRET, fingerprint=fingerprint_of(key)).lines == ()
    for other in (load(warehouse, "B", SECRET, fingerprint_of(key)), load(warehouse, "A desk", SECRET * 2, "p1")):
        assert "every person gets another pseudonym" in other.lines[0]
    before_there_were_keys_of_organisations = Pseudonymiser(SECRET.encode()).one("fingerprint")
    (line,) = load(warehouse, secret=SECRET, fingerprint=before_there_were_keys_of_organisations).lines
    assert line.endswith("this happens once")


def test_the_key_beside_a_warehouse_is_moved_into_it_and_its_pseudonyms_stay(warehouse: Path) -> None:
    former = write_former(warehouse)
    fingerprint = Pseudonymiser(SECRET.encode()).one("fingerprint")
    key = load(warehouse, fingerprint=fingerprint)
    assert (key.content, former.exists()) == (SECRET.encode(), False)
    assert "was moved to" in key.lines[0]
    assert load(warehouse, fingerprint=fingerprint) == Key(SECRET.encode())


def test_a_key_that_made_no_pseudonyms_yet_becomes_the_organisations_own(warehouse: Path) -> None:
    write_former(warehouse)
    key = load(warehouse)
    assert key.content == load(warehouse, secret=SECRET).content != SECRET.encode()


def test_a_key_beside_two_warehouses_stays_until_the_last_has_it(warehouse: Path) -> None:
    former, second = write_former(warehouse), warehouse.with_name("second")
    (second / "memo").mkdir(parents=True)
    first = load(warehouse)
    assert "it stays for second" in first.lines[0]
    assert former.exists()
    assert load(second).content == first.content
    assert not former.exists()


def test_a_key_file_that_others_can_read_is_closed_to_them(warehouse: Path) -> None:
    key, path = load(warehouse), warehouse / "opslib.key"
    path.chmod(0o644)
    assert "can be read by others" in str(key_fault(warehouse))
    mend_key(warehouse)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    assert load(warehouse).content == key.content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_file_that_others_can_read_and_that_is_not_ours_is_refused(warehouse: Path, monkeypatch) -> None:
    load(warehouse)
    path = warehouse / "opslib.key"
    path.chmod(0o644)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(OpslibError, match="chmod 600"):
        load(warehouse)
