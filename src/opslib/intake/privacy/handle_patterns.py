"""Account names on social platforms: with a sign, in the address of a profile, or said in words."""

from __future__ import annotations

import re
from typing import Final

from opslib.intake.notation import words_of
from opslib.intake.privacy.email_patterns import ends_like_a_host
from opslib.intake.privacy.spans import Span, matches_in, windows

_PROFILE_HOST: Final = (
    r"(?:(?:twitter|x|instagram|facebook|fb|tiktok|snapchat|pinterest|twitch|github|gitlab|linkedin|reddit|youtube|"
    r"threads|venmo|"
    r"onlyfans|patreon|soundcloud|steamcommunity|vk|telegram|tumblr|bsky|paypal|ko-fi|cash)"
    r"\.(?:com|net|tv|app|me)|t\.me|wa\.me|paypal\.me|discord\.gg|linktr\.ee)/"
)
_PLATFORMS: Final = (
    r"instagram|insta|ig|twitter|x|facebook|fb|tiktok|tik tok|snapchat|snap|sc|telegram|tg|discord|skype|whatsapp|"
    r"wechat|reddit|"
    r"youtube|yt|twitch|linkedin|github|gitlab|pinterest|threads|mastodon|bluesky|bsky|kik|line|viber|signal|venmo|"
    r"cash ?app|steam|"
    r"psn|xbox|xbl|epic|roblox|battlenet|battle\.net|origin|spotify|paypal|vk|slack|teams|soundcloud|onlyfans|patreon"
)
_ACCOUNT_WORDS: Final = (
    r"handle|user ?name|usuario|usuário|nutzername|benutzername|nom d'utilisateur|identifiant|pseudo|nick(?:name)?|"
    r"screen ?name|"
    r"gamer ?tag|profile|profil|perfil|channel|kanal|canal|account|conta|cuenta|compte|konto|id|login|user|tag|@|name"
)
HANDLE_SIGN: Final = r"(?i)@|\bu/|" + _PROFILE_HOST
SAID_SIGN: Final = (
    r"(?i)\b(?:"
    + _PLATFORMS
    + r"|handle|user ?name|usuario|usuário|nutzername|benutzername|nick|nickname|screen ?name|gamer ?tag|"
    r"utilisateur|identifiant|pseudo)"
    r"(?:['’]s)?(?:\s(?:"
    + _ACCOUNT_WORDS
    + r"))?\s?(?::|=|->|\(|-|(?:is|ist|es|est|é|lautet|are|as|under|at|by|als|unter|como|sous|"
    r"name)\s:?)\s?[\"'“„«(]?@?\w"
    r"|\b(?:i['’]?m|i am|it['’]s)\s[\w.@-]+\son\s(?:" + _PLATFORMS + r")\b|\bcash ?app"
    r"|\b(?:skype|telegram|discord|snapchat|kik|insta|instagram|ig|tiktok|twitter|venmo|user ?name|handle)(?:\s(?:id|"
    r"name|me at))?\s[\"'“„«]?@?\w*[0-9_.]|\w#[0-9]{4}\b|\b(?:add|find|dm|follow) me on\b"
)

_AT_NAME: Final = re.compile(r"@(?<![\w@]@)(?<![A-Za-z0-9._+-]@)([A-Za-z0-9_](?:[\w.-]{0,29}+))", re.ASCII)
_U_NAME: Final = re.compile(r"u(?<![\w.]u)/[A-Za-z0-9_-]{3,20}+(?![/\w]|\.\w)")
_PROFILE: Final = re.compile(
    r"(?<![A-Za-z0-9-])"
    + _PROFILE_HOST
    + r"(?:in/|user/|u/|add/|c/|channel/|id/|profile/|paypalme/|@|\$)?([A-Za-z0-9_.-]{2,50}+)"
    + r"(?=/(?:status|posts|videos|photos|reels?)/|/?(?:[?\s<>\"'),;:!\x00]|\Z))",
    re.IGNORECASE,
)
# Words that follow an "@" in code and in chat rooms.
_NOT_A_NAME: Final = words_of(
    """
    media import font-face keyframes charset supports namespace page layer container override param params return
    returns throws see property staticmethod classmethod dataclass deprecated test everyone here channel all
    autowired bean component service controller entity mixin include extend apply tailwind screen viewport counter-style
    nonnull nullable suppresswarnings before after beforeeach aftereach author since version link inheritdoc type
    typedef
    gmail hotmail outlook yahoo comcast icloud aol gmx live msn internal localhost domain company example home work
    school night noon midnight lunch dinner least most max min time
    """
)
_NOT_A_PROFILE: Final = words_of(
    """
    help about policies privacy settings explore hashtag intent share sharer watch groups pages login signup home search
    business jobs company legal terms support ads developers marketplace events features pricing security contact status
    stories reel reels in user u add index.html channel id profile p tv c
    """
)
_CLOCK: Final = re.compile(r"\d{1,2}(?:[.h]?\d\d)?(?:am|pm|h)?\.?", re.IGNORECASE)

