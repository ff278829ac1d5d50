"""Street addresses of the US form and PO boxes in a text."""

from __future__ import annotations

import re
from typing import Final

from opslib.intake.notation import words_of
from opslib.intake.privacy.spans import Span

# Street addresses of the US form.
_DIRECTION: Final = r"(?:[NSEW]\.?|N\.?[EW]\.?|S\.?[EW]\.?|north(?:east|west)?|south(?:east|west)?|east|west)"
_STATE: Final = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AT]|"
    "W[AIVY]"
)
_BREAK: Final = r"(?:\s|,|<br\s?/?>){1,6}"
_ZIP: Final = r"[0-9]{5}(?:-[0-9]{4})?(?![0-9])"
_TOWN: Final = rf"(?:{_BREAK}[A-Za-z][A-Za-z.'-]{{0,24}}){{0,4}}?{_BREAK}(?:{_STATE})\.?(?:{_BREAK}{_ZIP})?(?!\w|'\w)"
_WORD: Final = r"(?:[0-9]{1,3}(?:st|nd|rd|th)|[A-Za-z][\w.'-]{0,24}+)"
_SUFFIX: Final = (
    r"street|str|st|avenue|ave|av|road|rd|boulevard|blvd|lane|ln|drive|drv|dr|court|crt|ct|place|pl|way|terrace|terr|"
    r"ter|circle|circ|cir|parkway|pkwy|pky|highway|hwy|square|sq|trail|trl|tr|alley|aly|loop|plaza|plz|crescent|cres|"
    r"crossing|xing|run|path|point|pt|row|ridge|rdg|turnpike|tpke|expressway|expy|freeway|fwy|cove|cv|hollow|holw|"
    r"glen|gln|bend|bnd|trace|trce|pass|pike|walk|mews|creek|crk|manor|mnr|heights|hts|hill|hl|hills|meadows?|mdws|"
    r"view|vw|vista|vis|grove|grv|park|landing|lndg|shores?|crest|crst|estates?|ests?|green|grn|knolls?|knl|knls|"
    r"oaks|overlook|valley|vly|village|vlg|commons?|cmns|gardens?|gdns|bluffs?|blf|canyon|cyn|chase|corners?|cor|"
    r"gate|gateway|gtwy|harbor|hbr|haven|hvn|island|isle|junction|jct|lakes?|lk|lodge|mall|orchard|orch|parade|ranch|"
    r"rnch|spring|springs|spg|spgs|spur|station|sta|stream|strm|summit|smt|track|trak|trafficway|viaduct|wells|"
    r"causeway|cswy|bypass|byp|camino|calle|center|centre|ctr|club|course|curve|curv|divide|estate|extension|ext|"
    r"fall|falls|ferry|field|fields|flat|flats|ford|forest|forge|fork|forks|fort|garden|inlet|key|knoll|lock|light|"
    r"lights|loaf|motorway|mount|mountain|mtn|neck|oval|passage|pine|pines|plain|plains|port|prairie|radial|ramp|"
    r"rapids|rest|river|riv|route|rte|rue|skyway|throughway|tunnel|union|well|beltway"
)
_ADDRESS: Final = re.compile(
    rf"[0-9](?<![\w.,$€£#:/@+=\x00-][0-9])[0-9]{{0,5}}+[A-Za-z]?(?:-[0-9]{{1,4}}|[ ]1/2)?[ \t]{{1,2}}"
    rf"(?:"
    rf"(?P<route>(?:US|U\.S\.|state|county|old|farm|rural)[ \t](?:highway|hwy|route|rte|road|rd)[ \t][0-9]{{1,4}}\b)"
    rf"|(?:{_DIRECTION}[ \t])?(?P<words>(?:{_WORD}[ \t]{{1,2}}){{1,4}}?)"
    rf"(?P<suffix>{_SUFFIX})\b\.?(?:[ \t]{{1,2}}(?P<second>{_SUFFIX})\b\.?)?"
    rf"|(?P<bare>broadway)\b"
    rf")"
    rf"(?:[ \t]{_DIRECTION}(?![\w']))?"
    rf"(?P<unit>{_BREAK}"
    rf"(?:(?:apt|apartment|unit|suite|ste|floor|fl|room|rm|bldg|building)\b\.?[ \t]?#?[ \t]?[\w-]{{1,6}}"
    rf"|#[ \t]?[\w-]{{1,6}}))?"
    rf"(?P<place>{_TOWN}|(?:{_BREAK}(?-i:[A-Z])[A-Za-z.'-]{{0,24}}){{1,6}}?{_BREAK}{_ZIP})?",
    re.IGNORECASE,
)
_STATE_NAME: Final = (
    "alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|"
    "indiana|iowa|kansas|kentucky|louisiana|"
    "maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada|new[ ](?:hampshire|"
    "jersey|mexico|york)|(?:north|south)[ ](?:carolina|dakota)|"
    "ohio|oklahoma|oregon|pennsylvania|rhode[ ]island|tennessee|texas|utah|vermont|virginia|washington|west[ "
    "]virginia|wisconsin|wyoming"
)
# Without a suffix: a house number, some words, a state and its ZIP code.
_BEFORE_ZIP: Final = re.compile(
    rf"[0-9](?<![\w.,$€£#:/@+=\x00-][0-9])[0-9]{{0,5}}+[A-Za-z]?[ \t]{{1,2}}(?P<words>[A-Za-z][\w.'-]{{0,24}}(?:[ "
    rf"\t]{{1,2}}[A-Za-z0-9#][\w.'-]{{0,24}}){{0,6}}?)"
    rf"(?P<comma>{_BREAK})(?:(?P<town>[A-Za-z][A-Za-z.'-]{{0,24}}(?:[ ][A-Za-z][A-Za-z.'-]{{0,24}}){{0,3}}?){_BREAK})"
    rf"?(?P<state>{_STATE}|{_STATE_NAME})\.?{_BREAK}{_ZIP}",
    re.IGNORECASE,
)
# States whose letters are also words.
_STATE_WORDS: Final = words_of("in or me hi ok oh la de co pa ma al id ar mo")
ADDRESS_SIGN: Final = (
    r"(?i)[0-9][0-9a-z-]*(?: 1/2)?[ \t]{1,2}(?:[\w.'-]+[ \t]{1,2}){1,5}(?:"
    + _SUFFIX
    + r")\b|[0-9][ \t]{1,2}[a-z].*\b[0-9]{5}\b|\bbox\b|[0-9][ \t]+(?:\w+[ \t]+)?broadway\b"
    r"|[0-9][ \t]+(?:US|U\.S\.|state|county|old|farm|rural)[ \t](?:highway|hwy|route|rte|road|rd)"
)
_BOX: Final = re.compile(
    rf"\b(?:p\.?[ ]?o\.?|post office)[ ]?box[ ]#?[0-9]{{1,7}}\b(?:{_TOWN})?",
    re.IGNORECASE,
)
# Suffixes that are hardly ever another word; the others count only in a name written with capitals, or before a unit, a
# state or a ZIP code.
_PLAIN_SUFFIX: Final = words_of(
    """
    street avenue ave road rd boulevard blvd lane ln parkway pkwy highway hwy terrace turnpike tpke expressway
    expy
    """
)
_STREET_SUFFIX: Final = _PLAIN_SUFFIX | words_of(
    """
    str st av drive drv dr court crt ct place pl way terr ter circle circ cir pky square sq trail trl alley aly loop
    plaza plz crescent cres crossing xing run
    path point pt row ridge rdg freeway fwy cove cv hollow holw glen gln bend trace trce pass pike walk mews manor mnr
    heights hts grove grv landing lndg causeway cswy
    """
)
# Words that do not stand between a house number and the end of a street's name.
_NO_STREET: Final = words_of(
    """
    a an and or the of on in at to from for by with without is are was were be been my your our their his her
    this that these those it i we you they about near off into onto over under down up out along across after
    before between than as not no but so if when where which who what how per via more less last next other
    same different mile miles block blocks car cars day days week weeks month months year years hour hours
    minute minutes second seconds min mins people person men women guys times time percent meters metres feet
    km hard disk usb flash external internal google one shared network cloud tape ssd hdd thumb pen virtual
    better best easy only single step steps pages items emails messages tickets users customers orders am pm gb
    mb tb kb ghz mhz bit new folders files accounts won't didn't can't don't has have had do does did will
    would can could should must get got gets went go goes come came take took takes find found see saw make
    made working star stars click clicks way ways step steps piece pieces player players way inch inches gigabit core
    cores year-old out
    try tries attempts percent button buttons questions reasons things options copies tabs windows apps devices emails
    failed error errors
    of/ all every each both hour business working calendar different separate whole full half left right
    """
)
_YEAR_BEFORE: Final = re.compile(
    r"\b(?:in|since|by|during|until|of|from|year|early|late|jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|"
    r"january|february|march|april|"
    r"august|september|october|november|december)\.?\s\Z",
    re.IGNORECASE,
)
_ZIP_CODE: Final = re.compile(r"(?<![0-9])[0-9]{5}(?![0-9])")
_ADDRESS_BEFORE: Final = re.compile(
    r"\b(?:live|living|lives|address(?: is)?|ship(?:ped|ping)?(?: it| them)?(?: to)?|send(?: it| them)?(?: to)?|"
    r"deliver(?:ed|y)?(?: to)?|mail(?:ed)?(?: to)?|located|moved to|reside|home is|house is|billing|at)"
    r"[\s:,-]{1,4}(?:is|to|at|on)?[\s:]{0,2}\Z",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}\s")


