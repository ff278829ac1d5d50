"""What customers write: subjects and messages from the templates of words.toml, per contact reason and language."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from opslib.sample import centre
from opslib.sample.arrivals import Arrivals

_WORDS: dict[str, Any] = tomllib.loads(files("opslib.sample").joinpath("words.toml").read_text(encoding="utf-8"))
FIRST_NAMES: list[str] = _WORDS["agents"]["first_names"]
LAST_NAMES: list[str] = _WORDS["agents"]["last_names"]
SURVEY_COMMENTS: dict[str, list[str]] = _WORDS["survey_comments"]
_FILLINGS = 6  # each template stands in its pool with so many fillings


def write_texts(
    rng: np.random.Generator, tickets: Arrivals, rows: np.ndarray, spam: np.ndarray
) -> tuple[pa.Array, pa.Array]:
    """Subjects and descriptions of the tickets in `rows`; `spam` tells which of these are advertising."""
    reason, language = tickets.reason[rows], tickets.language[rows]
    luck = rng.random((len(rows), 8))
    group = language.astype(np.int64) * len(centre.REASONS) + reason
    subject = _pick(rng, _by_reason("subjects"), group, luck[:, 0])
    problem = _pick(rng, _by_reason("problems"), group, luck[:, 1])
    opening, detail, attempt, ask, closing = (
        _pick(rng, _by_language(part), language, luck[:, column])
        for column, part in enumerate(("openings", "details", "tries", "asks", "closings"), start=2)
    )
    again = _pick(rng, _by_language("details"), language, luck[:, 7])
    nothing = pa.scalar(None, pa.string())
    detail = pc.if_else(pa.array(luck[:, 7] < 0.85), detail, nothing)
    attempt = pc.if_else(pa.array(luck[:, 3] < 0.6), attempt, nothing)
    again = pc.if_else(pa.array((luck[:, 5] < 0.3) & (luck[:, 7] >= 0.2)), again, nothing)
    body = pc.binary_join_element_wise(
        opening, problem, detail, attempt, again, ask, closing, " ", null_handling="skip"
    )
    advert = np.zeros(len(rows), dtype=np.int64)
    subject = pc.if_else(pa.array(spam), _pick(rng, [_WORDS["spam"]["subjects"]], advert, luck[:, 0]), subject)
    body = pc.if_else(pa.array(spam), _pick(rng, [_WORDS["spam"]["problems"]], advert, luck[:, 1]), body)
    return subject, body


def phrase(reason: str) -> str:
    """What a reason is about, in English words."""
    text: str = _WORDS["reasons"][reason]["en"]
    return text


def _by_language(part: str) -> list[list[str]]:
    return [_WORDS[language][part] for language in centre.LANGUAGES]


def _by_reason(part: str) -> list[list[str]]:
    """Templates for every language and reason, in the order of the group numbers."""
    reasons = [_WORDS["reasons"][name] for name in centre.REASON_NAMES]
    templates_of_groups = [reason[part] for reason in reasons]
    for language in centre.LANGUAGES[1:]:
        templates = _WORDS[language][part]
        templates_of_groups += [
            [text.replace("{phrase}", reason[language]) for text in templates] for reason in reasons
        ]
    return templates_of_groups


def _pick(rng: np.random.Generator, templates: list[list[str]], group: np.ndarray, luck: np.ndarray) -> pa.Array:
    """One filled template per row out of the pool of its group."""
    pools = [_fill(rng, texts) for texts in templates]
    sizes = np.array([len(pool) for pool in pools])
    starts = np.append(0, np.cumsum(sizes)[:-1])
    position = starts[group] + (luck * sizes[group]).astype(np.int64)
    return pa.array([text for pool in pools for text in pool], pa.string()).take(pa.array(position))


def _fill(rng: np.random.Generator, templates: list[str]) -> list[str]:
    """The templates, each in several fillings of its slots."""

    def value(slot: re.Match[str]) -> str:
        options: list[str] = _WORDS["slots"][slot[1]]
        return options[int(rng.integers(0, len(options)))]

    return [re.sub(r"\{(\w+)\}", value, text) for text in templates for _ in range(_FILLINGS)]
