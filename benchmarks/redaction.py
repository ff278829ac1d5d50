"""How much personal data redaction finds in texts, how often it errs, and how fast it is.

    python benchmarks/redaction.py
    python benchmarks/redaction.py --before ../an-older-checkout/src

The texts are made here from a seed: each piece of personal data is invented by a form of its kind and put into a
carrier: a sentence, a subject line, a quoted mail, JSON, HTML, a table row. Half of the forms and
carriers are marked as held out: the patterns were first written without them; what was missed there was looked at
since, so that their figures are somewhat better than those of forms never seen. A piece counts as found if no part of
it of three characters or more is left. Ordinary texts have no personal data, but numbers, names and signs that look
like it; one from which anything is taken counts as a false positive.

Names are measured apart, by what tells them: the export itself (the columns that a mapping has for redaction), a
greeting, a signature, a sentence. A name counts as found if no word of it is left; ordinary texts hold words that are
names besides, some of them of persons whom the export names.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
import pyarrow as pa

from opslib.intake.privacy.person_names import PersonNames
from opslib.intake.privacy.redaction import redact_many

Form = Callable[[random.Random], str]


@dataclass(frozen=True)
class Planted:
    """A text with a piece of personal data in it."""

    kind: str
    text: str
    piece: str
    held_out: bool


_FIRST = [
    "jane",
    "omar",
    "lucía",
    "pedro",
    "hanna",
    "ravi",
    "molly",
    "jürgen",
    "nadia",
    "chloé",
    "mateus",
    "ingrid",
    "akira",
    "saoirse",
    "tomasz",
    "zeynep",
]
_LAST = [
    "whitfield",
    "barlow",
    "castañeda",
    "oduya",
    "kessler",
    "pruitt",
    "yamada",
    "lindqvist",
    "farrow",
    "delacroix",
    "albuquerque",
    "nowak",
]
_ASCII = str.maketrans("áéíóúñüç", "aeiounuc")
_HOSTS = ("example.com", "mail.example.org", "example.co.uk", "posteo.example.de", "corp-mail.example.net", "gmail.com")


def _digits(rng: random.Random, count: int, first: str = "0123456789") -> str:
    return rng.choice(first) + "".join(rng.choice("0123456789") for _ in range(count - 1))


def _local(rng: random.Random) -> str:
    first, last = rng.choice(_FIRST).translate(_ASCII), rng.choice(_LAST).translate(_ASCII)
    return rng.choice(
        [f"{first}.{last}", f"{first}_{last}{rng.randint(1, 99)}", f"{first[0]}{last}", f"{last}-{first}+news"]
    )


def _email(rng: random.Random) -> str:
    return f"{_local(rng)}@{rng.choice(_HOSTS)}"


def _with(form: str) -> Form:
    """An address, put as `form` says of its parts: L local part, H host, D host with its dots as `form` has them."""

    def make(rng: random.Random) -> str:
        at, dot = form.split("|")
        host = rng.choice(_HOSTS[:1] + _HOSTS[5:])
        return f"{_local(rng)}{at}{host.replace('.', dot)}"

    return make


def _luhn(number: str) -> str:
    total = sum(sum(divmod(int(d) * (2 - place % 2), 10)) for place, d in enumerate(reversed(number)))
    return str(-total % 10)


def _card(separator: str) -> Form:
    def make(rng: random.Random) -> str:
        prefix, length = rng.choice([("4", 16), ("51", 16), ("2221", 16), ("34", 15), ("6011", 16), ("3530", 16)])
        body = prefix + _digits(rng, length - 1 - len(prefix))
        number = body + _luhn(body)
        cuts = [0, 4, 10, 15] if length == 15 else [0, 4, 8, 12, 16]
        return separator.join(number[a:b] for a, b in pairwise(cuts))

    return make


def _iban(separator: str) -> Form:
    def make(rng: random.Random) -> str:
        country, body = rng.choice(
            [
                ("DE", _digits(rng, 18)),
                ("GB", "NWBK" + _digits(rng, 14)),
                ("FR", _digits(rng, 23)),
                ("ES", _digits(rng, 20)),
                ("NL", "ABNA" + _digits(rng, 10)),
                ("PT", _digits(rng, 21)),
            ]
        )
        remainder = int("".join(str(int(c, 36)) for c in body + country + "00")) % 97
        number = f"{country}{98 - remainder:02d}{body}"
        return separator.join(number[place : place + 4] for place in range(0, len(number), 4))

    return make


def _numbers(*shapes: str) -> Form:
    """Numbers of one of these shapes: 9 any digit, 8 one from 2 to 9, X a capital, h a hexadecimal digit."""

    def make(rng: random.Random) -> str:
        letters = {
            "9": "0123456789",
            "8": "23456789",
            "X": "ABCDEFGHJKLMNPRSTUVWXY",
            "h": "0123456789abcdef",
            "5": "12345",
        }
        return "".join(rng.choice(letters[c]) if c in letters else c for c in rng.choice(shapes))

    return make


def _in_script(form: Form, first: int) -> Form:
    return lambda rng: form(rng).translate({48 + digit: chr(first + digit) for digit in range(10)})


def _ip(dot: str) -> Form:
    return lambda rng: dot.join(
        str(part) for part in (rng.choice([24, 73, 185, 192, 203]), *(rng.randint(1, 254) for _ in range(3)))
    )


def _says(*templates: str) -> Callable[[Form], Form]:
    """The form, with words before it that say what it is; what stands between braces is the piece."""
    return lambda form: lambda rng: rng.choice(templates).replace("{}", "\x02" + form(rng) + "\x03")


def _token(
    prefix: str, length: int, alphabet: str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
) -> Form:
    return lambda rng: prefix + "".join(rng.choice(alphabet) for _ in range(length))


def _one_of(*words: str) -> Form:
    return lambda rng: rng.choice(words)


def _street(rng: random.Random) -> str:
    name = rng.choice(["maple", "sunny brook", "old mill", "n cedar", "washington", "fox run", "la vista", "42nd"])
    suffix = rng.choice(
        [
            "street",
            "st",
            "ave",
            "road",
            "blvd",
            "lane",
            "dr",
            "ct",
            "cove",
            "hollow",
            "trace",
            "loop",
            "pike",
            "terrace",
        ]
    )
    return f"{rng.randint(11, 9899)} {name} {suffix}"


_TOWNS = [
    ("springfield", "il", "62704"),
    ("san jose", "ca", "95112"),
    ("austin", "tx", "78701"),
    ("st. paul", "mn", "55102"),
    ("reno", "nv", "89501"),
]


def _address(form: str) -> Form:
    def make(rng: random.Random) -> str:
        town, state, zip_code = rng.choice(_TOWNS)
        street = (
            rng.choice([_street(rng), f"{rng.randint(11, 9899)} {rng.choice(['rancho verde', 'bella luna', 'quail'])}"])
            if "!" in form
            else _street(rng)
        )
        text = form.replace("!", "").format(
            street=street, town=town, state=state.upper() if "upper" in form else state, zip=zip_code
        )
        return text.replace("upper", "").strip()

    return make


def _person(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST).title()} {rng.choice(_LAST).title()}"


_PHONES_US = (
    "(888) 899-9999",
    "888-899-9999",
    "888.899.9999",
    "+1 888 899 9999",
    "1-888-899-9999",
    "888 899 9999",
    "(888)899-9999 ext. 99",
)
_PHONES_ODD = ("888_899_9999", "888·899·9999", "888,899,9999", "888/899/9999", "888 - 899 - 9999", "888~899~9999")
_PHONES_NATIONAL = {
    "DE": ("030 99999999", "0171 9999999", "(0711) 999 99-99", "0 40 / 99 99 99 99", "0151/99999999"),
    "FR": ("06 12 99 99 99", "01.42.99.99.99", "04-76-99-99-99"),
    "GB": ("020 7946 0999", "07700 900999", "(0161) 496 0999", "0113 496 0999"),
    "ES": ("612 99 99 99", "699 999 999", "91 999 99 99"),
    "PT": ("912 999 999", "21 999 9999"),
    "BR": ("(11) 98999-9999", "11 98999-9999", "(21) 3899-9999"),
    "IT": ("339 999 9999", "06 9999 9999", "340-9999999"),
    "MX": ("55 8999 9999", "(33) 8999 9999", "81-8999-9999"),
    "NL": ("06-19999999", "020 899 9999", "010-899 99 99"),
    "AU": ("0412 999 999", "(02) 8999 9999", "03 8999 9999"),
    "IN": ("98999 99999", "98999-99999", "080-29999999"),
    "JP": ("090-8999-9999", "03-8999-9999", "080 8999 9999"),
}
_ASKS = {
    "DE": "Bitte rufen Sie an: {}",
    "FR": "Vous pouvez me joindre au {} svp",
    "GB": "Ring me on {} please",
    "ES": "Mi teléfono es {}, gracias",
    "PT": "O meu telemóvel é {}",
    "BR": "Me liga no {} depois das 18h",
    "IT": "Il mio cellulare è {}",
    "MX": "Márquenme al {} por favor",
    "NL": "Bel me op {} aub",
    "AU": "My mobile: {}",
    "IN": "Kindly call on {}",
    "JP": "電話は{}です",
}

_CASES: tuple[tuple[str, bool, tuple[Form, ...]], ...] = (
    (
        "email",
        False,
        (_email, lambda r: _email(r).upper(), lambda r: f"<{_email(r)}>", lambda r: f"mailto:{_email(r)}"),
    ),
    (
        "email",
        True,
        (lambda r: f'"{_email(r)}"', lambda r: f"({_email(r)})", lambda r: f"{_email(r)}/", lambda r: f"'{_email(r)}'"),
    ),
    (
        "email spelled",
        False,
        tuple(
            map(
                _with,
                (" (at) |.", " [at] | [dot] ", " at | dot ", "_at_|.", " arroba | punto ", "(at)|(dot)", " AT | DOT "),
            )
        ),
    ),
    (
        "email spelled",
        True,
        tuple(
            map(
                _with,
                (
                    "[at]|.",
                    " {at} | {dot} ",
                    " -at- |.",
                    " (arroba) |.",
                    " @ | . ",
                    " ät | punkt ",
                    "<at>|<dot>",
                    " at |.",
                ),
            )
        ),
    ),
    ("email in Unicode", False, tuple(map(_with, ("＠|．", "@|。", "@\u200b|\u200b.", "﹫|.", "\u00ad@|.")))),
    (
        "email in Unicode",
        True,
        (
            *map(_with, ("\u2060@|․", "@|｡", "\ufeff@\u200d|.")),
            lambda r: "".join(chr(0xFEE0 + ord(c)) for c in _email(r)),
        ),
    ),
    ("email encoded", False, tuple(map(_with, ("%40|.", "&#64;|.", "=40|.", "@\n|.", "&commat;|&period;", "@|=\n.")))),
    (
        "email encoded",
        True,
        (
            *map(_with, ("&#x40;|.", "\\u0040|.", "%40|%2E", "&#064;|&#46;", "=\n@|.", "<wbr>@|.")),
            lambda r: "".join(f"&#{ord(c)};" for c in _email(r)),
        ),
    ),
    (
        "phone",
        False,
        (
            _numbers(*_PHONES_US),
            _numbers("+49 30 99999999", "+44 20 7946 0999", "+33 6 99 99 99 99", "0034 699 999 999"),
        ),
    ),
    (
        "phone",
        True,
        (
            _numbers("+55 11 98999-9999", "+91-98999-99999", "+81 90 8999 9999", "+52 55 8999 9999"),
            _in_script(_numbers("888-899-9999"), 0x660),
            _in_script(_numbers("(888) 899-9999"), 0xFF10),
        ),
    ),
    ("phone, odd separators", False, (_numbers(*_PHONES_ODD[:3]),)),
    ("phone, odd separators", True, (_numbers(*_PHONES_ODD[3:]),)),
    *(
        ("phone, national", False, (_says(_ASKS[country])(_numbers(*shapes)),))
        for country, shapes in _PHONES_NATIONAL.items()
    ),
    (
        "ssn",
        False,
        (
            _numbers("555-59-9998", "555/59/9998"),
            _says("SSN {}", "my social is {}", "social security number: {}")(_numbers("555599998", "555 59 9998")),
        ),
    ),
    (
        "ssn",
        True,
        (
            _numbers("555.59.9998"),
            _says("last four of my SSN are {}", "SSN ending in {}", "last 4 of social: {}")(_numbers("9998")),
            _says("my ssn is 219-09-9999, last four {}", "they want the last 4 of my social, which is {}")(
                _numbers("8881")
            ),
            _says("ITIN {}", "{} is my social")(_numbers("955599998")),
            _says("xxx-xx-{}", "***-**-{}")(_numbers("9998")),
        ),
    ),
    ("card", False, tuple(map(_card, ("", " ", "-", ".", "_")))),
    (
        "card",
        True,
        (
            *map(_card, (" - ", "/", ",", "·", "\n", "  ", "|")),
            _in_script(_card(" "), 0x660),
            _in_script(_card(""), 0x966),
        ),
    ),
    ("iban", False, tuple(map(_iban, ("", " ", ".")))),
    ("iban", True, (*map(_iban, ("-", "\u00a0", "/")), lambda r: _iban(" ")(r).lower())),
    (
        "ip",
        False,
        (
            _ip("."),
            _says("{}:8080")(_ip(".")),
            _ip("[.]"),
            _says("ec2-{}.compute-1.example.com")(_ip("-")),
            _numbers("2001:db8:hhhh:hhhh::hhhh"),
        ),
    ),
    (
        "ip",
        True,
        (
            _ip("(.)"),
            _ip(" [dot] "),
            _says("c-{}.hsd1.ca.example.net")(_ip("-")),
            _says("http://{}/x", "{}/24")(_ip(".")),
            _numbers("fe80::hhhh:hhhh:hhhh:hhhh", "2001:0db8:hhhh:hhhh:hhhh:hhhh:hhhh:hhhh"),
            _ip("[dot]"),
        ),
    ),
    (
        "handle",
        False,
        (
            _says("IG: {}", "my Instagram is {}", "insta: @{}", "my username is {}", "Twitter handle: {}")(
                _one_of("jane_doe7", "omar.barlow", "lucy99", "xx_nadia_xx")
            ),
            _one_of("@jane_doe7", "u/throwaway_12", "https://x.com/jane_kessler"),
        ),
    ),
    (
        "handle",
        True,
        (
            _says(
                "Snapchat: {}",
                "my TikTok is {}",
                "find me on Telegram as {}",
                "my gamertag is {}",
                "discord {}",
                "Skype: {}",
                "on reddit I am u/{}",
                "{} on Instagram",
                "DM me at {} on Twitter",
                "add me on Discord: {}",
                "my twitch channel is called {}",
                "on Telegram I go by {}",
                "my Facebook name is {}",
            )(_one_of("jane_doe7", "kessler.j", "lucy99x", "nadia_farrow")),
            _one_of("t.me/janekessler", "jane#4821", "instagram.com/jane.kessler"),
        ),
    ),
    (
        "url",
        False,
        (
            lambda r: f"https://example.com/reset/{_token('', 24)(r)}",
            lambda r: f"https://example.com/a;jsessionid={_token('', 20)(r)}",
            lambda r: f"https://example.com/x?token={_token('', 12)(r)}",
            lambda r: f"https://app.example.com/#/u/{_token('', 12)(r)}",
        ),
    ),
    (
        "url",
        True,
        (
            lambda r: f"https://example.com/invite/{_numbers('XX99XX99hh')(r)}",
            lambda r: f"example.com/verify?code={_digits(r, 6)}",
            lambda r: f"https://example.com/magic-link/{_numbers('hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh')(r)}",
            lambda r: f"http://example.com/p;sid={_token('', 16)(r)}?x=1",
            lambda r: (
                f"https://hooks.example.com/services/T0{_numbers('X9X9X9X9')(r)}/B0{_numbers('X9X9X9X9')(r)}/"
                f"{_token('', 24)(r)}"
            ),
        ),
    ),
    (
        "bank",
        False,
        (
            _says("account number {}", "Account no. {}", "my bank account is {}", "acct # {}")(
                _numbers("99999999", "9999999999")
            ),
            _says("sort code {}", "Sort code: {}")(_numbers("59-99-99", "599999")),
        ),
    ),
    (
        "bank",
        True,
        (
            _says("routing number {}", "ABA {}")(_numbers("059999999")),
            _says(
                "Kontonummer {}",
                "a/c no {}",
                "numéro de compte {}",
                "número de cuenta: {}",
                "checking account {}",
                "BSB 062-000 account {}",
            )(_numbers("9999999999", "99999999")),
            _says("BLZ {}")(_numbers("59999999")),
        ),
    ),
    (
        "birth",
        False,
        (
            _says("DOB: {}", "date of birth {}", "I was born on {}", "geboren am {}", "née le {}")(
                _numbers("05/15/1975", "15.05.1985", "1985-05-15")
            ),
        ),
    ),
    (
        "birth",
        True,
        (
            _says(
                "my birthday is {}",
                "D.O.B. {}",
                "Geburtsdatum: {}",
                "fecha de nacimiento: {}",
                "data de nascimento {}",
                "Birth date - {}",
            )(_one_of("March 3, 1980", "3rd of May 1975", "12 de mayo de 1990", "7-Jun-1988", "15/5/85", "19800512")),
        ),
    ),
    (
        "document",
        False,
        (
            _says("passport number {}", "Passport: {}", "driver's license {}", "DL# {}", "Reisepass {}")(
                _numbers("X9999999", "999999999", "XX9999999")
            ),
        ),
    ),
    (
        "document",
        True,
        (
            _says(
                "my passport no is {}",
                "driving licence number {}",
                "pasaporte {}",
                "passeport n° {}",
                "Führerschein Nr. {}",
                "drivers licence: {}",
                "DNI {}",
            )(_numbers("X99999999", "XXXXX999999XX9XX", "99999999X", "X999-9999-9999")),
            _says("passport no. K7654321 and driver's license {}", "passports K7654321 and {}", "my license is {}")(
                _numbers("X9999999")
            ),
        ),
    ),
    ("mac", False, (_numbers("hh:hh:hh:hh:hh:h9", "hh-hh-hh-hh-hh-h9", "hhhh.hhhh.hhh9"),)),
    (
        "mac",
        True,
        (
            lambda r: _numbers("hh:hh:hh:hh:hh:h9")(r).upper(),
            _says("MAC address {}", "mac: {}", "BSSID {}")(_numbers("hhhhhhhhhh99", "hh hh hh hh hh 99")),
        ),
    ),
    (
        "location",
        False,
        (_numbers("55.9999, -122.9998", "55.999998,9.999998"), _says("lat: {}", "longitude {}")(_numbers("55.99998"))),
    ),
    (
        "location",
        True,
        (
            _numbers("55.9998° N, 122.9998° W", "55.99998 -122.99998", "55.999998/9.999998"),
            _numbers("55°25'15\"N 122°25'15\"W"),
            _says('"lat": {}, "x": 1', "GPS {}")(_numbers("55.9998, 9.9998")),
        ),
    ),
    (
        "secret",
        False,
        (
            _says("my password is {}", "Password: {}", "pw: {}", "Passwort: {}", "contraseña: {}")(
                _one_of("hunter22", "Tr0ub4dor&3", "summer2024!", "S3cr3t_Pass")
            ),
            _says("your verification code is {}", "OTP: {}", "code: {}", "{} is your login code")(
                _numbers("599999", "5999")
            ),
            _token("sk_live_", 24),
            _token("ghp_", 36),
            _token("AKIA", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
        ),
    ),
    (
        "secret",
        True,
        (
            _says(
                "mot de passe : {}",
                "the password was {}",
                "senha: {}",
                "pass: {}",
                "login jdoe / {}",
                "PIN is {}",
                "password={}",
            )(_one_of("azerty#77", "Blue-Horse-9", "p@ssw0rd1", "83921")),
            _token("xoxb-", 40, "0123456789abcdef-"),
            _token("AIza", 35),
            lambda r: "eyJ" + _token("", 20)(r) + ".eyJ" + _token("", 40)(r) + "." + _token("", 43)(r),
            _says("api key: {}", "Authorization: Bearer {}", "access token {}", "client_secret={}")(_token("", 32)),
            _says("Server=db;User Id=sa;Password={};", "postgres://app:{}@db/x", "AccountKey={};")(_token("", 24)),
            lambda r: (
                "-----BEGIN RSA PRIVATE KEY-----\n"
                + _token("", 64)(r)
                + "\n"
                + _token("", 64)(r)
                + "\n-----END RSA PRIVATE KEY-----"
            ),
            _says("one-time code {}", "Bestätigungscode: {}", "código de verificación: {}", "G-{} is your code")(
                _numbers("599999", "599 999")
            ),
        ),
    ),
    (
        "address",
        False,
        (
            _address("{street}, {town}, {state} {zip}"),
            _address("{street}, {town} {state} {zip}"),
            _address("upper{street}, {town}, {state} {zip}"),
            lambda r: _street(r).title(),
        ),
    ),
    (
        "address",
        True,
        (
            _address("!{street}, {town} {state} {zip}"),
            _address("{street}\n{town}, {state} {zip}"),
            lambda r: _street(r) + " apt 4b",
            _address("po box 1234, {town}, {state} {zip}"),
            lambda r: _address("!{street}, {town}, {state} {zip}")(r).title().replace("Il", "IL").replace("Ca", "CA"),
        ),
    ),
    (
        "name",
        False,
        (
            _says(
                "Hi {}, how are you?",
                "Dear {},\nplease help.",
                "Thanks for the help.\n\nBest regards,\n{}",
                "My name is {} and I cannot log in.",
                "Hola {}, necesito ayuda",
            )(_person),
        ),
    ),
    (
        "name",
        True,
        (
            _says(
                "Mit freundlichen Grüßen\n{}",
                "Cordialement,\n{}",
                "Hello Mr. {}!",
                "Thank you,\n{}\nSent from my phone",
                "Bonjour {}, voici",
                "Atenciosamente,\n{}",
                "Hallo Frau {}, danke",
                "Ich heiße {}.",
                "je m'appelle {}.",
                "Kind regards {}",
                "this is {} from accounting",
            )(_person),
        ),
    ),
)
"""Kind, whether held out, and the forms of it."""

_CARRIERS = (
    "{}",
    "Please note: {}",
    "Hello, {} Thanks!",
    "I wrote it down: {}.",
    "my details ({}) changed",
    "> {}\n> quoted before",
    "<p>{}</p>",
    '{{"text": "{}"}}',
    "Re: {}",
    "first line\n{}\nlast line",
    "it is {}, as I said",
    "a | {} | c",
)
_HELD_OUT_CARRIERS = (
    "<td>{}</td>",
    "Fwd: ticket - {}!",
    "- {}\n- other",
    "{}; and more",
    "see below\n\n{}",
    "[{}]",
    "'{}'",
    "NOTE {} DONE",
)
_OWN_LINES = ("name",)

_ORDINARY = (
    "Firefox {v} crashes",
    "I run version {v4} on it",
    "updated from {v4} to {v4}",
    "Chrome/{v4} Safari/537.36",
    "firmware {v4}",
    "order {n8} has not come",
    "order number {n10}",
    "Order #{n10} was late",
    "tracking number 1Z999AA1{n10}",
    "shipment {n12} is stuck",
    "my parcel {n10} is lost",
    "Bestellung {n10} fehlt",
    "Bestellnummer: {n8}",
    "pedido {n10} no llegó",
    "commande n° {n9} en retard",
    "invoice {n9}",
    "ticket {n8} is open",
    "case {n10}",
    "SKU {n10}",
    "it weighs {n3} g",
    "I paid $1,{n3}.99",
    "{n9} bytes",
    "{n3} {n3} {n3} views",
    "1{n3} x {n3} px",
    "padding: {n2}px {n2}px 0 {n2}px;",
    "@media (max-width: {n3}px) {{ a {{ color: #{n6} }} }}",
    "transform: translate(0.{n3}, 0.{n3})",
    "margin:0 auto;width:{n3}px",
    "The 5 Star Place is great",
    "3 Way Circle of trust",
    "a 24 Hour Place to eat",
    "on 2024-0{d}-1{d} at 1{d}:2{d}:3{d}",
    "epoch 17{n8}",
    "ISBN 978-3-16-148410-0",
    "build {n8}",
    "error 0x{n8}",
    "error code {n8}",
    "HTTP status code 404",
    "KB{n6} breaks it",
    "iPhone 1{d} Pro Max",
    "Windows 10 22H2 build 19045.{n4}",
    "section {v4}",
    "see chapter {d}.{d}.{d}.{d}",
    "commit a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
    "uuid 550e8400-e29b-41d4-a716-446655440000",
    "between {n3} and {n4} items",
    "serial C02{n6}",
    "model XR-{n3}",
    "the meeting is on 1{d}/0{d}/2024",
    "size 1{n3}x{n3}",
    "{n2}.{n2}% of users",
    "my password is not working",
    "the password is wrong",
    "I forgot my password",
    "the code is not accepted",
    "zip code 94{n3}",
    "promo code SAVE20",
    "my Instagram is broken",
    "my account is locked",
    "my TikTok is not loading",
    "Telegram is down",
    "my discord is hacked",
    "my Steam is offline",
    "YouTube is unwatchable",
    "I saw it on Facebook yesterday",
    "message me on WhatsApp tomorrow",
    "on Twitter at midnight",
    "it only handles {n2}GB",
    "iPhone1{d} on Instagram",
    "the last 4 digits of the card are {n4}",
    "license key for the software",
    "my username is not accepted",
    "Hi team, it fails",
    "Hello there, I need help",
    "Dear Support, please help",
    "Hi all, thanks",
    "Thanks,\nsent from my phone",
    "Best regards",
    "lunch @ 12",
    "@everyone look",
    "npm i @scope/pkg@1.{d}.{d}",
    "logo@2x.png",
    "https://example.com/help/articles/360{n8}",
    "https://example.com/products/blue-shoes-{n3}",
    "https://github.com/o/r/commit/a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
    "std::vector<int> a::b",
    "127.0.0.1 refused",
    "mask 255.255.255.0",
    "I was born to code",
    "my passport photo is rejected",
    "driving me mad",
    "account settings",
    "bank holiday on 1{d} May",
    "the sort order 12 is wrong",
    "100 ways to do it",
    "2 steps on the road",
    "I waited {n2} days in a row",
    "room {n3} floor {d}",
    "ratio 1.{n4}, 2.{n4}, 3",
    "RGB(1{d}, 2{d}, 3{d})",
    "x = 0.{n4}; y = 1.{n4}",
    "at 10.15 am or 11.45",
    "¥1{n3},000",
    "{n3} EUR {n2} ct",
    "page {d} of {n2}",
    "12 Angry Men",
    "7 Eleven",
    "UTC+01:00",
    "IMEI is on the box",
    "US-10 to I-90",
    "ref. {n8}",
    "customer no. {n8}",
    "Kundennummer {n8}",
    "Rechnung Nr. {n9}",
    "Sendungsnummer {n12}",
    "factura {n9}",
    "RMA {n8}",
    "PO {n8}",
    "Apple Watch Series {d}",
    "12-34 items",
    "call me maybe",
    "call 911",
    "text me",
    "the phone number field is empty",
    "5G at {n3} MHz",
    "{n4} rpm",
)


def _fill(text: str, rng: random.Random) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name == "v":
            return f"{rng.randint(60, 140)}.{rng.randint(0, 20)}.{rng.randint(0, 9)}"
        if name == "v4":
            return f"{rng.randint(1, 20)}.{rng.randint(0, 20)}.{rng.randint(0, 99)}.{rng.randint(0, 250)}"
        return str(rng.randint(1, 9)) if name == "d" else _digits(rng, int(name[1:]), "123456789")

    return re.sub(r"(?<!\{)\{(v4|v|d|n[0-9]+)\}", value, text).replace("{{", "{").replace("}}", "}")


def texts(seed: int, each: int) -> Iterator[Planted]:
    """Texts with one piece of personal data each.

    Args:
        seed: of all that is random.
        each: texts of every form.
    """
    rng = random.Random(seed)
    for kind, held_out, forms in _CASES:
        for form in forms:
            for _ in range(each):
                carrier = "{}" if kind in _OWN_LINES else rng.choice(_HELD_OUT_CARRIERS if held_out else _CARRIERS)
                made = form(rng)
                piece = made.split("\x02")[1].split("\x03")[0] if "\x02" in made else made
                text = carrier.replace("{}", made.replace("\x02", "").replace("\x03", ""))
                yield Planted(kind, text.replace("{{", "{").replace("}}", "}"), piece, held_out)


def ordinary_texts(seed: int, each: int) -> list[str]:
    """Texts without personal data."""
    rng = random.Random(seed)
    carriers = ("{}", "Hello, {}. Thanks", "Help: {}", "{}!", "<p>{}</p>", "It says {} and stops")
    return [rng.choice(carriers).replace("{}", _fill(text, rng)) for text in _ORDINARY for _ in range(each)]


_NOT_OF_THE_PIECE = frozenset(
    {"http", "https", "com", "example", "www", "ext", "dot", "punto", "punkt", "mailto", "the"}
)


def is_found(planted: Planted, redacted: str) -> bool:
    """Whether nothing of a piece is left."""
    if planted.kind == "url":
        left = [
            part
            for part in re.findall(r"[A-Za-z0-9]{8,}|(?<=code=)[0-9]+", planted.piece)
            if part not in ("services", "jsessionid")
        ]
        return bool(left) and not any(part in redacted for part in left)
    pieces = re.findall(r"\w{3,}", planted.piece) or re.findall(r"\w+", planted.piece)
    if planted.kind == "handle" or (planted.kind == "ip" and any(map(str.isalpha, planted.piece))):
        pieces = [piece for piece in pieces if any(map(str.isdigit, piece))] or pieces[-1:]
    left = [piece for piece in pieces if piece.lower() not in _NOT_OF_THE_PIECE]
    return planted.piece not in redacted and not any(
        re.search(rf"(?<!\w){re.escape(piece)}(?!\w)", redacted) for piece in left
    )


_BEFORE = """
import json, sys
from time import process_time
import pandas as pd
from opslib.intake.privacy.redaction import redact_many
texts = pd.Series(json.load(sys.stdin), dtype="str")
started = process_time()
redacted, _ = redact_many(texts)
json.dump([redacted.tolist(), process_time() - started], sys.stdout)
"""


def _redacted(values: list[str], source: str | None) -> tuple[list[str], float]:
    """The texts as redaction gives them, and the seconds of the processor that it took."""
    environment = None if source is None else {"PYTHONPATH": source, "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", _BEFORE],
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    redacted, seconds = json.loads(done.stdout)
    return redacted, seconds


def recall(planted: list[Planted], redacted: list[str]) -> pd.DataFrame:
    """By kind: texts, the share found, and the share found of those held out."""
    rows = pd.DataFrame(
        {
            "kind": [one.kind for one in planted],
            "found": [is_found(one, text) for one, text in zip(planted, redacted, strict=True)],
            "held_out": [one.held_out for one in planted],
        }
    )
    by_kind = rows.groupby("kind", sort=False)
    return pd.DataFrame(
        {
            "texts": by_kind.size(),
            "found": by_kind["found"].mean(),
            "held out": rows[rows["held_out"]].groupby("kind")["found"].mean(),
        }
    ).reindex(list(dict.fromkeys(rows["kind"])))


_PERSONS = (
    "Jane Whitfield",
    "Omar Barlow",
    "Lucía Castañeda",
    "Hanna Kessler",
    "Molly O'Rourke",
    "Jürgen van der Berg",
    "Chloé Delacroix-Martin",
    "Mateus Albuquerque",
    "Ingrid Lindqvist",
    "Saoirse Pruitt",
    "Zeynep Yıldız",
    "Tomasz Nowak",
    "Priya Raghavan",
    "Kwame Oduya",
    "Anh Nguyen",
    "José Núñez",
    "Mary-Ann McAllister",
    "Dmitri Sokolov",
)
_BY_THE_EXPORT = (
    "the bill is for {name}, not for me",
    "{name} called yesterday about it",
    "{first} and I share the account",
    "account of {last}, {first}",
    "please ask {upper}",
    "it says {lower} at the top",
    "{first}'s card was charged twice",
    "{last} is the name on the order",
)
_BY_THE_AGENTS = (
    "{first} was very kind to me",
    "yesterday {name} promised a refund",
    "your colleague {upper} hung up",
    "ticket of {name}: no answer",
    "and {first} said it is fixed",
    "(see the note by {name})",
)
_BY_A_GREETING = (
    "Hi {first}, it fails again",
    "Dear {name},\nplease help",
    "Hello Mr {last}, I wait",
    "Hey {first}!\nAny news?",
    "Good morning {first},\n\nmy order is late",
    "Dear Ms. {last},\nthank you",
    "Hallo {first},\nes geht nicht",
    "Sehr geehrte Frau {last},\nleider nicht",
    "Hola {first}, no funciona",
    "Bonjour {name},\nvoici la facture",
    "Olá {first}, preciso de ajuda",
    "Ciao {first}, non funziona",
    "<p>Hi {first},</p><p>thanks</p>",
    "hi {lower},\nit fails",
)
_BY_A_SIGNATURE = (
    "It fails.\n\nBest regards,\n{name}",
    "It fails.\nThanks,\n{first}",
    "It fails.\nKind regards\n{name}\nHead of Sales",
    "It fails. Thank you, {name}",
    "It fails.\nCheers\n{first}",
    "Es geht nicht.\n\nMit freundlichen Grüßen\n{name}",
    "Viele Grüße\n{first}",
    "No funciona.\nSaludos,\n{name}",
    "Merci d'avance,\n{name}",
    "Obrigado,\n{first}",
    "<p>It fails.</p><p>Sincerely,<br>{name}</p>",
    "It fails.\n\n-- \n{name}",
    "It fails.\n- {first}",
    "Yours sincerely,\n\n{name}\n+1 000",
)
_BY_A_SENTENCE = (
    "My name is {name} and it fails",
    "my name is {lower}.",
    "This is {name} from the shop.",
    "Ich heiße {name}.",
    "Je m'appelle {name}, bonjour",
    "me llamo {name}.",
    "I spoke to {first} yesterday",
    "Name: {name}\nOrder: late",
)
_WORDS_THAT_ARE_NAMES = (
    "I will pay in May or June",
    "mark it as read, please",
    "the grace period ended",
    "may I grant access to the page",
    "a rose bush stands by the lake",
    "bill me at the end of the month",
    "Hope this helps",
    "Will it be fixed?",
    "May is too late",
    "the page is white, not black",
    "Hi team, it fails",
    "Hello again, it fails",
    "Dear Sir or Madam,\nit fails",
    "Dear customer service, it fails",
    "Hello Support Team,\nit fails",
    "Hi all,\nit fails",
    "Good morning, Printing fails here",
    "Hello, Firefox crashes",
    "Hallo zusammen,\nes geht nicht",
    "Bonjour à tous,\nvoici",
    "It fails.\nThanks,\nSent from my phone",
    "It fails.\nThank you\nPlease reply soon",
    "Best regards",
    "Thanks in advance",
    "Thanks for the update\nIt works now",
    "Kind regards,\nCustomer Service",
    "Cheers for that",
    "This is Windows 11 Pro from the shop.",
    "This is a test",
    "my name is not shown",
    "my name is misspelled.",
    "I spoke to support yesterday",
    "Name: required",
    "First name: empty",
    "It fails\n- restart\n- log in",
    "the best is yet to come",
)


@dataclass(frozen=True)
class Named:
    """A text with the names that the export has of its requester; `name` is what is planted in it, if anything."""

    told_by: str
    text: str
    name: str | None
    requester: str | None = None


_BY_TEXT = ("greeting", "signature", "sentence")


def named_texts(seed: int) -> list[Named]:
    """Texts with a name in each, and texts without: each form with each person.

    Args:
        seed: of whose names are planted where nobody's is.
    """
    rng = random.Random(seed)
    texts = []
    for told_by, forms in (
        ("export: requester", _BY_THE_EXPORT),
        ("export: agent", _BY_THE_AGENTS),
        ("greeting", _BY_A_GREETING),
        ("signature", _BY_A_SIGNATURE),
        ("sentence", _BY_A_SENTENCE),
    ):
        for number, person in enumerate(_PERSONS):
            # Persons of the export are either agents or requesters; nothing tells the others but the text.
            if told_by.startswith("export") and (number % 2 == 0) != (told_by == "export: agent"):
                continue
            first, _, last = person.partition(" ")
            for form in forms:
                text = form.format(name=person, first=first, last=last, upper=person.upper(), lower=person.lower())
                texts.append(Named(told_by, text, person, person if told_by == "export: requester" else None))
    whose = ("Will Young", "Mark Page", "Grace May", "Bill White", *_PERSONS)
    texts += [Named("nothing", text, None, rng.choice(whose)) for text in _WORDS_THAT_ARE_NAMES for _ in range(4)]
    return texts


def names_left(named: list[Named]) -> list[tuple[Named, str]]:
    """The texts of which a part of a name is left, and those without a name that were changed, as they became."""
    agents = frozenset({*_PERSONS[::2], "Will Page", "Hope Summers"})
    wrong = []
    for of_export in (True, False):
        texts = [one for one in named if (one.told_by in _BY_TEXT) != of_export]
        of_rows = pa.array([one.requester for one in texts], pa.large_string())
        persons = PersonNames(agents, of_rows) if of_export else None
        redacted, _ = redact_many(pd.Series([one.text for one in texts], dtype="str"), persons=persons)
        for one, now in zip(texts, redacted, strict=True):
            words = re.findall(r"\w{3,}", one.name or "")
            if now != one.text if one.name is None else any(re.search(rf"(?i)\b{word}\b", now) for word in words):
                wrong.append((one, now))
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument("--each", type=int, default=40, help="texts of each form")
    parser.add_argument("--before", help="the `src` folder of another checkout, to set beside")
    parser.add_argument("--missed", action="store_true", help="print what was missed, but for what is held out")
    given = parser.parse_args()
    planted = list(texts(given.seed, given.each))
    ordinary = ordinary_texts(given.seed, max(1, given.each // 4))
    values = [one.text for one in planted] + ordinary
    tables = {}
    for name, source in (("before", given.before), ("now", None)):
        if name == "before" and source is None:
            continue
        redacted, seconds = _redacted(values, source)
        table = recall(planted, redacted[: len(planted)])
        wrong = [text for text, now in zip(ordinary, redacted[len(planted) :], strict=True) if text != now]
        print(
            f"{name}: {len(wrong):,} of {len(ordinary):,} ordinary texts changed ({len(wrong) / len(ordinary):.1%}); "
            f"{len(values) / seconds:,.0f} texts a second"
        )
        tables[name] = table
        if given.missed and name == "now":
            for one, text in zip(planted, redacted, strict=False):
                if not one.held_out and not is_found(one, text):
                    print(f"  {one.kind}: {one.text!r} → {text!r}")
            for text, now in zip(ordinary, redacted[len(planted) :], strict=True):
                if text != now:
                    print(f"  ordinary: {text!r} → {now!r}")
    columns = {f"{column}, {name}": table[column] for name, table in tables.items() for column in ("found", "held out")}
    shown = pd.DataFrame({"texts": tables["now"]["texts"], **columns})
    print(shown.to_string(formatters=dict.fromkeys(columns, "{:.1%}".format)))
    named = named_texts(given.seed)
    left = names_left(named)
    print("names, by what tells them")
    for told_by, count in Counter(person.told_by for person in named).items():
        errors = sum(person.told_by == told_by for person, _ in left)
        what = "of ordinary texts changed" if told_by == "nothing" else "found"
        print(f"  {told_by:18s} {count:4d}  {(errors if told_by == 'nothing' else count - errors) / count:.1%} {what}")
    if given.missed:
        for person, now in left:
            print(f"  {person.told_by}: {person.text!r} → {now!r}")


if __name__ == "__main__":
    main()