_HANDLE: Final = r"@?[^\W_\d](?:[\w.-]|#(?=[0-9])|:(?=\w)){1,39}|@?[_\d][\w.-]{2,39}"
_SAID: Final = re.compile(
    rf"\b(?:(?P<platform>(?:{_PLATFORMS})\b(?:['’]s)?)(?:\s?(?:{_ACCOUNT_WORDS})\b)?|(?P<word>(?:{_ACCOUNT_WORDS})\b))"
    r"(?P<link>\s?(?::|=|->)\s?|\s(?:is|ist|es|est|é|lautet|are)\s?:?\s|\s\(\s?|\s-\s)"
    rf"[\"'“„«(]?(?P<handle>{_HANDLE})",
    re.IGNORECASE,
)
_UNDER: Final = re.compile(
    rf"\b(?:on|auf|en|sur|no|na|su|in|add me on|find me on|dm me on|follow me on)\s(?:{_PLATFORMS})\b(?:\s(?:as|"
    rf"under|at|by|als|unter|como|sous))?"
    rf"(?:\s(?:the\s)?(?:{_ACCOUNT_WORDS}))?(?P<link>\s?:\s?|\s(?:as|under|at|by|als|unter|como|sous|name|user ?name|"
    rf"handle)\s|\s\(|,?\s)"
    rf"[\"'“„«(]?(?P<handle>{_HANDLE})",
    re.IGNORECASE,
)
_SAID_WORD: Final = re.compile(
    rf"\b(?:user ?name|screen ?name|gamer ?tag|nick ?name|handle|(?:skype|telegram|discord|snapchat|kik|insta|"
    rf"instagram|ig|tiktok|twitter|venmo)(?:\s(?:id|name|user ?name|handle|me at))?)\s[\"'“„«]?(?P<handle>{_HANDLE})",
    re.IGNORECASE,
)
_I_AM: Final = re.compile(rf"\b(?:i['’]?m|i am|it['’]s)\s(?P<handle>{_HANDLE})\son\s(?:{_PLATFORMS})\b", re.IGNORECASE)
_CASH: Final = re.compile(r"(?<![\w$])(?P<handle>\$[a-z][a-z0-9_-]{2,19})(?![\w.])", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"(?<![\w#&/])(?P<handle>[^\W\d_][\w.]{1,31}#[0-9]{4})(?![\w])")
_MAKES_A_SENTENCE: Final = words_of(
    """
    not no broken down locked hacked working private public gone disabled suspended banned blocked deactivated the a
    an my
    your our their his her so very too still already also now being been always never really just fine ok okay good bad
    great missing wrong right correct incorrect required invalid unknown empty taken available linked connected verified
    unverified active inactive open closed new old slow lagging crashing frozen stuck blank black white red green set up
    asking showing saying telling giving sending getting doing having going coming this that these those it we you they
    there here where when what which who why how if and or but for to from in on at by with as of please thanks thank
    account accounts app page profile support login password email issue issues problem problems error help chat message
    messages bot team feature integration notification notifications link links post posts video videos story stories
    used using use only more less than then was were is are be has have had do does did can could will would should may
    might must unable able different same similar full limited restricted under over out off compromised stolen cloned
    nicht kein keine gesperrt gehackt weg kaputt gesperrt defekt falsch no está esta bloqueada bloqueado hackeada
    hackeado
    roto pas bloqué bloquée piraté piraté cassé não nao bloqueado hackeado hackeada quebrado und oder aber et ou mais
    y pero
    https http www com mobile desktop web phone device ios android windows mac pc name username user handle because
    since
    """
)
_ENDS_NO_HANDLE: Final = ("ing", "ed", "ly", "able", "ible", "tion")
_AFTER_A_NAME: Final = re.compile(
    r"[\"'”“»)]?\s{0,2}(?:[.,;!?)\n<]|\Z|and\b|und\b|et\b|y\b|e\b|or\b|but\b|if\b|-|–|please\b|thanks\b|on\b)"
)


