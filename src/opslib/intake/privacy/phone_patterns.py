"""Telephone numbers in a text: by the forms that are usual in each country, by the words before them, and by plan."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import phonenumbers

from opslib.intake.privacy.spans import Span, mask, matches_in, merge, windows

# Telephone numbers as they are written in North America, whether the number is in use or not: 555-01xx is not.
_EXTENSION: Final = r"(?:[ ,;]{0,2}(?:\(?ext(?:ension)?|x|durchwahl|poste|ramal|#)[ :.]{0,2}[0-9]{1,6}\)?)?"
_DIGITS: Final = re.compile("[0-9]+")
_SEP: Final = r"[ ]?[.\-_·•/,|:~*–][ ]?\n?|[ ]{1,2}|\n"
_NANP: Final = re.compile(
    r"(?<![\w.,$€£#/+-])(?:\+?1(?:" + _SEP + r")?)?"
    r"(?:[(\[{][0-9]{3}[)\]}](?:" + _SEP + r")?[0-9]{3}(?:" + _SEP + r")?"
    r"|(?:[0-9]{3}(?:[ ]?[.\-_·•/,|:~*][ ]?\n?)|[2-9][0-9]{2}[ ]{1,2})[0-9]{3}(?:"
    + _SEP
    + r"))[0-9]{4}(?![0-9]|-[0-9]|/[0-9]{1,2}(?![0-9]))"
    + _EXTENSION,
    re.IGNORECASE,
)
_UNDERSCORES: Final = re.compile(r"(?<![0-9A-Za-z])_?([2-9][0-9]{2}_[0-9]{3}_[0-9]{4})(?![0-9A-Za-z])")
_SEVEN_DIGITS: Final = re.compile(r"[2-9](?<![\w.,#$-][2-9])[0-9]{2}[-. _·]?[0-9]{4}(?![0-9-])")
_CALL: Final = (
    r"(?:call(?:ed|ing|s)?|phone[ds]?|tel(?:e(?:phone|fon\w*|fone|móvel|fono))?|teléfono|téléphone|telephone|"
    r"cell(?:phone|ulare?)?|celular|móvil|movil|mobile?|mobiel\w*|portable|text(?:ed|ing)?|"
    r"sms|fax|telefax|reach(?:ed)?|ring|dial(?:ed)?|whats\s?app|viber|telegram|signal|handy(?:nummer)?|rufnummer|"
    r"anruf\w*|ruf(?:en)?|erreich\w*|durchwahl|festnetz|mobil|nummer|number|numero|número|numéro|"
    r"num|nr|ll[aá]m\w*|m[aá]rc\w*|contact(?:o|ar|arme|e|ez)?|contáct\w*|localiz\w*|appel\w*|joign\w*|joindre|"
    r"rappel\w*|ligu\w*|ligar|liga|contato|telef\w*|chiam\w*|cellulare|richiam\w*|bel|bellen|gebeld|telefoonnummer|"
    r"zadzwoń|dzwoni\w*|komórk\w*|ring(?:a)?|telefonnummer|hotline|callback|call-back|voicemail|landline|line|mob|ph|"
    r"電話|携帯|番号|电话|手机|전화|тел(?:ефон)?|звон\w*|моб\w*)"
)
_CALL_BEFORE: Final = re.compile(rf"(?<![A-Za-z])[☎📞📱✆(]?{_CALL}(?![A-Za-z])[^0-9\n\x00]{{0,28}}\Z", re.IGNORECASE)
_CALL_AFTER: Final = re.compile(
    r"\s?[-–,(]?\s?\(?(?:cell|mobile|home|work|office|landline|handy|mobil|m[óo]vil|portable|celular|telem[óo]vel|"
    r"whatsapp|fax|is my (?:\w+ )?(?:number|phone|cell|mobile)|is the best number|anrufen|erreichbar|bellen|appeler|"
    r"llamar|ligar)\b",
    re.IGNORECASE,
)
_PAUSE: Final = r"(?:[ ]{1,2}|[ ]?[.\-/_·•,–|~*][ ]?|[ .-]?\(|\)[ .-]?)?"
_INTERNATIONAL: Final = re.compile(
    rf"(?<![\w+.])(?:\+|\(\+|00(?=[ ]?[1-9])|\(00|011[ -]?(?=[2-9]))[ ]?\(?[1-9](?:{_PAUSE}[0-9]){{7,14}}(?![0-9])"
    + _EXTENSION,
    re.IGNORECASE,
)
_PLUS_GLUED: Final = re.compile(rf"\+(?<=[A-Za-z_:=]\+)[1-9](?:{_PAUSE}[0-9]){{8,14}}(?![0-9])")
# The bound keeps one call of the library short; what is longer is looked at in pieces.
_NATIONAL: Final = re.compile(rf"[0-9](?<![0-9][0-9])(?:{_PAUSE}[0-9]){{6,39}}+", re.IGNORECASE)
_GLUED_BEFORE: Final = re.compile(r"[A-Za-z_#$€£¥.=/\\-]\Z")
_GLUED_AFTER: Final = re.compile(r"[A-Za-z%_]|[-/.:][0-9]|,[0-9]{3}(?![0-9])")
DATE: Final = re.compile(
    r"(?:(?:19|20)[0-9]{2}[-/. _][01]?[0-9][-/. _][0-3]?[0-9]|[0-3]?[0-9][-/.][0-3]?[0-9][-/.](?:19|20)?[0-9]{2}"
    r"|(?:19|20)[0-9]{6}|[0-2]?[0-9]:[0-5][0-9]:[0-5][0-9])(?![0-9])"
)
_THING: Final = (
    r"(?:orders?|tickets?|cases?|invoices?|refs?|references?|tracking|bugs?|issues?|serials?|sku|isbn|issn|asin|upc|"
    r"ean|gtin|transactions?|confirmation|requests?|sessions?|builds?|batch|accounts?|devices?|"
    r"videos?|posts?|ids?|shipments?|shipping|parcels?|packages?|consignments?|waybill|awb|rma|po|receipts?|claims?|"
    r"policy|customers?|members?|membership|articles?|parts?|models?|products?|items?|incidents?|"
    r"quotes?|bookings?|reservations?|vouchers?|coupons?|licen[cs]e|patent|register(?:ed)?|registration|company|vat|"
    r"charity|vin|imei|imsi|iccid|meid|lot|job|commit|revision|kb|error|code|port|pid|process|thread|timestamp|epoch|"
    r"unix|size|bytes|"
    r"delivery|dispatch|courier|usps|ups|fedex|dhl|hermes|dpd|gls|bestell\w*|auftrag\w*|sendung\w*|rechnung\w*|"
    r"kunden\w*|vorgang\w*|paket\w*|artikel\w*|liefer\w*|lieferschein\w*|serien\w*|seriennummer|"
    r"commande|colis|facture|suivi|dossier|réf(?:érence)?|pedidos?|envíos?|facturas?|seguimiento|referencia|paquete|"
    r"encomendas?|faturas?|rastreio|rastreamento|referência|ordine|spedizione|fattura|pratica|"
    r"bestelling|zending|factuur|zamówieni\w*|przesyłk\w*|faktur\w*|ordernr|注文|訂單|订单|заказ\w*)"
)
_NUMBER_OF_A_THING: Final = re.compile(
    rf"(?<![A-Za-z]){_THING}(?![A-Za-z])(?:[\s_-]?(?:ids?|no\.?|n[º°]\.?|nr\.?|numbers?|num|numero|número|numéro|"
    rf"nummer|code|key|label|slip|note|ref(?:erence)?|confirmation|tracking|de|da|do|di|del))*"
    r"(?:\s(?:is|was|are|ist|war|lautet|es|est|é|for|with|von|über|about|called))?[\s:#=(\[\"'.-]{0,4}(?:[A-Z]{1,4}[-"
    r"#]?)?\Z",
    re.IGNORECASE,
)
_UNIT_AFTER: Final = re.compile(
    r"\s?(?:%|°|[kmgtp]i?b(?:ytes?|its?|ps)?\b|bytes?\b|bits?\b|px\b|pt\b|em\b|rem\b|mm\b|cm\b|km\b|ms\b|"
    r"sec(?:onds?)?\b|minutes?\b|hours?\b|days?\b|usd\b|eur\b|gbp\b|dollars?\b|euros?\b|pounds?\b|€|£|\$|¥|"
    r"views?\b|users?\b|rows?\b|records?\b|files?\b|items?\b|times\b|points?\b|kr\b|zł|hz\b|[km]hz\b|watts?\b|kwh\b|"
    r"lines?\b|messages?\b|emails?\b|customers?\b|people\b|subscribers?\b|followers?\b|downloads?\b|dpi\b|rpm\b)",
    re.IGNORECASE,
)
_AMOUNT_BEFORE: Final = re.compile(
    r"(?:[$€£¥₹]|\b(?:usd|eur|gbp|inr|rs\.?|chf|cad|aud|brl|r\$|total|amount|price|sum|betrag|summe|importe|montant|"
    r"valor|between|over|about|around|approximately|nearly))\s?:?\s?\Z",
    re.IGNORECASE,
)
# Forms in which national numbers are written where no word says that they are: digits as 9, others as they are.
_GROUPED: Final = re.compile(
    # with a trunk 0: most of Europe, Asia, Australia
    r"\(?0[0-9]{1,4}\)?(?:[ ]?[-/. _·][ ]?|[ ])?[0-9]{2,8}(?:[-/. _·][0-9]{2,5}){0,4}"
    # Spain, Portugal
    r"|[679][0-9]{2}([ .\-_·])[0-9]{3}\1[0-9]{3}|[6789][0-9]{2}([ .\-_·])[0-9]{2}\2[0-9]{2}\2[0-9]{2}"
    r"|\(?[1-9][0-9]\)?[ -]?9?[ ]?[0-9]{4}[-. ][0-9]{4}"  # Brazil
    # Mexico
    r"|\(?(?:33|55|56|81)\)?[ .-][0-9]{4}[ .-][0-9]{4}|\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{2}[ .-]?[0-9]{2}"
    r"|\([1-9][0-9]\)[ ]?9?[0-9]{8}"
    r"|[6-9][0-9]{4}[ -][0-9]{5}|1[3-9][0-9][ -][0-9]{4}[ -][0-9]{4}|3[0-9]{2}[ ./-][0-9]{3}[ .]?[0-9]{3,4}|"
    r"3[0-9]{2}[ ./-][0-9]{6,7}"  # India, China, Italy
    r"|8[ (-]{1,2}[0-9]{3}[) -]{1,2}[0-9]{3}[ -][0-9]{2}[ -][0-9]{2}"  # Russia
)
_PAIRS: Final = re.compile(r"0[1-9](?:([ ._·-])[0-9]{2})(?:\1[0-9]{2}){3}")
_MOST_OF_A_NATIONAL: Final = 13
PHONE_SIGN: Final = r"(?:[0-9][^0-9A-Za-z]{0,3}){6}[0-9]"
_LARGEST_INTEGERS: Final = frozenset({"2147483647", "2147483648", "4294967295", "4294967296"})


def phones(text: str, regions: str) -> list[Span]:
    """Telephone numbers; `regions` are the countries whose national numbers are meant, separated by spaces."""
    spans: list[Span] = []
    near = windows(text, _DIGITS, 6, 60)
    for match in matches_in(text, near, _NANP):
        # No area begins with 0 or 1, but people write 123-456-7890.
        if match.group().startswith("000") or (
            match.group().lstrip("([{")[0] in "01" and _is_of_a_thing(text, match.start())
        ):
            continue
        if DATE.match(text, match.start(), match.end()):
            continue
        spans.append((match.start(), match.end(), "phone"))
    spans.extend((*match.span(1), "phone") for match in matches_in(text, near, _UNDERSCORES))
    if "+" in text or "00" in text or "011" in text:
        spans.extend(
            (match.start(), match.end(), "phone")
            for match in matches_in(text, near, _INTERNATIONAL)
            if _is_international(match.group())
            and not (match.group()[0] in "0(" and _is_of_a_thing(text, match.start()))
        )
        spans.extend((*match.span(), "phone") for match in _PLUS_GLUED.finditer(text))
    if spans:
        spans = merge(spans)
        text = mask(text, spans)
    for match in _NATIONAL.finditer(text):
        spans.extend(_national(text, match.start(), match.end(), regions))
    for match in _SEVEN_DIGITS.finditer(text):
        start = match.start()
        if _calls(text, start) and not _is_of_a_thing(text, start) and not _UNIT_AFTER.match(text, match.end()):
            spans.append((start, match.end(), "phone"))
    return spans


def _calls(text: str, start: int) -> bool:
    return _CALL_BEFORE.search(text, max(0, start - 44), start) is not None


def _is_of_a_thing(text: str, start: int) -> bool:
    return _NUMBER_OF_A_THING.search(text, max(0, start - 60), start) is not None


_PIECES: Final = re.compile(r"[^,;|/\n]+")
_TRIMMED: Final = re.compile(r"\S(?:.*\S)?")
_WORDS: Final = re.compile(r"\S+")
_EXTENSION_AFTER: Final = re.compile(_EXTENSION, re.IGNORECASE)


def _national(text: str, start: int, end: int, regions: str) -> list[Span]:
    """The number in a run of digits and separators, or the numbers, where a comma or a bar parts them."""
    if text[max(0, start - 1) : start] == "(":
        start -= 1
    run = text[start:end]
    digits = [character for character in run if character.isdecimal()]
    if len(digits) > _MOST_OF_A_NATIONAL:
        spans = []
        for piece in _PIECES.finditer(run):
            whole = sum(map(str.isdecimal, piece.group())) <= _MOST_OF_A_NATIONAL
            for own in (_TRIMMED if whole else _WORDS).finditer(run, *piece.span()):
                place, stop = start + own.start(), start + own.end()
                if 7 <= sum(map(str.isdecimal, own.group())) <= _MOST_OF_A_NATIONAL and _is_national(
                    text, place, stop, regions
                ):
                    spans.append((place, stop, "phone"))
        return spans
    if not _is_national(text, start, end, regions):
        return []
    extension = _EXTENSION_AFTER.match(text, end)
    return [(start, extension.end() if extension else end, "phone")]


def _is_national(text: str, start: int, end: int, regions: str) -> bool:
    run = text[start:end]
    if (DATE.match(text, start, end) and not _PAIRS.fullmatch(run)) or _GLUED_AFTER.match(text, end):
        return False
    number = "".join(filter(str.isdecimal, run))
    if run.count("(") != run.count(")"):
        return False
    if number.startswith("000") or (len(set(number)) <= 2 and len(number) > 7):
        return False
    return _is_plausible(text, start, end, run, number, regions) and not _is_of_a_thing(text, start)


def _is_plausible(text: str, start: int, end: int, run: str, number: str, regions: str) -> bool:
    """Whether words, form or a country's plan tell a telephone number."""
    calls = _calls(text, start)
    glued = start and _GLUED_BEFORE.match(text, start - 1, start)
    if glued and not (calls and text[start - 1] in ".=_#-/"):
        return False
    if _UNIT_AFTER.match(text, end) or number in _LARGEST_INTEGERS:
        return False
    if calls or _CALL_AFTER.match(text, end):
        # One of many digits in one piece, with a far word, is as often an id.
        return 7 <= len(number) <= _MOST_OF_A_NATIONAL and not _AMOUNT_BEFORE.search(text, max(0, start - 16), start)
    if _AMOUNT_BEFORE.search(text, max(0, start - 16), start):
        return False
    if _is_dotted(run) and not _PAIRS.fullmatch(run):
        return False
    in_groups = _GROUPED.fullmatch(run) and not run.isdecimal() and not number.endswith("000")
    if 9 <= len(number) <= 12 and (in_groups or _PAIRS.fullmatch(run)):
        return True
    return any(_is_valid(number, region) for region in regions.split()) and _is_shaped(run)


