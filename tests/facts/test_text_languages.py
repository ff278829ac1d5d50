"""Languages told from texts: which texts are asked, and how often the answer is right."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opslib.facts import text_languages
from opslib.facts.text_languages import build_text_languages, languages_of
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from tests.samples import shared_sample

TEXTS = {
    "en": ["I cannot sign in to my account since yesterday", "Where is my refund?", "The app crashes at every start"],
    "de": ["Ich kann mich seit gestern nicht anmelden", "Wo bleibt meine Rückerstattung?", "Die App stürzt immer ab"],
    "es": ["No puedo entrar en mi cuenta desde ayer", "¿Dónde está mi reembolso?", "La aplicación se cierra sola"],
    "pt": ["Não consigo entrar na minha conta desde ontem", "Onde está o meu reembolso?", "O aplicativo fecha sozinho"],
    "ja": ["昨日からログインできません", "返金はどこですか", "アプリがすぐに落ちます"],
}


@pytest.mark.parametrize("language", TEXTS)
def test_short_texts_are_told(language: str):
    assert languages_of(pd.Series(TEXTS[language])).tolist() == [language] * 3


def test_what_is_too_short_or_says_nothing_stays_open():
    texts = pd.Series(["", "ok", "12345 678", "[email] https://a.example/x", "<b></b>", "Refund", None], dtype="str")
    assert languages_of(texts).isna().all()
    assert languages_of(texts.head(0)).empty


def test_markup_and_addresses_say_nothing_of_the_language():
    text = (
        "<div class='the message from our customer'>Wo bleibt meine Rückerstattung?</div> https://help.example.com/the"
    )
    assert languages_of(pd.Series([text], index=[7])).to_dict() == {7: "de"}


def test_the_languages_of_the_sample_are_told_without_their_column(tmp_path_factory: pytest.TempPathFactory):
    exports = shared_sample(tmp_path_factory, 4000)
    rows = pd.concat([pd.read_csv(path, nrows=2000) for path in exports.glob("tickets.*")], ignore_index=True)
    for texts, right in ((rows["subject"] + ". " + rows["description"], 0.99), (rows["subject"], 0.90)):
        own = texts[texts.str.len() > 20]
        answer, truth = languages_of(own), rows.loc[own.index, "language"].str[:2]
        assert len(own) > 500
        assert (answer == truth).mean() >= right
        assert (answer.notna() & (answer != truth)).mean() < 0.02


def warehouse_with(root: Path, languages: list[str | None] | None, texts: list[str]) -> Warehouse:
    """Two weeks with the same tickets."""
    store = Warehouse(root)
    frame = pd.DataFrame({"ticket_id": [f"t{place}" for place in range(len(texts))], "team": "alpha", "subject": texts})
    frame["language"] = pd.Series(languages if languages else [None] * len(texts), dtype="str")
    rows = pd.concat([frame.assign(week="2026-W45"), frame.assign(week="2026-W46", ticket_id=frame["ticket_id"] + "b")])
    store.write("facts", "tickets", rows.astype({"subject": "str"}), partition_by_week=True)
    columns = ["ticket_id", "team", "subject", *(["language"] if languages else [])]
    write_json({"tickets": columns}, root / "standard" / "columns.json")
    return store


def told(store: Warehouse) -> dict[str, str]:
    """The answers of the last week; what is left open is `open`."""
    rows = store.read("facts", "text_languages", weeks=["2026-W46"], teams=["alpha"])
    return dict(zip(rows["ticket_id"], rows["language"].fillna("open"), strict=True))


MIXED = [TEXTS["en"][0], TEXTS["de"][0], "ok"]


@pytest.mark.parametrize(
    ("languages", "right"),
    [
        (None, {"t0b": "en", "t1b": "de", "t2b": "open"}),
        (["en-US", "en-GB", "en-US"], {"t0b": "en", "t1b": "de", "t2b": "open"}),
        ([None, None, None], {"t0b": "en", "t1b": "de", "t2b": "open"}),
        (["es", None, "en"], {"t1b": "de"}),
    ],
    ids=["no column", "one language for all", "an empty column", "some are missing"],
)
def test_texts_are_asked_where_the_column_does_not_tell(
    tmp_path: Path, languages: list[str | None] | None, right: dict[str, str]
):
    store = warehouse_with(tmp_path, languages, MIXED)
    assert build_text_languages(store)[0].startswith(f"languages of {2 * len(right)} texts")
    assert told(store) == right


def test_where_the_column_tells_it_stands_and_nothing_is_written(tmp_path: Path):
    warehouse_with(tmp_path, None, MIXED)
    store = Warehouse(tmp_path)
    build_text_languages(store)
    assert store.has("facts", "text_languages")
    store = warehouse_with(tmp_path, ["es", "en", "en"], MIXED)
    assert build_text_languages(store) == []
    assert not store.has("facts", "text_languages")


def test_only_a_week_whose_texts_are_others_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = warehouse_with(tmp_path, None, MIXED)
    build_text_languages(store)
    asked = []
    monkeypatch.setattr(text_languages, "languages_of", lambda texts: asked.append(len(texts)) or languages_of(texts))
    assert build_text_languages(store) == ["languages of texts as before"]
    rows = store.read("facts", "tickets", weeks=["2026-W46"])
    rows.loc[0, "subject"] = TEXTS["pt"][0]
    both = pd.concat([store.read("facts", "tickets", weeks=["2026-W45"]), rows])
    store.write("facts", "tickets", both, partition_by_week=True)
    build_text_languages(store)
    assert asked == [3]
    assert told(store)["t0b"] == "pt"


def test_an_export_without_texts_has_none_to_ask(tmp_path: Path):
    store = warehouse_with(tmp_path, None, MIXED)
    write_json({"tickets": ["ticket_id", "team"]}, tmp_path / "standard" / "columns.json")
    assert build_text_languages(store) == []
