"""Personal data and hostile strings put into some messages to test the shields, each with its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

COUNT = 320
HOSTILE = ('<script>document.title="hacked"</script>', '=HYPERLINK("http://x","y")')
_HOSTILE_EACH = 12
_FIRST = ["jane", "omar", "lucy", "pedro", "hanna", "ravi", "molly", "carl", "nadia", "steve"]
_LAST = ["whitfield", "barlow", "castaneda", "oduya", "kessler", "pruitt", "yamada", "lindqvist", "farrow", "delacroix"]
_MAILS = ("example.org", "example.com", "mail.example.net", "example.edu")
_STREETS = ("Maple Street", "Oak Avenue", "W Lincoln Blvd", "Harbor Road", "Cedar Lane", "N Juniper Drive")
_SENTENCES = {
    "email": "You can reach me at {} any time.",
    "phone": "Please call me at {} after work.",
    "card": "I paid with card {} that day.",
    "ssn": "My social security number is {} for the check.",
    "handle": "My profile is {} if you need it.",
    "address": "Please send it to {} instead.",
    "ip": "The login came from {} last night.",
    "url": "The page was https://platform.example.com/account?{} when it broke.",
}
_KINDS = ("email", "email", "phone", "phone", "card", "handle", "address", "ssn", "ip", "url")


@dataclass(frozen=True)
class Planted:
    """A string that stands in the description of one ticket."""

    row: int
    kind: str
    text: str


def plant(
    rng: np.random.Generator, subjects: pa.Array, descriptions: pa.Array
) -> tuple[pa.Array, pa.Array, list[Planted], list[Planted]]:
    """Add personal and hostile strings to some tickets.

    Returns:
        Subjects, descriptions, what personal data was planted, what hostile strings were.
    """
    count = min(COUNT, len(subjects) // 8)
    hostile_count = min(_HOSTILE_EACH * len(HOSTILE), len(subjects) // 20)
    rows = rng.choice(len(subjects), size=count + hostile_count, replace=False)
    personal = []
    additions: list[str | None] = [None] * len(subjects)
    for number in range(count):
        kind = _KINDS[number % len(_KINDS)]
        text = _text(rng, kind, number)
        personal.append(Planted(int(rows[number]), kind, text))
        additions[int(rows[number])] = _SENTENCES[kind].format(text)
    hostile = []
    headings: list[str | None] = [None] * len(subjects)
    for number in range(hostile_count):
        row = int(rows[count + number])
        text = HOSTILE[number % len(HOSTILE)]
        hostile.append(Planted(row, "script" if text.startswith("<") else "hyperlink", text))
        additions[row] = text
        headings[row] = text
    descriptions = pc.binary_join_element_wise(
        descriptions, pa.array(additions, pa.string()), " ", null_handling="skip"
    )
    subjects = pc.coalesce(pa.array(headings, pa.string()), subjects)
    return subjects, descriptions, personal, hostile


def luhn_digit(digits: str) -> str:
    """The digit that makes a card number pass the Luhn check."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _text(rng: np.random.Generator, kind: str, number: int) -> str:
    first, last = _FIRST[number % len(_FIRST)], _LAST[(number // len(_FIRST)) % len(_LAST)]
    draw = rng.integers(0, 10_000, 4)
    match kind:
        case "email":
            return f"{first}.{last}{100 + number}@{_MAILS[number % len(_MAILS)]}"
        case "phone":
            area = ("212", "415", "312", "646", "303", "617", "206", "512")[number // 10 % 8]
            form = ("({}) 555-{}", "{}-555-{}", "+1 {} 555 {}", "{}.555.{}")[number % 4]
            return form.format(area, f"01{number // 80 % 10}{number % 10}")
        case "card":
            digits = f"400000{number:04d}{draw[0]:04d}{draw[1] % 10}"
            digits += luhn_digit(digits)
            mark = ("", " ", "-")[number // 10 % 3]
            return mark.join(digits[place : place + 4] for place in range(0, 16, 4))
        case "handle":
            return f"@{first}_{last}{number}"
        case "address":
            return f"{100 + number * 7} {_STREETS[number // 10 % len(_STREETS)]}"
        case "ssn":
            return f"{510 + number % 90}-{10 + number % 80}-{1000 + draw[0] % 9000}"
        case "ip":
            return f"{24 + number % 50}.{draw[0] % 250 + 1}.{draw[1] % 250 + 1}.{draw[2] % 250 + 1}"
    return f"user={first}.{last}{number}&token={draw[0]:04d}{draw[1]:04d}"
