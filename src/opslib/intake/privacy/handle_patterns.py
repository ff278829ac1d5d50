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
_SOCIAL: Final = (
    r"instagram|insta|ig|twitter|x|facebook|fb|tiktok|tik tok|snapchat|snap|telegram|tg|discord|skype|reddit|youtube|"
    r"twitch|linkedin|threads|mastodon|bluesky|bsky|kik|venmo|steam|psn|xbox|roblox|whatsapp|wechat|pinterest|tumblr"
)
_WITH_A_NAME: Final = (
    r"skype|telegram|discord|snapchat|kik|insta|instagram|ig|tiktok|twitter|venmo|facebook|reddit|twitch|steam|psn|"
    r"roblox"
)
_ACCOUNT_WORDS: Final = (
    r"handle|user ?name|usuario|usuário|nutzername|benutzername|nom d'utilisateur|identifiant|pseudo|nick(?:name)?|"
    r"(?:screen|login|account|display) ?name|cash ?tag|"
    r"gamer ?tag|profile|profil|perfil|channel|kanal|canal|account|conta|cuenta|compte|konto|id|login|user|tag|@|name"
)
HANDLE_SIGN: Final = r"(?i)@|\bu/|" + _PROFILE_HOST
SAID_SIGN: Final = (
    r"(?i)\b(?:" + _PLATFORMS + r"|handle|user ?name|usuario|usuário|nutzername|benutzername|nick|nickname|"
    r"(?:screen|login|account|display) ?name|gamer ?tag|cash ?tag|utilisateur|identifiant|pseudo)"
    r"(?:['’]s)?(?:\s(?:"
    + _ACCOUNT_WORDS
    + r"))?\s?(?::|=|->|\(|-|(?:is|ist|es|est|é|lautet|are|as|under|at|by|als|unter|como|sous|"
    r"name)\s:?)\s?[\"'“„«(]?@?\w"
    r"|(?:\b(?:i['’]?m|i am|known as|called|go(?:es)? by|me at|me as)\s\S+|[a-z][a-z0-9-]*[0-9_.][^\s<>]*)"
    r"\s(?:on|auf|en|sur|@)\s(?:" + _SOCIAL + r")\b|\bcash ?(?:app|tag)|\bi go by |\bis called \S*[0-9_.]"
    r"|\b(?:" + _WITH_A_NAME + r"|(?:user|nick|screen) ?name|gamer ?tag|handle)"
    r"(?:\s(?:id|name|user ?name|handle|me at|account|profile))?\s[\"'“„«]?@?\w*[0-9_.]"
    r"|\b(?:(?:user|nick|screen) ?name|gamer ?tag|(?:" + _WITH_A_NAME + r")\s(?:id|name|user ?name|handle))"
    r"\s[\"'“„«]?@?\w{7}|\w#[0-9]{4}\b|\b(?:add|find|dm|pm|follow|tweet|snap|message|contact|reach|text|call|write|"
    r"write to|tag|catch) me (?:up )?(?:on|at|@|as|via|auf|en|sur)\b|\b(?:on|auf|en|sur)\s(?:"
    + _PLATFORMS
    + r")\s(?:i|my)\b"
)

