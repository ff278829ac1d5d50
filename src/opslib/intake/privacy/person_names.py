"""Names that the export itself tells, found in texts: of agents in all of them, of a requester in their own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from opslib.intake.notation import words_of
from opslib.intake.privacy.spans import Span, merge

BETWEEN: Final = "\x1f"
"""Sets the names of one row apart, and stands in none of them."""


class PersonNames(NamedTuple):
    """The names that are known of persons.

    `agents` are taken out of all texts; `of_rows` holds for each text the names of its own person, set apart by
    `BETWEEN`, null where there are none.
    """

    agents: frozenset[str]
    of_rows: pa.Array | None = None


# Words of names that are words besides: alone they are no name.
_WORDS_BESIDES: Final = words_of(
    """
    will mark may grant rose hope grace summer april june august dawn joy faith bill rob sue pat frank jack chase drew
    max art page young king white black brown green gray
    grey price rich long short small little good best bush wood woods stone field fields hill lake park parks banks
    cook baker love day days knight wolf fox bird fish rice
    bell ball hall power powers case cases case bond cash penny dollar sky star sun rain snow frost winter spring
    autumn north south east west reed read write wise swift sharp
    strong stern steel gold silver major general prince duke bishop pope abbot dean judge law case lane street road
    rivers river waters water ocean sage angel christian
    guy gene don dee bob van la le de da di do dos das del der den von zu el al bin st y e o der die das und no an in
    on at as is or so to us it if he be by my me we go up am are
    can you your our her his she him they them the and for not but all any has had who how why what when where
    support team agent agents service services customer customers help desk helpdesk bot system admin administrator
    user users unknown test null none deleted account
    accounts manager sales billing info contact mail email office staff member guest anonymous requester reporter
    client operator moderator tier level queue group
    unassigned automation zendesk jira the company inc ltd llc gmbh corp com org net
    jean mai mar sol luz paz cruz flores campo rosa blanco rojo santos reis silva costa lima mota porto leal klein
    gross gut lang kurz jung neu alt koch vogel stern
    """
)
_NAME: Final = re.compile(r"[^\W\d_]+(?:[ .,'’-]{1,3}[^\W\d_]+){0,6}\.?")
_TOKEN: Final = re.compile(r"[^\W_]+")
_GAP: Final = re.compile(r"[ \t]{1,2}|[ ]?[,.'’_-][ ]?|[ ][^\W\d_]\.[ ]")
_EAST_ASIAN: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_SPLIT: Final = r"[^\p{L}\p{M}\p{N}]+"
_SHORTEST_LITERAL: Final = 3
_DOTLESS: Final = "\u0131"
"""The Turkish i whose capital is that of the one with a dot."""


def named_persons(texts: pa.Array, persons: PersonNames) -> dict[int, list[Span]]:
    """Find names that are known.

    Args:
        texts: large strings, nulls among them.
        persons: whose names.

    Returns:
        By the place of a text, where names stand in it; texts without any are left out.

    Notes:
        Words are compared without case and accents, in whole columns; only texts that share a word with a name are
        looked at one by one. A single word of an agent's name counts where it is written with a capital; one of the
        requester's own however it is written; a word that means something else besides (Will, Grant) only beside
        another word of the name.
    """
    agents = _Lexicon.of(persons.agents)
    plain = _plain_column(texts)
    words = pc.split_pattern_regex(plain, _SPLIT)
    word_rows = pc.list_parent_indices(words).to_numpy()
    flat = words.flatten()
    rows: set[int] = set()
    if agents.words:
        hits = pc.is_in(
            flat, value_set=pa.array([word for word in sorted(agents.words) if len(word) > 1], flat.type)
        ).to_numpy(zero_copy_only=False)
        rows.update(np.unique(word_rows[hits]).tolist())
    own = persons.of_rows
    if own is not None:
        rows.update(_rows_with_own_words(flat, word_rows, own))
    if agents.east_asian:
        pattern = "|".join(map(re.escape, sorted(agents.east_asian)))
        rows.update(np.flatnonzero(pc.fill_null(pc.match_substring_regex(plain, pattern), False)).tolist())
    return dict(_spans_by_row(texts, sorted(rows), agents, own))


def _spans_by_row(
    texts: pa.Array, rows: list[int], agents: _Lexicon, own: pa.Array | None
) -> Iterator[tuple[int, list[Span]]]:
    positions = pa.array(rows, pa.int64())
    names = [None] * len(rows) if own is None else own.take(positions).to_pylist()
    for row, text, name in zip(rows, texts.take(positions).to_pylist(), names, strict=True):
        if text is None:
            continue
        spans = agents.places(text, alone_needs_capital=True)
        if name:
            spans += _own_lexicon(name).places(text, alone_needs_capital=False)
        if spans:
            yield row, merge(spans)


@lru_cache(maxsize=8192)
def _own_lexicon(names: str) -> _Lexicon:
    return _Lexicon.of(names.split(BETWEEN))


def _rows_with_own_words(flat: pa.Array, word_rows: np.ndarray, own: pa.Array) -> Iterable[int]:
    """The texts that share a word with the names of their own row."""
    known = pc.split_pattern_regex(_plain_column(own), _SPLIT)
    known_rows, known_words = pc.list_parent_indices(known).to_numpy(), known.flatten()
    codes = pa.concat_arrays([flat, known_words.cast(flat.type)]).dictionary_encode()
    numbers, count = codes.indices.to_numpy().astype(np.int64), len(codes.dictionary) + 1
    of_texts = word_rows.astype(np.int64) * count + numbers[: len(flat)]
    long = pc.greater_equal(pc.utf8_length(known_words), 2).to_numpy(zero_copy_only=False)
    of_names = (known_rows.astype(np.int64) * count + numbers[len(flat) :])[long]
    rows = np.unique(of_names[np.isin(of_names, of_texts)] // count).tolist()
    # Where words stand without spaces, a name is no word of its own.
    east_asian = np.flatnonzero(
        pc.fill_null(
            pc.match_substring_regex(own, r"[\x{3040}-\x{30ff}\x{3400}-\x{9fff}\x{ac00}-\x{d7af}\x{0e00}-\x{0e7f}]"),
            False,
        )
    )
    return [*rows, *east_asian.tolist()]


def _plain_column(texts: pa.Array) -> pa.Array:
    """The texts in lower case and without accents."""
    plain = pc.replace_substring_regex(pc.utf8_normalize(pc.utf8_lower(texts), "NFKD"), r"\p{M}+", "")
    return pc.replace_substring(plain, _DOTLESS, "i")


def _plain(text: str) -> str:
    """One text in lower case and without accents."""
    return "".join(
        c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.category(c).startswith("M")
    ).replace(_DOTLESS, "i")


class _Lexicon(NamedTuple):
    """Names taken apart: `words` with the numbers of the names that they belong to, and what is looked for as it is."""

    words: dict[str, frozenset[int]]
    literals: tuple[str, ...]
    east_asian: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> _Lexicon:
        words: dict[str, set[int]] = {}
        literals: list[str] = []
        east_asian: list[str] = []
        for number, value in enumerate(sorted({name.strip() for name in names})):
            if _EAST_ASIAN.search(value):
                east_asian.extend({_plain(value), _plain(value).replace(" ", "")} if len(value) > 1 else ())
                continue
            parts = [_plain(word) for word in _TOKEN.findall(value)]
            if not parts or (all(part in _WORDS_BESIDES or len(part) < 2 for part in parts) and len(parts) < 2):
                continue
            if all(part in _GENERIC for part in parts):
                continue
            if not _NAME.fullmatch(value):
                if len(value) >= _SHORTEST_LITERAL:
                    literals.append(value)
                continue
            for part in parts:
                words.setdefault(part, set()).add(number)
        # A literal is found by any of its words.
        for literal in literals:
            for word in _TOKEN.findall(literal):
                words.setdefault(_plain(word), set())
        return cls({word: frozenset(of) for word, of in words.items()}, tuple(literals), tuple(east_asian))

    def places(self, text: str, *, alone_needs_capital: bool) -> list[Span]:
        """Where the names stand in a text."""
        spans: list[Span] = []
        run: list[tuple[int, int, str]] = []
        of_run: frozenset[int] = frozenset()
        for match in _TOKEN.finditer(text):
            of = self.words.get(_plain(match.group()), frozenset())
            if run and (not of & of_run or not _GAP.fullmatch(text, run[-1][1], match.start())):
                spans.extend(_span_of(run, alone_needs_capital))
                run = []
            if of:
                of_run = of & of_run if run else of
                run.append((match.start(), match.end(), match.group()))
        spans.extend(_span_of(run, alone_needs_capital) if run else ())
        for literal in self.literals:
            spans.extend(
                (*match.span(), "name")
                for match in re.finditer(rf"(?<![^\W_]){re.escape(literal)}(?![^\W_])", text, re.IGNORECASE)
            )
        lowered = text.lower()
        for name in self.east_asian:
            spans.extend((match.start(), match.end(), "name") for match in re.finditer(re.escape(name), lowered))
        return spans


def _span_of(run: list[tuple[int, int, str]], alone_needs_capital: bool) -> list[Span]:
    """A run of words of one name as a place, unless it may be another word."""
    if len(run) == 1:
        word = run[0][2]
        if len(word) == 1 or _plain(word) in _WORDS_BESIDES or (alone_needs_capital and not word[0].isupper()):
            return []
    if all(_plain(word) in _GENERIC for _, _, word in run):
        return []
    return [(run[0][0], run[-1][1], "name")]


_GENERIC: Final = words_of(
    """
    support team agent agents service services customer customers help desk helpdesk bot system admin administrator
    user users unknown test null none deleted account accounts
    manager sales billing info contact mail email office staff member guest anonymous requester reporter client
    operator moderator tier level queue group unassigned
    automation zendesk jira the company inc ltd llc gmbh corp com org net of and for to in on is it we you
    """
)
