"""SQL that reads a text as a value: trimmed, translated, taken from HTML, as a number, an instant or a date.

Each takes the SQL of a text, or leaves `{t}` for it where the text is used more than once.
"""

from __future__ import annotations

from typing import Final

from opslib.intake.mapping.sources import ColumnRule
from opslib.intake.notation import quoted

TYPES: Final = {
    "instant": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}
"""The type in SQL of those standard columns that are more than text."""
_EARLIEST, _LATEST = 631_152_000, 4_102_444_800  # 1990 and 2100: an epoch outside of them is in another unit
_SPACES: Final = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_ISO_DAY: Final = r"(\d{4}-\d{2}-\d{2})"
_ISO_TIME: Final = r"(\d{2}:\d{2})(:\d{2})?(?:[.,]\d+)?"
_EXPONENTIAL: Final = r"\d([.,]\d+)?[eE]\+\d+|\d[.,]\d+[eE]\d\d"
_ENTITIES: Final = {
    "&nbsp;": " ",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#34;": '"',
    "&#39;": "'",
    "&#x27;": "'",
    "&apos;": "'",
    "&rsquo;": "’",
    "&lsquo;": "‘",
    "&rdquo;": "”",
    "&ldquo;": "“",
    "&ndash;": "–",
    "&mdash;": "—",
    "&hellip;": "…",
    "&#64;": "@",
    "&#x40;": "@",
    "&commat;": "@",
    "&#46;": ".",
    "&period;": ".",
    "&amp;": "&",
}


def trim(sql: str) -> str:
    """Text without the spaces and line ends around it."""
    return f"trim({sql}, {_SPACES})"


def as_id(sql: str) -> str:
    """An id that a spreadsheet or a data frame has turned into a number loses its `.0`."""
    return f"regexp_replace({sql}, '^(\\d+)\\.0+$', '\\1')"


def is_exponential(sql: str) -> str:
    """Whether an id is written like 1.57E+18, as a spreadsheet shows a number that it has rounded."""
    return f"({sql} LIKE '%_e%' OR {sql} LIKE '%_E%') AND regexp_full_match({sql}, {quoted(_EXPONENTIAL)})"


def is_long_whole_number(sql: str) -> str:
    """Whether an id is a number of more digits than a spreadsheet keeps."""
    return f"regexp_full_match({sql}, '\\d{{16,}}(\\.0+)?')"


def normalise(sql: str) -> str:
    """`On-hold` is on_hold."""
    return f"regexp_replace(lower(trim({sql})), '[\\s-]+', '_', 'g')"


def translate(rule: ColumnRule, text: str) -> tuple[str, str, str]:
    """SQL of the translation, of whether that makes the value unreadable, and of whether there is no entry for it."""
    arms = " ".join(
        f"WHEN {quoted(word.strip().casefold())} THEN {'NULL' if value is None else quoted(value)}"
        for word, value in rule.values.items()
    )
    words = ", ".join(quoted(word.strip().casefold()) for word in rule.values)
    match rule.otherwise:
        case "keep":
            other = text
        case None | "null" | "unreadable":
            other = "NULL"
        case constant:
            other = f"CASE WHEN {text} IS NOT NULL THEN {quoted(constant)} END"
    unknown = f"coalesce(lower({text}) NOT IN ({words}), false)"
    failed = unknown if rule.otherwise == "unreadable" else "false"
    return f"CASE lower({text}) {arms} ELSE {other} END", failed, unknown


def html_to_text(sql: str) -> str:
    """The text of HTML: tags out, breaks kept as new lines, the usual entities read."""
    sql = f"regexp_replace({sql}, '(?is)<(script|style)[^>]*>.*?</(script|style)\\s*>', ' ', 'g')"
    sql = f"regexp_replace({sql}, '(?i)<(br|/p|/div|/li|/tr|/h[1-6])\\s*/?>', chr(10), 'g')"
    sql = f"regexp_replace({sql}, '<[a-zA-Z/!][^>]*>', '', 'g')"
    for entity, character in _ENTITIES.items():
        sql = f"replace({sql}, {quoted(entity)}, {quoted(character)})"
    collapsed = f"regexp_replace({sql}, '[ \\t]+', ' ', 'g')"
    return f"nullif({trim(collapsed)}, '')"


def number(decimal: str, *, whole: bool) -> str:
    """SQL that reads a number: thousands may be set off, whole numbers may end in `.0`."""
    point, comma = ("\\.", ",") if decimal == "." else (",", "\\.")
    form = f"^[+-]?(\\d+|\\d{{1,3}}({comma}\\d{{3}})+)({point}\\d+)?([eE][+-]?\\d+)?$"
    digits = "replace(replace({t}, ',', ''), ' ', '')" if decimal == "." else "replace(replace({t}, '.', ''), ',', '.')"
    value = f"CASE WHEN regexp_matches({{t}}, {quoted(form)}) THEN try_cast({digits} AS DOUBLE) END"
    if not whole:
        return value
    exact = "CASE WHEN regexp_matches({t}, '^[+-]?\\d+$') THEN try_cast({t} AS BIGINT) END"
    return f"coalesce({exact}, CASE WHEN ({value}) = floor({value}) THEN try_cast({value} AS BIGINT) END)"


def instant(form: str, zone: str) -> str:
    """SQL of the instant in `{t}`, null where it is not of that form."""
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
        case _ if "%z" in form or "%Z" in form:
            return f"date_trunc('second', try_strptime({{t}}, {quoted(form)}) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
        case _:
            return f"{_wall_clock(form)} AT TIME ZONE {quoted(zone)}"


def date(form: str, zone: str) -> str:
    """SQL of the date in `{t}`: the day as it is written, or the local day of an epoch."""
    match form:
        case "iso":
            return (
                f"CASE WHEN regexp_matches({{t}}, '^{_ISO_DAY}([Tt ].*)?$') THEN try_cast(left({{t}}, 10) AS DATE) END"
            )
        case "epoch_s" | "epoch_ms":
            return f"({instant(form, zone)} AT TIME ZONE {quoted(zone)})::DATE"
        case _ if "%z" in form or "%Z" in form:
            return f"({instant(form, zone)} AT TIME ZONE {quoted(zone)})::DATE"
        case _:
            return f"({_wall_clock(form)})::DATE"


def _wall_clock(form: str) -> str:
    """SQL of a time without a zone in `{t}`, in whole seconds."""
    match form:
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
            serial = "try_cast({t} AS DOUBLE)"
            return (
                f"CASE WHEN {serial} >= 1 AND {serial} < 2958466 AND floor({serial}) <> 60 THEN "
                f"date_trunc('second', CASE WHEN {serial} < 60 THEN TIMESTAMP '1899-12-31' "
                f"ELSE TIMESTAMP '1899-12-30' END "
                f"+ to_milliseconds(CAST(round({serial} * 86400000) AS BIGINT))) END"
            )
        case _:
            return f"date_trunc('second', try_strptime({{t}}, {quoted(form)}))"
