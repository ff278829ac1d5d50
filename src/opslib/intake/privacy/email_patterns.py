"""E-mail addresses in a text: as they are, broken over lines, and spelled in words."""

from __future__ import annotations

import re
from typing import Final

from opslib.intake.notation import words_of
from opslib.intake.privacy.spans import Span

_TOPS: Final = (
    "com net org edu gov mil int info biz io co me us uk de fr es it ca au nz ie nl be ch at se no dk fi pl pt br mx "
    "ar in "
    "jp kr cn tw ru ua tr gr cz ro hu za eu app dev tv example test invalid cl pe ve il sg hk my ph th vn sk si hr "
    "bg lt lv "
    "ee is lu xyz online site tech ai cloud mail email"
)
TOP_DOMAINS: Final = words_of(_TOPS)
"""The top domains that are common enough to tell a host from a file name."""
_TOP: Final = rf"(?:{'|'.join(sorted(TOP_DOMAINS, key=lambda top: (-len(top), top)))})(?![\w-])"
_BREAK: Final = r"(?:[ \t]{0,2}\r?\n[> \t|]{0,4}|\\n)"

EMAIL_SIGN: Final = "@"

# From each "@" to the right by pattern, to the left over the run of characters that a local part may have.
_HOST: Final = re.compile(
    rf"@(?:(?:[\w-]{{1,63}}+\.){{1,8}}([^\W\d_][\w-]{{1,62}})|\[[0-9A-Fa-f.:IPv]{{3,45}}\]"
    rf"|{_BREAK}(?:[\w-]{{1,63}}+\.){{1,8}}{_TOP}|[ ](?:[\w-]{{1,63}}+\.){{1,8}}{_TOP}"
    rf"|(?:[\w-]{{1,63}}+(?:[ ]\.[ ]?|\.{{2,3}}|\.[ ])){{1,3}}{_TOP}|(?i:gmail|yahoo|hotmail|outlook|"
    rf"icloud)(?![\w.@-])|[\w-]{{1,63}}+,(?-i:com|net|org|de|fr|es)(?![\w-])"
    rf"|(?:[\w-]{{1,63}}+\.){{1,5}}(?:{_BREAK}|[ ])(?-i:com|net|org|edu|gov|example|co\.uk|de|fr)(?![\w-]))",
)
_LOCAL_REVERSED: Final = re.compile(r"[\w.+%'~-]*")
_QUOTED_REVERSED: Final = re.compile(r'"[^"\n]{1,64}"')
_BREAK_REVERSED: Final = re.compile(r"[> \t|]{0,4}\n\r?[ \t]{0,2}(?=\w)")
_IMAGES: Final = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp"})


def emails(text: str) -> list[Span]:
    """E-mail addresses."""
    spans: list[Span] = []
    done = 0
    for match in _HOST.finditer(text):
        at = match.start()
        top = match.group(1)
        before = text[max(done, at - 400) : at][::-1]
        doubled = before.startswith("@")
        before = before[doubled:]
        length = _LOCAL_REVERSED.match(before).end()  # type: ignore[union-attr]
        if not length and top and top.lower() in TOP_DOMAINS:
            broken = _BREAK_REVERSED.match(before)
            if broken:
                length = _LOCAL_REVERSED.match(before, broken.end()).end()  # type: ignore[union-attr]
            elif quoted := _QUOTED_REVERSED.match(before):
                length = quoted.end()
            elif (
                before[:1] == " "
                and (local := _LOCAL_REVERSED.match(before, 1))
                and (
                    _looks_like_a_name(local.group())
                    or (local.end() > 4 and local.group()[::-1].strip().lower() not in _NO_NAME)
                )
            ):
                length = local.end()
        while length and before[length - 1] in "'.-":
            length -= 1
        if length and not (top and top.lower() in _IMAGES):
            spans.append((at - doubled - length, match.end(), "email"))
            done = match.end()
        else:
            # What looks like a host here may be the name before the next "@".
            done = at + 1
    spans.extend((*match.span(), "email") for match in _SPACED.finditer(text))
    return spans


_SPACED: Final = re.compile(r"(?<![\w.])(?:[\w.+-][ ]){2,40}@(?:[ ][\w.-]){4,60}(?!\w)")


def _looks_like_a_name(word: str) -> bool:
    """Whether a word can be nothing but the local part of an address."""
    return len(word) > 2 and any(not character.isalpha() for character in word.strip("."))


