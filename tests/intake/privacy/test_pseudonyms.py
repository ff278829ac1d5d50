from __future__ import annotations

import hashlib
import hmac
import multiprocessing
import os
import stat
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from opslib.errors import OpslibError
from opslib.intake.privacy import pseudonyms
from opslib.intake.privacy.pseudonyms import Pseudonymiser, load_key

KEY = b"a key for the tests only"


# ----------------------------------------------------------------------------------------------------------- pseudonyms


def test_a_pseudonym_is_the_start_of_the_keyed_hash_of_the_stripped_id():
    expected = "p" + hmac.new(KEY, b"4711", hashlib.sha256).hexdigest()[:20]
    assert Pseudonymiser(KEY).one(" 4711\n") == expected


def test_a_published_hmac_answer_is_met():
    """RFC 4231, test case 2."""
    assert Pseudonymiser(b"Jefe").one("what do ya want for nothing?") == "p5bdcc146bf60754e6a04"


def test_another_key_gives_other_pseudonyms():
    assert Pseudonymiser(KEY).one("4711") != Pseudonymiser(KEY + b"!").one("4711")


def test_the_same_person_has_the_same_pseudonym_whatever_holds_the_column():
    """Ids come as text in one export and as numbers, or as numbers with gaps, in another."""
    names = Pseudonymiser(KEY)
    expected = names.one("4711")
    columns = [
        pd.Series(["4711", " 4711 "]),
        pd.Series([4711, 4711]),
        pd.Series([4711.0, None]),
        pd.Series(["4711", 4711], dtype=object),
        pd.Series(["4711", None], dtype="category"),
    ]
    assert [names.many(column).iloc[0] for column in columns] == [expected] * len(columns)
    assert names.many(pa.chunked_array([["x"], ["4711"]])).to_pylist()[1] == expected
    assert names.many(pa.chunked_array([pa.array([1, 4711])])).to_pylist()[1] == expected
    assert names.many(["4711"]) == [expected]


def test_nulls_and_empty_ids_are_null_and_the_index_stays():
    column = pd.Series(["a", None, "", "  ", "a"], index=[9, 8, 7, 6, 5], name="requester_id")
    names_of_column = Pseudonymiser(KEY).many(column)
    assert names_of_column.isna().tolist() == [False, True, True, True, False]
    assert names_of_column.index.tolist() == [9, 8, 7, 6, 5]
    assert names_of_column.name == "requester_id"
    assert names_of_column.iloc[0] == names_of_column.iloc[4]
    assert Pseudonymiser(KEY).many([None, "", "a"])[:2] == [None, None]
    assert Pseudonymiser(KEY).many(pa.chunked_array([pa.array([None, ""], pa.string())])).to_pylist() == [None, None]


@pytest.mark.parametrize("column", [pd.Series([], dtype="str"), pd.Series([None, None]), pd.Series([float("nan")])])
def test_a_column_without_ids_gives_nulls(column):
    names_of_column = Pseudonymiser(KEY).many(column)
    assert len(names_of_column) == len(column)
    assert names_of_column.isna().all()


def test_an_arrow_column_without_chunks_gives_an_arrow_column():
    names_of_column = Pseudonymiser(KEY).many(pa.chunked_array([], type=pa.string()))
    assert isinstance(names_of_column, pa.ChunkedArray)
    assert len(names_of_column) == 0


def test_each_distinct_id_is_computed_once(monkeypatch):
    calls: list[bytes] = []
    digest = hmac.digest
    monkeypatch.setattr(
        pseudonyms.hmac, "digest", lambda key, message, name: calls.append(message) or digest(key, message, name)
    )
    names = Pseudonymiser(KEY)
    names.many(pd.Series(["a", "b", "a"] * 100))
    names.many(pa.chunked_array([["b", "c"]]))
    assert sorted(calls) == [b"a", b"b", b"c"]


def test_an_empty_id_alone_and_an_empty_key_are_errors():
    with pytest.raises(OpslibError, match="empty id"):
        Pseudonymiser(KEY).one(" ")
    with pytest.raises(OpslibError, match="OPSLIB_KEY"):
        Pseudonymiser(b"")


def test_the_key_is_not_shown():
    assert KEY.decode() not in repr(Pseudonymiser(KEY))
    assert KEY.decode() not in str(Pseudonymiser(KEY))


# -------------------------------------------------------------------------------------------------------------- the key


def test_the_key_comes_from_the_environment_first(tmp_path):
    assert load_key(tmp_path, {"OPSLIB_KEY": "0123456789abcdef"}) == b"0123456789abcdef"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["", "   ", "short"])
def test_a_short_key_in_the_environment_is_refused_with_how_to_make_one(tmp_path, value):
    """An empty secret in CI must not quietly give every run another key."""
    with pytest.raises(OpslibError, match="token_hex") as caught:
        load_key(tmp_path, {"OPSLIB_KEY": value})
    assert "short'" not in str(caught.value)


def test_the_key_is_made_once_and_only_for_its_owner(tmp_path):
    folder = tmp_path / "data"
    key = load_key(folder, {})
    assert len(key) >= 32
    assert load_key(folder, {}) == key
    assert stat.S_IMODE((folder / "opslib.key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["opslib.key"]
    assert load_key(tmp_path / "other", {}) != key


def test_the_key_is_made_on_a_file_system_without_links(tmp_path, monkeypatch):
    def no_links(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", no_links)
    key = load_key(tmp_path, {})
    assert load_key(tmp_path, {}) == key
    assert [path.name for path in tmp_path.iterdir()] == ["opslib.key"]


def test_a_key_file_that_others_can_read_is_closed_to_them(tmp_path):
    path = tmp_path / "opslib.key"
    path.write_text("0123456789abcdef\n")
    path.chmod(0o644)
    assert load_key(tmp_path, {}) == b"0123456789abcdef"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_file_that_others_can_read_and_that_is_not_ours_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "opslib.key"
    path.write_text("0123456789abcdef\n")
    path.chmod(0o644)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(OpslibError, match="chmod 600"):
        load_key(tmp_path, {})


@pytest.mark.parametrize("content", ["", "\n", "tooshort"])
def test_an_empty_or_short_key_file_is_refused_and_not_overwritten(tmp_path, content):
    path = tmp_path / "opslib.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(OpslibError, match=r"opslib\.key"):
        load_key(tmp_path, {})
    assert path.read_text() == content


def _load(folder: str, start: float, answers: multiprocessing.SimpleQueue) -> None:
    time.sleep(max(0.0, start - time.time()))
    answers.put(load_key(Path(folder), {}))


def test_runs_that_start_at_once_share_one_key(tmp_path):
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    start = time.time() + 0.5
    runs = [context.Process(target=_load, args=(str(tmp_path), start, answers)) for _ in range(8)]
    for run in runs:
        run.start()
    keys = {answers.get() for _ in runs}
    for run in runs:
        run.join()
    assert len(keys) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["opslib.key"]