def addresses(text: str) -> list[Span]:
    """Street addresses with house number, and PO boxes."""
    spans: list[Span] = []
    place = 0
    while (match := _ADDRESS.search(text, place)) is not None:
        if _is_address(match, text):
            spans.append((match.start(), match.end(), "address"))
            place = match.end()
        else:
            # The words of one that is none may hold the number of the next.
            place = match.start() + 1
            while place < len(text) and text[place].isdecimal():
                place += 1
    if _ZIP_CODE.search(text):
        for match in _BEFORE_ZIP.finditer(text):
            if _stands_before_zip(match):
                spans.append((match.start(), match.end(), "address"))
    if "box" in text.lower():
        spans.extend((match.start(), match.end(), "address") for match in _BOX.finditer(text))
    return spans


def _is_address(match: re.Match[str], text: str) -> bool:
    start = match.start()
    if _YEAR.match(text, start) and _YEAR_BEFORE.search(text, max(0, start - 12), start):
        return False
    words, suffix = match.group("words"), match.group("suffix")
    if words is None:
        return True
    names = words.split()
    if any(name.lower().rstrip(".") in _NO_STREET for name in names):
        return False
    suffix = (match.group("second") or suffix).lower()
    if match.group("unit") or match.group("place"):
        return suffix in _STREET_SUFFIX or match.group("place") is not None
    if suffix in _PLAIN_SUFFIX:
        return True
    if suffix == "st" and len(names) <= 2:
        return True
    named = _ADDRESS_BEFORE.search(text, max(0, start - 30), start) is not None
    if named and suffix in _STREET_SUFFIX and len(names) <= 3:
        return True
    capitals = (match.group("second") or match.group("suffix"))[0].isupper() and all(
        name[0].isupper() or name[0].isdecimal() for name in names
    )
    # "5 Star Place" is praise; a house number of one digit needs more beside it.
    return capitals and (named or (suffix in _STREET_SUFFIX and text[start : start + 2].isdecimal()))


def _stands_before_zip(match: re.Match[str]) -> bool:
    words, state = match.group("words").split(), match.group("state")
    if any(word.lower().rstrip(".") in _NO_STREET for word in words):
        return False
    if state.lower() in _STATE_WORDS and not state.isupper():
        return "," in match.group("comma") or "\n" in match.group("comma") or "," in match.group()
    return len(words) > 1 or match.group("town") is not None
