"""What web addresses carry of a person: query strings, parameters, tokens in their paths, user names."""

from __future__ import annotations

import re
from typing import Final

from opslib.intake.notation import words_of
from opslib.intake.privacy.kinds import KINDS
from opslib.intake.privacy.spans import Span

WEB_SIGN: Final = (
    r"(?i)://|www\.|\?[\w.%\[\]-]+=|;\w{1,40}=|\.[a-z]{2,12}/[\w-]+/[\w.=-]{6,}|\b(?:reset|verify|invite|token)/"
)

# The anchor is what cannot be missing, so that no start is tried twice.
_WEB: Final = re.compile(r"(?:://|www\.|:\\/\\/)([^\s<>\"]+)", re.IGNORECASE)
_BARE: Final = re.compile(r"\.(?<=[\w-]\.)[a-z]{2,12}((?::[0-9]{1,5})?/[^\s<>\"]+)", re.IGNORECASE)
_QUERY_BARE: Final = re.compile(r"\?(?<=[\w/]\?)[\w.%\[\]-]{1,64}=[^\s<>\"]*")
_MATRIX_BARE: Final = re.compile(
    r";(?<=[\w/];)(?:jsessionid|phpsessid|sid|session\w{0,10}|token)=[^\s<>\"]*", re.IGNORECASE
)
_AUTHORITY_END: Final = re.compile(r"[/?#\\]")
_MARK: Final = re.compile(r"\?|#(?<!&#)|;(?=[\w.-]{1,40}=)")
_TRAILING: Final = ".,;:!?)]}'*_"


def queries(text: str) -> list[Span]:
    """Query strings, fragments, parameters and tokens of web addresses, and user names with passwords in them."""
    spans: list[Span] = []
    for match in _WEB.finditer(text):
        start, end = match.span(1)
        separator = _AUTHORITY_END.search(text, start, end)
        host_end = separator.start() if separator else end
        at = text.rfind("@", start, host_end)
        if at > start and text[start - 1] == "/" and text[start:at] != KINDS["user"].replacement:
            spans.append((start, at, "user"))
        _add_path(spans, text, host_end, end)
    for match in _BARE.finditer(text):
        _add_path(spans, text, *match.span(1))
    for pattern in (_QUERY_BARE, _MATRIX_BARE):
        for match in pattern.finditer(text):
            _add_query(spans, text, match.start() + 1, match.end())
    return spans


def _add_path(spans: list[Span], text: str, start: int, end: int) -> None:
    """What follows the host of an address."""
    mark = _MARK.search(text, start, end)
    if mark:
        _add_query(spans, text, mark.end(), end)
    spans.extend(_tokens(text, start, mark.start() if mark else end))


def _add_query(spans: list[Span], text: str, start: int, end: int) -> None:
    if text.startswith(KINDS["query"].replacement, start):
        return
    while end > start and text[end - 1] in _TRAILING:
        end -= 1
    if end > start:
        spans.append((start, end, "query"))


_SEGMENT: Final = re.compile(r"[^/\\]+")
_BEFORE_A_TOKEN: Final = words_of(
    """
    reset password password-reset reset-password resetpassword recover recovery verify verification confirm confirmation
    activate activation validate invite invitation invites join magic magic-link magiclink token tokens auth oauth login
    signin sign-in sso session sessions unsubscribe optout opt-out access key keys secret share shared preview download
    track r s i t l accept callback hooks services webhook webhooks bot link links otp code email-confirm
    """
)
_NOT_BEFORE_A_TOKEN: Final = words_of(
    """
    commit commits tree blob raw issues issue pull merge_requests questions articles article kb docs wiki releases
    changeset rev diff compare packages
    """
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~=:+%-]{6,}")
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_ONE_WORD: Final = re.compile(r"[A-Za-z0-9]{16,}")
_DENSE: Final = re.compile(r"[A-Za-z0-9]{16,}")
_NUMBERED_FILE: Final = re.compile(
    r"\.(?:html?|php|aspx?|jsp|pdf|png|jpe?g|gif|svg|css|js|zip|exe|dmg|msi)\Z", re.IGNORECASE
)


def _tokens(text: str, start: int, end: int) -> list[Span]:
    """Segments of a path that are secrets: long and without words, or after a word such as `reset`."""
    spans: list[Span] = []
    before = ""
    for match in _SEGMENT.finditer(text, start, end):
        segment = match.group().rstrip(_TRAILING)
        if _is_token(segment, before):
            spans.append((match.start(), match.start() + len(segment), "query"))
            # What follows a token is often another: of a team, of a channel.
        elif len(segment) > 1:
            before = segment.lower()
    return spans


def _is_token(segment: str, before: str) -> bool:
    if not _TOKEN.fullmatch(segment) or _NUMBERED_FILE.search(segment) or before in _NOT_BEFORE_A_TOKEN:
        return False
    if before in _BEFORE_A_TOKEN:
        digits = sum(map(str.isdecimal, segment))
        return digits >= 2 or (len(segment) >= 10 and _mixes_case(segment)) or bool(_ONE_WORD.fullmatch(segment))
    if _UUID.fullmatch(segment):
        return True
    return any(sum(map(str.isdecimal, run)) >= 2 and sum(map(str.isalpha, run)) >= 3 for run in _DENSE.findall(segment))


def _mixes_case(word: str) -> bool:
    """Whether capitals stand within a word otherwise than `CamelCase` has them."""
    return bool(re.search(r"[a-z][A-Z]", word)) and bool(re.search(r"[A-Z]{2}|[A-Z][a-z][A-Z]", word))