_AT_NAME: Final = re.compile(r"@(?<![\w@]@)(?<![A-Za-z0-9._+-]@)([A-Za-z0-9_](?:[\w.-]{0,29}+))", re.ASCII)
_U_NAME: Final = re.compile(r"u(?<![\w.]u)/([A-Za-z0-9_-]{3,20}+(?:\.[A-Za-z0-9_]{1,20})?)(?![/\w]|\.\w)")
_PROFILE: Final = re.compile(
    r"(?<![A-Za-z0-9-])"
    + _PROFILE_HOST
    + r"(?:in/|user/|u/|add/|c/|channel/|id/|profile/|paypalme/|@|\$)?([A-Za-z0-9_.-]{2,50}+)"
    + r"(?=/(?:status|posts|videos|photos|reels?)/|/?(?:[?\s<>\"'),;:!|*\]}\x00]|\Z))",
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

_CALL_ME: Final = (
    r"(?:(?:find|add|follow|dm|pm|message|contact|reach|text|call|write(?:\sto)?|tag|catch)\sme|"
    r"(?:i\sam|i['’]m)\sregistered|my\sname|known)"
)
_HANDLE: Final = r"@?[^\W_\d](?:[\w.-]|#(?=[0-9])|:(?=\w)){1,39}|@?[_\d][\w.-]{2,39}"
_SAID: Final = re.compile(
    rf"\b(?:(?P<platform>(?:{_PLATFORMS})\b(?:['’]s)?)(?:\s?(?:{_ACCOUNT_WORDS})\b)?|(?P<word>(?:{_ACCOUNT_WORDS})\b))"
    r"(?P<link>\s?(?::|=|->)\s?|\s(?:is|ist|es|est|é|lautet|are)\s?:?\s(?:(?:called|named)\s)?|\s\(\s?|\s-\s)"
    rf"[\"'“„«(]?(?P<handle>{_HANDLE})",
    re.IGNORECASE,
)
_UNDER: Final = re.compile(
    rf"\b(?P<call>{_CALL_ME}\s)?(?:on|auf|en|sur|no|na|su|in|via)\s(?:{_PLATFORMS})\b"
    rf"(?:\s(?:the\s)?(?:{_ACCOUNT_WORDS}))?(?P<link>\s?:\s?|\s(?:i\sgo\sby|"
    rf"my\s(?:name|nick|handle|user\s?name)\sis|i\sam|i['’]?m|ich\sbin|soy|je\ssuis|as|under|at|by|als|unter|como|"
    rf"sous|name|user ?name|handle)\s|\s\(|,?\s)"
    rf"[\"'“„«(]?(?P<handle>{_HANDLE})",
    re.IGNORECASE,
)
_SAID_WORD: Final = re.compile(
    rf"\b(?:(?:(?:user|screen|nick) ?name|gamer ?tag|handle)"
    rf"|(?:{_WITH_A_NAME})(?P<named>\s(?:id|name|user ?name|handle))?(?:\s(?:me\sat|account|profile))?"
    rf"|(?:tweet|dm|pm|snap|add|follow|message|find)\sme\s(?:at|@|as))\s[\"'“„«]?(?P<handle>{_HANDLE})",
    re.IGNORECASE,
)
_ON_PLATFORM: Final = re.compile(
    rf"(?P<call>\b(?:i['’]?m|i am|known as|go by|goes by|me at|me as)\s)?"
    rf"(?<![\w.@/-])(?P<handle>{_HANDLE})\s(?:on|auf|en|sur|@)\s(?:{_SOCIAL})\b",
    re.IGNORECASE,
)
_GO_BY: Final = re.compile(rf"\bi go by\s[\"'“„«]?(?P<handle>{_HANDLE})", re.IGNORECASE)
# Letters and digits that are a thing: a version, a device, a file.
_A_THING: Final = re.compile(
    r"(?:i?phone|ipad|ios|ipados|macos|windows|win|android|galaxy|pixel|firefox|chrome|safari|edge|level|part|day|week|"
    r"season|episode|version|build|top|error|code|rtx|gtx|nvidia|ryzen|covid|html|mpeg|play ?station|xbox|fifa)"
    r"[ _-]?[0-9]+\w{0,3}|.*\.(?:exe|dll|pdf|docx?|xlsx?|png|jpe?g|gif|mp[34]|mov|avi|zip|html?|js|py|txt|csv|apk|ics|"
    r"json|xml|md)|(?:e\.g|i\.e|a\.m|p\.m|u\.s|a\.k\.a)\.?",
    re.IGNORECASE,
)
_LIKE_A_NAME: Final = re.compile(
    r"@?(?=.*[A-Za-z]{3})[A-Za-z](?=\w*_|[A-Za-z]{2,}[\w.]*[0-9]|[A-Za-z]{2,}\.[A-Za-z])[\w.-]+"
)
_CASH: Final = re.compile(r"(?<![\w$])(?P<handle>\$[a-z][a-z0-9_-]{2,19})(?![\w.])", re.IGNORECASE)
_CASH_HEADS: Final = re.compile(r"cash ?(?:app|tag)")
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
    since forgotten forgot failure withheld garbage trash rubbish junk present whenever wherever however whatever
    marketplace standard highlights recovery deletion restored restore whitelist blacklist network networks
    channels picture usual before after admin administrator member members guest moderator expected premium mistake
    accident default midnight night noon home work school random choice yesterday today tomorrow anytime anyway
    sometimes asap instead again later soon now tonight perfect useless offline online unstable outdated overpriced
    terrible awful horrible
    excellent amazing awesome popular trending important necessary optional undefined unlisted unclear unsafe unusual
    unresponsive nowhere everywhere somewhere invisible glitchy laggy forbidden obsolete correctly duplicate incomplete
    complete ready unread muted archived expired pending payment purchase camera voice audio contacts calls messenger
    business personal verification subscription subscribers followers friends passcode together english german spanish
    french fantastic something nothing everything anything someone everyone anyone somebody nobody himself herself
    myself yourself another company customer support service website browser version update updates download downloads
    install connection security settings
    """
)
_ENDS_NO_HANDLE: Final = ("ing", "ed", "ly", "able", "ible", "tion")
_ENDS_A_QUALITY: Final = ("ful", "less", "ous", "ive", "ial", "nal", "ual", "ical", "ish", "ient", "ese", "ness", "ant")
_SHORTEST_SPOKEN: Final = 7
"""Letters of a name that only a verb tells and that has nothing but letters: shorter ones are words as often."""
_AFTER_A_NAME: Final = re.compile(
    r"[\"'”“»)]?\s{0,2}(?:[.,;!?)\n<]|\Z|and\b|und\b|et\b|y\b|e\b|or\b|but\b|if\b|-|–|on\b|"
    r"[Tt]hanks\b|[Tt]hank\b|[Pp]lease\b|[Hh]elp\b|[Bb]itte\b|[Dd]anke\b|[Gg]racias\b|[Mm]erci\b|[Oo]brigad)"
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
    spans.extend(
        (*match.span(), "handle") for match in _U_NAME.finditer(text) if not _A_THING.fullmatch(match.group(1))
    )
    for match in _PROFILE.finditer(text):
        name = match.group(1).rstrip(".-")
        if len(name) > 1 and name.lower() not in _NOT_A_PROFILE:
            spans.append((match.start(1), match.start(1) + len(name), "handle"))
    return spans


_HEADS: Final = re.compile(
    rf"\b(?:{_PLATFORMS}|handle|user ?name|usuario|usuário|nutzername|benutzername|nom d|identifiant|pseudo|nick|"
    rf"nickname|screen|"
    r"gamer(?: ?tag)?|login name|account name|display name|cashtag|i go by|called)\b|\bme (?:on|at|@|as) "
)


def said_handles(text: str) -> list[Span]:
    """Account names that a text names as such: `IG: jane_doe`, `my Instagram is janedoe`."""
    spans: list[Span] = []
    near = windows(text, _HEADS, 45, 120)
    for match in matches_in(text, near, _SAID):
        platform, word = match.group("platform"), match.group("word")
        called = match.group("link").lower().rstrip().endswith(("called", "named"))
        if word is not None and word.lower() in _TOO_COMMON and not (called and _is_marked(match.group("handle"))):
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
        firm = ":" in match.group("link") or "=" in match.group("link") or called
        _add_said(spans, text, match, firm)
    for match in matches_in(text, near, _UNDER):
        link = match.group("link").strip().lower()
        named = ":" in link or link in _NAMES_BY_ITSELF or (link in _AS and match.group("call") is not None)
        after_call = link in ("", ",") and match.group("call") is not None
        if named or after_call or link in _I_AM or _is_marked(match.group("handle")):
            _add_said(spans, text, match, named)
    for match in matches_in(text, near, _SAID_WORD):
        handle = match.group("handle")
        if (
            (_is_marked(handle) and not handle[0].isdecimal())
            or match.group("named")
            or _IS_AN_ACCOUNT.match(text, match.start())
        ):
            _add_said(spans, text, match, False)
    for match in matches_in(text, near, _ON_PLATFORM):
        handle = match.group("handle")
        if _LIKE_A_NAME.fullmatch(handle) or match.group("call") is not None:
            _add_said(spans, text, match, False)
    for match in matches_in(text, near, _GO_BY):
        _add_said(spans, text, match, False)
    if "$" in text:
        spans.extend(
            (*match.span("handle"), "handle") for match in matches_in(text, windows(text, _CASH_HEADS, 60, 120), _CASH)
        )
    spans.extend((match.start("handle"), match.end("handle"), "handle") for match in _NUMBERED.finditer(text))
    return spans


_MINE: Final = re.compile(r"(?:my|our|mein|mi|mon|meu|minha|il mio|her|his|their)\s(?:\w+\s)?\Z", re.IGNORECASE)
_NAMES_AN_ACCOUNT: Final = re.compile(r"\s(?:id|handle|user ?name|tag)\b", re.IGNORECASE)
_I_AM: Final = frozenset({"i am", "i'm", "i’m", "im", "ich bin", "soy", "je suis"})
_IS_AN_ACCOUNT: Final = re.compile(r"(?:user|screen|nick) ?name|gamer ?tag", re.IGNORECASE)
_AS: Final = frozenset({"as", "under", "als", "unter", "como", "sous", "at"})
_NAMES_BY_ITSELF: Final = frozenset(
    {"name", "username", "user name", "handle", "i go by", "my name is", "my nick is", "my handle is", "my username is"}
)
_SELDOM_A_KEY: Final = words_of("snap steam slack threads")
_TOO_COMMON: Final = words_of("id user tag name account konto compte cuenta conta login profile profil perfil @")
_TOO_COMMON_PLATFORMS: Final = words_of("x line sc teams origin signal epic steam slack snap threads")


def _is_marked(name: str) -> bool:
    """Whether a word has what words of a sentence have not: a digit, an underscore, a dot, a sign."""
    return any(not character.isalpha() and character not in "-'" for character in name.rstrip(".-:"))


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
    if _A_THING.fullmatch(lowered):
        return
    if not _is_marked(name):
        spoken = len(lowered) < _SHORTEST_SPOKEN or lowered.endswith(_ENDS_A_QUALITY)
        if lowered.endswith(_ENDS_NO_HANDLE) or (spoken and not firm) or not _AFTER_A_NAME.match(text, end):
            return
    if text.startswith("://", end) or (not _is_marked(lowered.replace(".", "")) and ends_like_a_host(lowered)):
        return
    spans.append((start, end, "handle"))
