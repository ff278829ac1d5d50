"""SQL that reads a text as an instant or a date: as it stands, and where that fails, as people and programs spell it.

Each leaves `{t}` for the SQL of the text. The second reading knows odd spaces, `p.m.`, hours of one digit,
abbreviations of zones and months of other languages; it costs nothing where the first one reads everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from opslib.intake.mapping.month_names import ENGLISH, LANGUAGES, months_of, without_accents
from opslib.intake.mapping.zone_abbreviations import abbreviations, example_of, offsets_of_abbreviations
from opslib.intake.notation import quoted, quoted_list

_EARLIEST, _LATEST = 631_152_000, 4_102_444_800  # 1990 and 2100: an epoch outside of them is in another unit
_ISO_DAY: Final = r"(\d{4}-\d{2}-\d{2})"
_ISO_TIME: Final = r"(\d{2}:\d{2})(:\d{2})?(?:[.,]\d+)?"
_DIRECTION_MARKS: Final = r"[\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{2066}-\x{2069}\x{FEFF}]+"
_SPACES: Final = r"[\s\x{A0}\x{1680}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]+"
_APOSTROPHE: Final = r"^['’‘`]"
_HALF_OF_DAY: Final = r"(?i)(\d) ?([ap])\.? ?m\b\.?"
_NUMBERS: Final = ("epoch_s", "epoch_ms", "excel_serial")
"""Forms that are spelt one way only."""
_ZONE_ABBREVIATED: Final = r"(^|:\d\d| )\(?[A-Z]{2,6}\)?($| )"
_ZONE_BY_NAME: Final = r"[A-Za-z]/[A-Za-z]|(:\d\d|[A-Z]{3}) ?[+-]\d|[A-Z]{3}\d[A-Z]{3}"


@dataclass(frozen=True)
class TimeWords:
    """What the words in the times of a column mean: abbreviations of zones, in capitals, and names of months."""

    offsets: Mapping[str, int]
    months: Mapping[str, str]

    @classmethod
    def of(cls, zone: str, own_abbreviations: Mapping[str, str], language: str | None) -> TimeWords:
        """The words of a zone and of a language, or of all languages as far as they agree."""
        return cls(offsets_of_abbreviations(zone, own_abbreviations), months_of(language))


def instant(forms: Sequence[str], zone: str) -> str:
    """SQL of the instant in `{t}`, null where it is of none of the forms."""
    return f"coalesce({', '.join(_plain_instant(form, zone) for form in forms)})"


def date(forms: Sequence[str], zone: str) -> str:
    """SQL of the date in `{t}`: the day as it is written, or the local day of an epoch."""
    return f"coalesce({', '.join(_plain_date(form, zone) for form in forms)})"


def spelt_instant(forms: Sequence[str], zone: str, words: TimeWords) -> str:
    """SQL of the instant in a `{t}` that is of one of the forms in other spelling."""
    ways = []
    for form in forms:
        if form in _NUMBERS:
            continue
        again = [_plain_instant(_tidy_form(form), zone)]
        if form == "iso":
            clocks = [f"%Y-%m-%d {clock}" for clock in ("%I:%M:%S %p", "%I:%M %p")]
            again.append(f"try_strptime({{t}}, [{quoted_list(clocks)}]) AT TIME ZONE {quoted(zone)}")
        ways.append(_once(_spelt(form, words), f"coalesce({', '.join([*again, _by_abbreviation(form, words)])})"))
    return f"coalesce({', '.join([*ways, 'NULL'])})"


def spelt_date(forms: Sequence[str], zone: str, words: TimeWords) -> str:
    """SQL of the date in a `{t}` that is of one of the forms in other spelling."""
    ways = []
    for form in forms:
        if "%z" in form or "%Z" in form:
            ways.append(f"({spelt_instant([form], zone, words)} AT TIME ZONE {quoted(zone)})::DATE")
        elif form not in _NUMBERS:
            ways.append(_once(_spelt(form, words), _plain_date(_tidy_form(form), zone)))
    return f"coalesce({', '.join([*ways, 'NULL'])})"


def advice(words: TimeWords) -> str:
    """SQL of what to write into the mapping for a time in `{t}` with a word of several meanings, empty without one."""
    several = {name: example_of(name) for name in abbreviations() if name not in words.offsets}
    ambiguous = _all_month_names() - set(words.months) if words.months == months_of(None) else set()
    zone = _first_word(_zone_words("{t}"), several)
    month = _first_word(_month_words("strip_accents({t})"), dict.fromkeys(ambiguous, ""))
    return (
        f"CASE WHEN {zone} IS NOT NULL THEN concat('; ', {zone}, ' is the name of several zones: say which by its "
        f"offset, like `abbreviations: {{', {zone}, ': ', {_meaning(zone, several)}, '}}`') "
        f"WHEN {month} IS NOT NULL THEN concat('; ', {month}, ' is another month in one language than in another: "
        "say which, like `language: pl`') ELSE '' END"
    )


def excerpt(sql: str) -> str:
    """SQL: what may be shown of a text that stands in the place of a time, a number or a truth value.

    Digits that are no year of these times may be those of a card, a telephone or a birth, and only their places are
    shown; of what holds other words, or signs that such values do not have, only the length.
    """
    start = f"regexp_replace(left({sql}, 40), '\\s+', ' ', 'g')"
    digits = f"length(regexp_replace({start}, '[^0-9]', '', 'g'))"
    is_harmless = f"{digits} <= {_HARMLESS_DIGITS} OR regexp_matches({start}, {quoted(_YEAR)})"
    masked = f"regexp_replace({start}, '[0-9]', '#', 'g')"
    shown = f"CASE WHEN {is_harmless} THEN {start} ELSE {masked} END"
    return f"CASE WHEN {_is_time_like(start)} THEN {shown} ELSE concat('(text of ', length({sql}), ' characters)') END"


def _is_time_like(sql: str) -> str:
    """SQL: whether a text has only what times, numbers and truth values have, so that it names nobody."""
    words = f"regexp_extract_all(lower(strip_accents({sql})), '\\pL+')"
    others = f"list_filter({words}, lambda word: strpos({quoted(_SHOWABLE_WORDS)}, ' ' || word || ' ') = 0)"
    return f"(regexp_full_match({sql}, '[\\pL\\pM0-9\\s\\pZ\\p{{Cf}}:/.,+()-]*') AND len({others}) = 0)"


def _all_month_names() -> set[str]:
    return {name for language in LANGUAGES for name in months_of(language)}


_HARMLESS_DIGITS: Final = 3
_YEAR: Final = r"(^|[^0-9])20[0-9][0-9]([01][0-9][0-3][0-9])?($|[^0-9])"
_OTHER_WORDS: Final = "a am de false m n na nan no none null of off on p pm t true yes"
_SHOWABLE_WORDS: Final = " ".join(
    ["", *sorted({*_all_month_names(), *map(str.lower, abbreviations()), *_OTHER_WORDS.split()}), ""]
)


def _by_abbreviation(form: str, words: TimeWords) -> str:
    """The instant of a text in `{t}` that names its zone by an abbreviation."""
    name = _first_word(_zone_words("{t}"), words.offsets)
    bare = f"trim(replace(concat(' ', translate({{t}}, '()', '  '), ' '), concat(' ', {name}, ' '), ' '))"
    wall = _wall_clock(_without_zone(form))
    seconds = f"to_seconds({_meaning(name, words.offsets)}::BIGINT)"
    return f"CASE WHEN {name} IS NOT NULL THEN {_once(bare, wall)} AT TIME ZONE 'UTC' - {seconds} END"


def _zone_words(sql: str) -> str:
    return f"string_split(translate({sql}, '()', '  '), ' ')"


def _month_words(sql: str) -> str:
    return f"regexp_extract_all({sql}, '\\pL{{3,}}')"


def _first_word(words: str, meanings: Mapping[str, str] | Mapping[str, int]) -> str:
    """SQL of the first of a list of words that means something, null where none does."""
    return f"list_filter({words}, lambda word: {_place('word', meanings)} > 0)[1]"


def _meaning(word: str, meanings: Mapping[str, str] | Mapping[str, int]) -> str:
    """SQL of what a word means that means something."""
    listed = _listed(meanings)
    return f"regexp_extract(substr({quoted(listed)}, {_place(word, meanings)} + length({word}) + 2, 10), '^[^ ]+')"


def _place(word: str, meanings: Mapping[str, str] | Mapping[str, int]) -> str:
    # One text with all words is a constant of SQL that costs nothing to compile, as a list of hundreds does.
    return f"strpos({quoted(_listed(meanings))}, concat(' ', lower({word}), '='))"


def _listed(meanings: Mapping[str, str] | Mapping[str, int]) -> str:
    return "".join(f" {word.lower()}={meaning}" for word, meaning in meanings.items()) + " "


def _plain_instant(form: str, zone: str) -> str:
    """The instant of a text that is just of that form."""
    match form:
        case "iso":
            utc = f"^{_ISO_DAY}[Tt ]{_ISO_TIME} ?(?:[Zz]|UTC|GMT)$"
            offset = f"^{_ISO_DAY}[Tt ]{_ISO_TIME} ?([+-]\\d{{2}}):?(\\d{{2}})?$"
            local = f"^{_ISO_DAY}(?:[Tt ]{_ISO_TIME})?$"
            return (
                f"CASE WHEN regexp_matches({{t}}, {quoted(local)}) THEN "
                f"try_cast(trim(regexp_replace({{t}}, {quoted(local)}, '\\1 \\2\\3')) AS TIMESTAMP) "
                f"AT TIME ZONE {quoted(zone)} "
                f"WHEN regexp_matches({{t}}, {quoted(utc)}) THEN "
                f"try_cast(regexp_replace({{t}}, {quoted(utc)}, '\\1 \\2\\3') AS TIMESTAMP) AT TIME ZONE 'UTC' "
                f"WHEN regexp_matches({{t}}, {quoted(offset)}) THEN "
                f"try_cast(regexp_replace({{t}}, {quoted(offset)}, '\\1 \\2\\3\\4\\5') AS TIMESTAMP WITH TIME ZONE) END"
            )
        case "epoch_s" | "epoch_ms":
            seconds = "floor(try_cast({t} AS DOUBLE)" + (" / 1000)" if form == "epoch_ms" else ")")
            return f"CASE WHEN {seconds} BETWEEN {_EARLIEST} AND {_LATEST} THEN to_timestamp({seconds}) END"
        case _ if "%Z" in form:
            # The engine's own abbreviations are of any country: only names and offsets are read by it.
            is_abbreviated = f"regexp_matches({{t}}, {quoted(_ZONE_ABBREVIATED)})"
            is_named = f"regexp_matches({{t}}, {quoted(_ZONE_BY_NAME)})"
            return f"CASE WHEN {is_named} AND NOT {is_abbreviated} THEN {_with_zone(form)} END"
        case _ if "%z" in form:
            return _with_zone(form)
        case _:
            return f"{_wall_clock(form)} AT TIME ZONE {quoted(zone)}"


def _plain_date(form: str, zone: str) -> str:
    match form:
        case "iso":
            return (
                f"CASE WHEN regexp_matches({{t}}, '^{_ISO_DAY}([Tt ].*)?$') THEN try_cast(left({{t}}, 10) AS DATE) END"
            )
        case "epoch_s" | "epoch_ms":
            return f"({_plain_instant(form, zone)} AT TIME ZONE {quoted(zone)})::DATE"
        case _ if "%z" in form or "%Z" in form:
            return f"({_plain_instant(form, zone)} AT TIME ZONE {quoted(zone)})::DATE"
        case _:
            return f"({_wall_clock(form)})::DATE"


def _with_zone(form: str) -> str:
    return f"date_trunc('second', try_strptime({{t}}, {quoted(form)}) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"


def _wall_clock(form: str) -> str:
    """SQL of a time without a zone in `{t}`, in whole seconds."""
    match form:
        case "iso":
            local = f"^{_ISO_DAY}(?:[Tt ]{_ISO_TIME})?$"
            return (
                f"CASE WHEN regexp_matches({{t}}, {quoted(local)}) THEN "
                f"try_cast(trim(regexp_replace({{t}}, {quoted(local)}, '\\1 \\2\\3')) AS TIMESTAMP) END"
            )
        case "day_first" | "month_first":
            day = "%d/%m" if form == "day_first" else "%m/%d"
            clocks = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
            long, short = ([f"{day}/{year}{clock}" for clock in clocks] for year in ("%Y", "%y"))
            # Only the separators of the date, before the first space, are made alike, and the fraction of a second is
            # left out.
            slashed = "regexp_replace({t}, '^(\\d{1,2})[./-](\\d{1,2})[./-](\\d{2,4})[,]?', '\\1/\\2/\\3')"
            slashed = f"upper(replace(regexp_replace({slashed}, '(:\\d\\d)[.]\\d+', '\\1'), 'T', ' '))"
            form_of_date = "'^\\d{1,2}/\\d{1,2}/\\d{%d}( |$)'"
            return (
                f"CASE WHEN regexp_matches({slashed}, {form_of_date % 4}) THEN try_strptime({slashed}, {long}) "
                f"WHEN regexp_matches({slashed}, {form_of_date % 2}) THEN try_strptime({slashed}, {short}) END"
            )
        case "excel_serial":
            # Excel believes that 1900 had a 29 February (serial 60): days before it are one off, the day itself does
            # not exist.
            # A time is a fraction of a day, which misses the whole second by a few microseconds: hence the
            # milliseconds.
            serial = "try_cast(replace({t}, ',', '.') AS DOUBLE)"
            return (
                f"CASE WHEN {serial} >= 1 AND {serial} < 2958466 AND floor({serial}) <> 60 THEN "
                f"date_trunc('second', CASE WHEN {serial} < 60 THEN TIMESTAMP '1899-12-31' "
                f"ELSE TIMESTAMP '1899-12-30' END "
                f"+ to_milliseconds(CAST(round({serial} * 86400000) AS BIGINT))) END"
            )
        case _:
            return f"date_trunc('second', try_strptime({{t}}, {quoted(form)}))"


def _once(text: str, value: str) -> str:
    """SQL of a value over `{t}`, where another text takes its place that is worked out once."""
    return f"list_transform([{text}], lambda x: {value.replace('{t}', 'x')})[1]"


def _spelt(form: str, words: TimeWords) -> str:
    """SQL of the text in `{t}` as the forms expect it."""
    sql = f"regexp_replace({{t}}, {quoted(_DIRECTION_MARKS)}, '', 'g')"
    sql = f"trim(regexp_replace({sql}, {quoted(_SPACES)}, ' ', 'g'))"
    sql = f"trim(regexp_replace({sql}, {quoted(_APOSTROPHE)}, ''))"
    sql = f"regexp_replace({sql}, {quoted(_HALF_OF_DAY)}, '\\1 \\2M')"
    sql = f"regexp_replace({sql}, '(:\\d\\d)([A-Za-z]{{2,}})', '\\1 \\2')"
    if form == "iso":
        sql = f"regexp_replace({sql}, '([+-]\\d\\d:?\\d\\d|[Zz])\\[[A-Za-z0-9_+/-]+\\]$', '\\1')"
        sql = f"regexp_replace({sql}, '^(\\d{{4}}-\\d{{1,2}}-\\d{{1,2}}),?[Tt ](\\d):', '\\1 0\\2:')"
        sql = f"regexp_replace({sql}, '^(\\d{{4}})-(\\d)-', '\\1-0\\2-')"
        return f"regexp_replace({sql}, '^(\\d{{4}}-\\d\\d)-(\\d)($|\\D)', '\\1-0\\2\\3')"
    if _leading_weekday(form):
        sql = f"regexp_replace({sql}, '^\\D+', '')"
    if "%b" in form or "%B" in form:
        name = _first_word(_month_words("{t}"), words.months)
        month = f"CASE WHEN {name} IS NULL THEN {{t}} ELSE replace({{t}}, {name}, {_meaning(name, words.months)}) END"
        sql = f"regexp_replace({_once(f'strip_accents({sql})', month)}, '({'|'.join(ENGLISH)})[.]', '\\1')"
    return sql


def _tidy_form(form: str) -> str:
    """A pattern as texts are after `_spelt`: single spaces, months in three letters, no weekday in front."""
    if "%" not in form:
        return form
    form = form[len(_leading_weekday(form)) :]
    if "%b" in form or "%B" in form:
        form = re.sub(r"%[bB]\.?", "%b", without_accents(form))
    form = re.sub(r"(%[MSf])%p", r"\1 %p", form)
    return re.sub(r"\s+", " ", form).strip()


def _without_zone(form: str) -> str:
    """A pattern for the time as it stands when the abbreviation of the zone is taken out."""
    return _tidy_form(re.sub(r"\(?%Z\)?", " ", form)) if "%" in form else form


def _leading_weekday(form: str) -> str:
    """The weekday at the start of a pattern, where digits follow it."""
    match = re.match(r"\s*%[aA][^%\d]*(?=%-?[dmYyjeHI])", form)
    return match[0] if match else ""