def _is_dotted(run: str) -> bool:
    """Whether it is a version: numbers of very different length with dots between them."""
    parts = run.split(".")
    return len(parts) > 2 and min(map(len, parts)) < 2


def _is_shaped(run: str) -> bool:
    """Whether the groups of a number are long enough for a telephone number: not `1 2 3 4 5 6 7`."""
    groups = re.findall("[0-9]+", run)
    return len(groups) <= 5 and (len(groups) == 1 or sum(len(group) == 1 for group in groups) <= 1)


@lru_cache(maxsize=4096)
def _is_valid(number: str, region: str) -> bool:
    """Whether a country's plan has the number."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    # A code of the country without a plus sign is no national number.
    return phonenumbers.is_valid_number_for_region(parsed, region)


def _is_international(number: str) -> bool:
    digits = "".join(filter(str.isdecimal, number))
    if number.lstrip("(").startswith("00"):
        return _is_of_some_country(digits[2:])
    if number.startswith("011"):
        return _is_of_some_country(digits[3:])
    has_groups = any(character in number for character in " -.()/_·")
    return has_groups or len(digits) >= 10 or _is_of_some_country(digits)


@lru_cache(maxsize=4096)
def _is_of_some_country(digits: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse("+" + digits))
    except phonenumbers.NumberParseException:
        return False