# Spelled addresses.
_OPEN, _CLOSE = r"[(\[{<|_*\"'-]", r"[)\]}>|_*\"'-]"
_AT_WORDS: Final = (
    r"at|arroba|arobase|chiocciola|chioccolina|klammeraffe|ät|apenstaartje|snabel-?a|małpa|собака|æt|at[ -]?sign|bei"
)
_AT: Final = re.compile(
    rf"{_OPEN}{{1,2}}\s?(?:{_AT_WORDS}|@|a)\s?{_CLOSE}{{1,2}}|(?<=\s)(?:{_AT_WORDS}|@)(?=\s)", re.IGNORECASE
)
_BRACKETS: Final = re.compile(r"[\[({<].*[\])}>]", re.DOTALL)
_DOT_WORDS: Final = r"dot|punto|punkt|point|ponto|punt|kropka|точка|period"
_SPELLED_DOT: Final = (
    rf"\s{{0,2}}{_OPEN}{{1,2}}\s?(?:{_DOT_WORDS}|\.)\s?{_CLOSE}{{1,2}}\s{{0,2}}|\s{{1,2}}(?:{_DOT_WORDS}|"
    rf"\.)\s{{1,2}}|\.[ ]?"
)
_SPELLED_HOST: Final = re.compile(
    rf"\s{{0,2}}((?:[^\W_](?:[^\W_]|-(?=[^\W_])){{0,62}}+(?:{_SPELLED_DOT})){{1,5}}[A-Za-z]{{2,24}})(?![\w@])",
    re.IGNORECASE,
)
_PROVIDER: Final = re.compile(
    r"\s{0,2}(?:g-?mail|googlemail|yahoo|hotmail|outlook|icloud|aol|proton(?:mail)?|gmx|live|msn|web\.de|yandex|qq|"
    r"163)(?![\w])",
    re.IGNORECASE,
)
_SPELLED_NAME: Final = re.compile(
    rf"[^\W_](?:[\w+%-]{{0,63}})(?:(?:\.|{_SPELLED_DOT}|\s?{_OPEN}\s?(?:underscore|dash|hyphen|plus)\s?{_CLOSE}\s?"
    rf"|\s(?:underscore|dash|hyphen|minus|plus|guion bajo|unterstrich)\s)[\w+%-]{{1,64}}){{0,4}}\s{{0,2}}\Z",
    re.IGNORECASE,
)
_MAIL_BEFORE: Final = re.compile(
    r"(?:e-?mail|mail|address|adresse|correo|courriel|write|writing|reach|contact|send|reply|schreib\w*|escríb\w*|"
    r"escrev\w*|écri\w*|"
    r"contáct\w*|adres|indirizzo|scriv\w*)\b[^\n@]{0,40}\Z",
    re.IGNORECASE,
)
_PROVIDER_HOST: Final = re.compile(
    r"(?:gmail|googlemail|yahoo|hotmail|outlook|icloud|aol|proton(?:mail)?|gmx|live|msn|web|yandex|qq|"
    r"163)\.\w{2,4}(?:\.\w\w)?",
    re.IGNORECASE,
)
_ALONE_BEFORE: Final = re.compile(r"(?:\A|[\n:;|>(\[\"']\s{0,2})\Z")
_ALONE_AFTER: Final = re.compile(r"\s{0,2}(?:\Z|[\n;|<)\]\"'])")
_NO_NAME: Final = words_of(
    "my all your use using used with from have has other both only every their hotmail gmail yahoo outlook different "
    "several multiple addresses ends ending like "
    "account accounts email emails mail address inbox mailbox user users login server error problem issue password "
    "support available someone everyone anyone look check sign signed up "
    "registered register hosted host located store website site page team help bought ordered "
    "me us you him her them it is are was look looks looking available here there online now met meet found find and "
    "or the"
)
SPELLED_SIGN: Final = (
    r"(?i)[(\[{<|_*\"'-]\s?(?:a|@|"
    + _AT_WORDS
    + r")\s?[)\]}>|_*\"'-]|\s(?:"
    + _AT_WORDS.replace("at|", "", 1)
    + r"|@)\s"
    r"|\sat\s+(?:[\w-]+\s*(?:\.|\s(?:"
    + _DOT_WORDS
    + r")\s|[(\[{<])|g-?mail|yahoo|hotmail|outlook|icloud|aol|proton|gmx)"
)


def spelled_emails(text: str) -> list[Span]:
    """E-mail addresses written as name (at) host (dot) com."""
    spans: list[Span] = []
    for match in _AT.finditer(text):
        sign = match.group()
        bracketed = len(sign) > 2 and not sign[0].isalnum() and sign[0] not in "_-*\"'|"
        host = _SPELLED_HOST.match(text, match.end())
        host = host if host and ends_like_a_host(host.group()) else None
        provider = None if host else _PROVIDER.match(text, match.end())
        if host is None and provider is None:
            continue
        before = text[max(0, match.start() - 120) : match.start()]
        name = _SPELLED_NAME.search(before)
        if name is None:
            continue
        word = name.group().strip()
        plain = sign.lower() in ("at", "bei")
        if plain and host is not None and not re.search(_DOT_WORDS, host.group(), re.IGNORECASE):
            # "We met at example.com" is no address; "jane.doe at example.com" is.
            is_of_a_provider = _PROVIDER_HOST.fullmatch(host.group(1)) and len(word) > 2
            stands_alone = _ALONE_BEFORE.search(before[: name.start()]) and _ALONE_AFTER.match(text, host.end())
            if word.lower() in _NO_NAME or not (
                is_of_a_provider
                or (stands_alone and len(word) > 4)
                or _looks_like_a_name(word)
                or _MAIL_BEFORE.search(before[: name.start()])
            ):
                continue
        elif plain and word.lower() in _NO_NAME:
            continue
        if provider is not None and not (
            bracketed or _looks_like_a_name(word) or _MAIL_BEFORE.search(before[: name.start()])
        ):
            continue
        end = (host or provider).end()  # type: ignore[union-attr]
        spans.append((match.start() - len(name.group()), end, "email"))
    return spans


def ends_like_a_host(name: str) -> bool:
    """Whether a name ends in a common top domain."""
    labels = re.split(r"[\W_]+", name.lower())
    return len(labels) > 1 and labels[-1] in TOP_DOMAINS
