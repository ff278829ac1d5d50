"""Web addresses, e-mail addresses and account names in a text."""

from __future__ import annotations

import re
from typing import Final

from opslib.intake.notation import words_of
from opslib.intake.privacy.kinds import KINDS
from opslib.intake.privacy.spans import Span

PROFILE_HOST: Final = (
    r"(?:(?:twitter|x|instagram|facebook|fb|tiktok|snapchat|pinterest|twitch|github|linkedin|reddit|youtube|threads|venmo)"
    r"\.(?:com|net|tv)|t\.me)/"
)

# Web addresses. The anchor is what cannot be missing, so that no start is tried twice.
_WEB: Final = re.compile(r"(?:://|www\.)([^\s<>\"]+)", re.IGNORECASE)
_QUERY_BARE: Final = re.compile(r"\?(?<=[\w/]\?)[\w.%\[\]-]{1,64}=[^\s<>\"]*")
_AUTHORITY_END: Final = re.compile(r"[/?#\\]")
_MARK: Final = re.compile(r"\?|#(?<!&#)")
_TRAILING: Final = ".,;:!?)]}'*_"


def queries(text: str) -> list[Span]:
    """Query strings and fragments of web addresses, and user names with passwords in them."""
    spans: list[Span] = []
    if "://" in text or "www." in text.lower():
        for match in _WEB.finditer(text):
            start, end = match.span(1)
            separator = _AUTHORITY_END.search(text, start, end)
            host_end = separator.start() if separator else end
            at = text.rfind("@", start, host_end)
            if at > start and text[start - 1] == "/" and text[start:at] != KINDS["user"].replacement:
                spans.append((start, at, "user"))
            mark = _MARK.search(text, host_end, end)
            if mark:
                _add_query(spans, text, mark.end(), end)
    if "?" in text:
        for match in _QUERY_BARE.finditer(text):
            _add_query(spans, text, match.start() + 1, match.end())
    return spans


def _add_query(spans: list[Span], text: str, start: int, end: int) -> None:
    if text.startswith(KINDS["query"].replacement, start):
        return
    while end > start and text[end - 1] in _TRAILING:
        end -= 1
    if end > start:
        spans.append((start, end, "query"))


# E-mail. From each "@" to the right by pattern, to the left over the run of characters that a local part may have.
_HOST: Final = re.compile(r"@(?:(?:[\w-]{1,63}+\.){1,8}([^\W\d_][\w-]{1,62})|\[[0-9A-Fa-f.:IPv]{3,45}\])")
_LOCAL_REVERSED: Final = re.compile(r"[\w.+%'~-]*")
_IMAGES: Final = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp"})


def emails(text: str) -> list[Span]:
    """E-mail addresses."""
    spans: list[Span] = []
    done = 0
    for match in _HOST.finditer(text):
        at = match.start()
        top = match.group(1)
        before = text[done:at][::-1]
        length = _LOCAL_REVERSED.match(before).end()  # type: ignore[union-attr]
        while length and before[length - 1] in "'.-":
            length -= 1
        if length and not (top and top.lower() in _IMAGES):
            spans.append((at - length, match.end(), "email"))
            done = match.end()
        else:
            # What looks like a host here may be the name before the next "@".
            done = at + 1
    return spans


# The top domains that are common enough to tell a host from a file name.
_TOP_DOMAINS: Final = words_of(
    """
    com net org edu gov mil int info biz io co me us uk de fr es it ca au nz ie nl be ch at se no dk fi pl pt br mx ar
    in jp kr cn tw ru ua tr gr cz ro hu za eu app dev tv example test
    """
)
BRACKETED_AT: Final = re.compile(r"[(\[{<]\s?(?:at|@)\s?[)\]}>]", re.IGNORECASE)
_AT: Final = re.compile(r"[(\[{<]\s?(?:at|@)\s?[)\]}>]|(?<=\s)(?:at|@)(?=\s)", re.IGNORECASE)
_SPELLED_DOT: Final = r"\s{0,2}[(\[{<]\s?(?:dot|\.)\s?[)\]}>]\s{0,2}|\s{1,2}dot\s{1,2}"
_SPELLED_HOST: Final = re.compile(
    rf"\s{{0,2}}((?:[\w-]{{1,63}}(?:\.|{_SPELLED_DOT})){{1,5}}[A-Za-z]{{2,24}})(?![\w@])", re.IGNORECASE
)
_PLAIN_AT_HOST: Final = re.compile(rf"\s(?:[\w-]{{1,63}}(?:{_SPELLED_DOT})){{1,4}}[A-Za-z]{{2,24}}\b", re.IGNORECASE)
_SPELLED_NAME: Final = re.compile(
    rf"[\w+%-]{{1,64}}(?:(?:\.|{_SPELLED_DOT})[\w+%-]{{1,64}}){{0,4}}\s{{0,2}}\Z", re.IGNORECASE
)