def handles(text: str) -> list[Span]:
    """Account names: @name, u/name, and the name in the address of a profile."""
    spans: list[Span] = []
    for match in _AT_NAME.finditer(text):
        name = match.group(1).rstrip(".-")
        start, end = match.start(), match.start() + 1 + len(name)
        if len(name) < 2 or not any(map(str.isalpha, name)):
            continue
        if name.lower() in _NOT_A_NAME or _CLOCK.fullmatch(name) or text.startswith(("://", "("), end):
            continue
        # @scope/name is a package and @host.com the end of an address; /@name/ is a profile.
        if text[max(0, start - 1) : start] != "/" and (text.startswith("/", end) or ends_like_a_host(name)):
            continue
        spans.append((start, end, "handle"))
    spans.extend((match.start(), match.end(), "handle") for match in _U_NAME.finditer(text))
    for match in _PROFILE.finditer(text):
        name = match.group(1).rstrip(".-")
        if len(name) > 1 and name.lower() not in _NOT_A_PROFILE:
            spans.append((match.start(1), match.start(1) + len(name), "handle"))
    return spans


_HEADS: Final = re.compile(
    rf"\b(?:{_PLATFORMS}|handle|user ?name|usuario|usuário|nutzername|benutzername|nom d|identifiant|pseudo|nick|"
    rf"screen|gamer)\b|me on "
)


def said_handles(text: str) -> list[Span]:
    """Account names that a text names as such: `IG: jane_doe`, `my Instagram is janedoe`."""
    spans: list[Span] = []
    near = windows(text, _HEADS, 45, 120)
    for match in matches_in(text, near, _SAID):
        platform, word = match.group("platform"), match.group("word")
        if word is not None and word.lower() in _TOO_COMMON:
            continue
        if (
            platform is not None
            and platform.lower() in _TOO_COMMON_PLATFORMS
            and not (
                _MINE.search(text, max(0, match.start() - 12), match.start())
                or _NAMES_AN_ACCOUNT.search(match.group())
                or (
                    ":" in match.group("link")
                    and platform.lower() in _SELDOM_A_KEY
                    and _is_marked(match.group("handle"))
                )
            )
        ):
            continue
        firm = ":" in match.group("link") or "=" in match.group("link")
        _add_said(spans, text, match, firm)
    for match in matches_in(text, near, _UNDER):
        _add_said(spans, text, match, match.group("link").strip() not in ("", ","))
    for match in matches_in(text, near, _SAID_WORD):
        if _is_marked(match.group("handle")):
            _add_said(spans, text, match, True)
    for match in matches_in(text, near, _I_AM):
        _add_said(spans, text, match, False)
    if "$" in text:
        spans.extend((*match.span("handle"), "handle") for match in matches_in(text, near, _CASH))
    spans.extend((match.start("handle"), match.end("handle"), "handle") for match in _NUMBERED.finditer(text))
    return spans


_MINE: Final = re.compile(r"(?:my|our|mein|mi|mon|meu|minha|il mio|her|his|their)\s(?:\w+\s)?\Z", re.IGNORECASE)
_NAMES_AN_ACCOUNT: Final = re.compile(r"\s(?:id|handle|user ?name|tag)\b", re.IGNORECASE)
_SELDOM_A_KEY: Final = words_of("snap steam slack threads")
_TOO_COMMON: Final = words_of("id user tag name account konto compte cuenta conta login profile profil perfil @")
_TOO_COMMON_PLATFORMS: Final = words_of("x line sc teams origin signal epic steam slack snap threads")


def _is_marked(name: str) -> bool:
    """Whether a word has what words of a sentence have not: a digit, an underscore, a dot, a sign."""
    return any(not character.isalpha() and character not in "-'" for character in name)


def _add_said(spans: list[Span], text: str, match: re.Match[str], firm: bool) -> None:
    name = match.group("handle").rstrip(".-:")
    lowered = name.lower().lstrip("@")
    if (
        len(lowered) < 3
        or lowered in _MAKES_A_SENTENCE
        or lowered.replace(".", "").isdecimal()
        or _CLOCK.fullmatch(lowered)
    ):
        return
    start, end = match.start("handle"), match.start("handle") + len(name)
    if not _is_marked(name) and (
        lowered.endswith(_ENDS_NO_HANDLE) or not (_AFTER_A_NAME.match(text, end) and (firm or len(lowered) >= 5))
    ):
        return
    if text.startswith("://", end) or (not _is_marked(lowered.replace(".", "")) and ends_like_a_host(lowered)):
        return
    spans.append((start, end, "handle"))
