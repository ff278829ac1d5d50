from __future__ import annotations

import hashlib
import hmac

import pandas as pd
import pyarrow as pa
import pytest

from opslib.errors import OpslibError
from opslib.intake.privacy import pseudonyms
from opslib.intake.privacy.pseudonyms import Pseudonymiser

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