def spelled_emails(text: str) -> list[Span]:
    """E-mail addresses written as name (at) host (dot) com."""
    spans: list[Span] = []
    for match in _AT.finditer(text):
        plain = match.group().lower() == "at"
        host = (_PLAIN_AT_HOST if plain else _SPELLED_HOST).match(text, match.end())
        if host is None:
            continue
        if match.group().lower() in ("@", "at") and not _ends_like_a_host(host.group()):
            continue
        name = _SPELLED_NAME.search(text[max(0, match.start() - 90) : match.start()])
        if name is not None:
            spans.append((match.start() - len(name.group()), host.end(), "email"))
    return spans


def _ends_like_a_host(name: str) -> bool:
    labels = re.split(r"\W+", name.lower())
    return len(labels) > 1 and labels[-1] in _TOP_DOMAINS


# Account names.
_AT_NAME: Final = re.compile(r"@(?<![\w@]@)(?<![A-Za-z0-9._+-]@)([A-Za-z0-9_](?:[\w.-]{0,29}+))", re.ASCII)
_U_NAME: Final = re.compile(r"u(?<![\w.]u)/[A-Za-z0-9_-]{3,20}+(?![/\w.])")
_PROFILE: Final = re.compile(
    r"(?<![A-Za-z0-9-])"
    + PROFILE_HOST
    + r"(?:in/|user/|u/|add/|@)?([A-Za-z0-9_.-]{2,50}+)"
    + r"(?=/(?:status|posts|videos|photos|reels?)/|/?(?:[?\s<>\"'),;:!\x00]|\Z))",
    re.IGNORECASE,
)
# Words that follow an "@" in code and in chat rooms.
_NOT_A_NAME: Final = words_of(
    """
    media import font-face keyframes charset supports namespace page layer container override param params return
    returns throws see property staticmethod classmethod dataclass deprecated test everyone here channel all
    """
)
_NOT_A_PROFILE: Final = words_of(
    """
    help about policies privacy settings explore hashtag intent share sharer watch groups pages login signup home search
    business jobs company legal terms support ads developers marketplace events features pricing security contact status
    stories reel reels in user u add index.html
    """
)
_CLOCK: Final = re.compile(r"\d{1,2}(?:[.h]?\d\d)?(?:am|pm|h)?\.?", re.IGNORECASE)


def handles(text: str) -> list[Span]:
    """Account names: @name, u/name, and the name in the address of a profile."""
    spans: list[Span] = []
    if "@" in text:
        for match in _AT_NAME.finditer(text):
            name = match.group(1).rstrip(".-")
            start, end = match.start(), match.start() + 1 + len(name)
            if len(name) < 2 or not any(map(str.isalpha, name)):
                continue
            if name.lower() in _NOT_A_NAME or _CLOCK.fullmatch(name) or text.startswith("://", end):
                continue
            # @scope/name is a package and @host.com the end of an address; /@name/ is a profile.
            if text[max(0, start - 1) : start] != "/" and (text.startswith("/", end) or _ends_like_a_host(name)):
                continue
            spans.append((start, end, "handle"))
    if "u/" in text:
        spans.extend((match.start(), match.end(), "handle") for match in _U_NAME.finditer(text))
    if "/" in text:
        for match in _PROFILE.finditer(text):
            name = match.group(1).rstrip(".-")
            if len(name) > 1 and name.lower() not in _NOT_A_PROFILE:
                spans.append((match.start(1), match.start(1) + len(name), "handle"))
    return spans
