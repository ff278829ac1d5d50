"""SQL that reads a text as a value: trimmed, translated, taken from HTML, as a number.

Each takes the SQL of a text, or leaves `{t}` for it where the text is used more than once.
"""

from __future__ import annotations

from typing import Final

from opslib.intake.mapping.sources import ColumnRule
from opslib.intake.notation import quoted, quoted_list

TYPES: Final = {
    "instant": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}
"""The type in SQL of those standard columns that are more than text."""
_SPACES: Final = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
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
    entries: dict[str, str | None] = {}
    for word, value in rule.values.items():
        entries.setdefault(word.strip().casefold(), value)
    # A place in a list: thousands of arms of a CASE take longer to compile than most files to read.
    place = f"list_position([{quoted_list(list(entries))}], lower({text}))"
    values = ", ".join("NULL" if value is None else quoted(value) for value in entries.values())
    match rule.otherwise:
        case "keep":
            other = text
        case None | "null" | "unreadable":
            other = "NULL"
        case constant:
            other = f"CASE WHEN {text} IS NOT NULL THEN {quoted(constant)} END"
    unknown = f"({place} IS NULL AND {text} IS NOT NULL)"
    failed = unknown if rule.otherwise == "unreadable" else "false"
    return f"CASE WHEN {place} IS NULL THEN {other} ELSE ([{values}]::VARCHAR[])[{place}] END", failed, unknown


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
