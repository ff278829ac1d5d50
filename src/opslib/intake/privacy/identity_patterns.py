"""What the state knows a person by, in a text: social security numbers, dates of birth, passports and licences."""

from __future__ import annotations

import re
from typing import Final

from opslib.intake.privacy.spans import Span, matches_in, windows

# A number of the Social Security Administration has no part of zeros only and no area 666; from 900 on they are
# taxpayer numbers.
_GAP: Final = r"\s?[-/_·•|:,]\s?"
_SSN: Final = re.compile(rf"([0-9]{{3}})(?:\s?-\s?|([ .]|{_GAP}))([0-9]{{2}})(?(2)\2|\s?-\s?)([0-9]{{4}})")
_NUMBER_BEFORE: Final = re.compile(r"(?:[\w.,$-]|[0-9][\s/])\Z")
_NUMBER_AFTER: Final = re.compile(r"[\w-]|[ .,][0-9]")
_SSN_WORD: Final = (
    r"(?:ssn|s\.s\.n\.?|ss\s?(?:\#|no\b\.?|number|num)|soc(?:ial)?\s?sec(?:urity)?(?:\s(?:number|no\b\.?|num|card|"
    r"\#))*|social(?:\s(?:insurance))?(?:\s(?:number|no\b\.?|num|\#))*|"
    r"itin|individual\staxpayer|tax(?:payer)?\s?(?:id(?:entification)?|payer\sid)(?:\s(?:number|no\b\.?|num|\#))?|"
    r"tin|seguro\ssocial|sozialversicherungsnummer|seguridad\ssocial|"
    r"sécurité\ssociale|\bsin|número\sde\ssocial)"
)
_SSN_NAMED: Final = re.compile(
    rf"\b{_SSN_WORD}(?![A-Za-z])(?:\s?(?:number|no\b\.?|num|is|was|are|es|ist|:|=|\#|\(|\)|-|\"|'|my|the|as|on\sfile|"
    rf"[,])){{0,8}}\s?([0-9](?:[^0-9A-Za-z\x00\n]{{0,3}}[0-9]){{8}})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_SSN_AFTER: Final = re.compile(
    rf"(?<![\w.$-])([0-9](?:[ ./_·-]?[0-9]){{8}})\s?(?:is|was|,|\(|as)\s?(?:my|the|his|her|"
    rf"our)?\s?{_SSN_WORD}(?![A-Za-z])",
    re.IGNORECASE,
)
_LAST_FOUR: Final = r"(?:last|final)\s?-?(?:four|4|4th)(?:\s(?:digits?|numbers?|nums?))?"
_FOUR: Final = re.compile(
    rf"\b(?:{_LAST_FOUR}\s?(?:of|for|in|on|from)?\s?(?:my|the|his|her|their)?\s?{_SSN_WORD}(?![A-Za-z])"
    rf"|{_SSN_WORD}(?![A-Za-z])(?:[^0-9\n.]{{0,12}}?{_LAST_FOUR}|"
    rf"\s?[,(-]?\s?(?:that|which|is)?\s?end(?:s|ing)(?:\s(?:in|with|on))?))"
    r"(?:\s?(?:digits|is|are|was|:|=|\(|\)|-|in|with|\"|'|\#|of|,)){0,8}\s?([0-9]{4})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_FOUR_AFTER: Final = re.compile(
    rf"(?<![\w.$-])([0-9]{{4}})\s?(?:is|are|,|\(|-)?\s?(?:the|my|as)?\s?{_LAST_FOUR}\s?(?:of|for)?\s?(?:my|the|his|"
    rf"her)?\s?{_SSN_WORD}",
    re.IGNORECASE,
)
_FOUR_OF: Final = re.compile(
    rf"\b{_LAST_FOUR}\s?(?:of|for|in|on|from)?\s?(?:my|the|his|her|their)?\s?{_SSN_WORD}(?![A-Za-z])[^0-9\n]{{0,30}}?"
    rf"(?<![\w.,$-])([0-9]{{4}})(?![\w-]|[.,][0-9])"
    rf"|\b{_LAST_FOUR}\s?(?:is|are|:|=|-)?\s?([0-9]{{4}})\s?(?:of|for|\(|,|-)?\s?(?:my|the|his|her)?\s?{_SSN_WORD}(?![A-Za-z])"
    rf"|\b{_SSN_WORD}(?![A-Za-z])\s?[:#=-]?\s?(?:\.{{2,}}|…|[*•x]{{1,9}}\s?-?\s?)([0-9]{{4}})(?![\w-])",
    re.IGNORECASE,
)
# What comes behind a number that was found.
_FOUR_LATER: Final = re.compile(
    rf"[^\n]{{0,40}}?\b(?:{_LAST_FOUR}|ending(?:\s(?:in|with))?)(?:\s?(?:digits|is|are|was|:|=|\(|\)|-|in|with|\"|'|of|it|,)){{0,6}}"
    r"\s?([0-9]{4})(?![\w-]|[.,][0-9])",
    re.IGNORECASE,
)
_OF_ANOTHER: Final = re.compile(
    r"card|account|phone|visa|amex|debit|credit|iban|order|konto|tarjeta|carte", re.IGNORECASE
)
_HIDDEN: Final = re.compile(r"(?<![\w])[xX*•#]{3}\s?[-. /_]?\s?[xX*•#]{2}\s?[-. /_]?\s?([0-9]{4})(?![0-9A-Za-z])")
SSN_SIGN: Final = (
    r"(?i)[0-9]{3}[^0-9a-z]{1,3}[0-9]{2}[^0-9a-z]{1,3}[0-9]{4}|\b(?:ssn|s\.s\.n|ss|soc|social|itin|tax|tin|sin|"
    r"seguro|seguridad)\b|taxpayer|sozialvers|sécurité|[x*•#]{3}[-. /_\s]{0,3}[x*•#]{2}"
)


_SSN_HEADS: Final = re.compile(r"\b(?:ss|s\.s|soc|itin|indiv|tax|tin|segur|sécur|sin|sozial|número|last|final)")


def ssns(text: str) -> list[Span]:
    """US social security and taxpayer numbers, and their last four digits where the text says so."""
    spans: list[Span] = []
    for match in _SSN.finditer(text):
        area, separator, group, serial = match.groups()
        start, end = match.span()
        if area in ("000", "666") or group == "00" or serial == "0000":
            continue
        # With hyphens the form says enough; with others it may be part of a row of numbers.
        if separator and (_NUMBER_BEFORE.search(text, max(0, start - 2), start) or _NUMBER_AFTER.match(text, end)):
            continue
        spans.append((start, end, "ssn"))
    near = windows(text, _SSN_HEADS, 40, 120)
    spans.extend(
        (*match.span(1), "ssn") for match in matches_in(text, near, _SSN_NAMED, _SSN_AFTER, _FOUR, _FOUR_AFTER)
    )
    spans.extend((*match.span(match.lastindex or 1), "ssn") for match in matches_in(text, near, _FOUR_OF))
    for _, end, _ in spans.copy():
        later = _FOUR_LATER.match(text, end)
        if later is not None and not _OF_ANOTHER.search(later.group()):
            spans.append((*later.span(1), "ssn"))
    spans.extend((*match.span(1), "ssn") for match in _HIDDEN.finditer(text))
    return spans


_MONTH: Final = (
    r"(?:jan(?:uar[yi]?|\.)?|feb(?:ruar[yi]?|r\.?|\.)?|mar(?:ch|\.|s|zo|ço)?|märz|apr(?:il|\.)?|may|mai|maio|mayo|"
    r"june?|juni|juin|junio|junho|jul(?:y|i|io|ho|\.)?|juillet|"
    r"aug(?:ust|\.)?|août|agosto|sept?(?:ember|embre|iembre|\.)?|o[ck]t(?:ober|obre|ubre|\.)?|outubro|nov(?:ember|"
    r"embre|iembre|embro|\.)?|de[cz](?:ember|\.)?|dez(?:embro)?|déc(?:embre)?|"
    r"dic(?:iembre|embre)?|ene(?:ro)?|janvier|janeiro|febrero|février|fevereiro|abril|avril|aprile|gennaio|febbraio|"
    r"maggio|giugno|luglio|settembre|setembro|ottobre|"
    r"januari|februari|maart|mei|augustus|stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|"
    r"października|listopada|grudnia)"
)
_DATE: Final = (
    r"(?:[0-9]{1,4}\s?[-./ _·,]\s?[0-9]{1,2}\s?[-./ _·,]\s?[0-9]{1,4}|[0-9]{8}|[0-9]{6}(?![0-9])"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th|\.|º|er)?[\s./-]{{0,2}}(?:of\s|de\s|d')?{_MONTH}[\s.,/-]{{0,3}}(?:of\s|de\s|"
    rf"del\s)?['’]?[0-9]{{2,4}}"
    rf"|{_MONTH}[\s./-]{{0,2}}[0-9]{{1,2}}(?:st|nd|rd|th)?[\s.,/-]{{1,3}}['’]?[0-9]{{2,4}}"
    rf"|[0-9]{{4}}[\s./-]{{1,2}}{_MONTH}[\s./-]{{1,2}}[0-9]{{1,2}}"
    r"|[0-9]{4}\s?年\s?[0-9]{1,2}\s?月\s?[0-9]{1,2}\s?日?)"
)
_BIRTH_WORD: Final = (
    r"(?:\bd\.?\s?o\.?\s?b\b\.?|\bdate[\s_-]?of[\s_-]?birth|\bbirth\s?-?_?da(?:y|te)|\bborn|\bb-?day|\bgeb(?:oren|"
    r"urtsdatum|urtstag|\.)|\bgeb\b|\bgeburtsdatum|\bdate\sde\snaissance|\bnée?\ble|"
    r"\bnée?\sle|\bnée?\(?e?\)?|\bfecha\sde\snac(?:imiento)?\.?|\bnac(?:í|i|ido|ida|imiento)\b|"
    r"\bdata\sde\snasc(?:imento)?\.?|\bnasc(?:i|ido|ida)\b|\bdata\sdi\snascita|\bnat[oa]\s(?:il|i)|"
    r"\bgeboorte(?:datum|dag)|"
    r"\bdata\surodzenia|\burodzon[ya]|\bcumpleaños|\baniversário|\banniversaire|\bgeburtstag|生年月日|дата\sрождения)"
)
_BIRTH: Final = re.compile(
    rf"{_BIRTH_WORD}(?![A-Za-z])(?:\s?(?:\([^()\n]{{1,20}}\)|is|was|ist|war|es|est|é|era|el|le|il|em|in|on|am|op|as|"
    rf"at|the|a|:|=|-|–|\#|\(|\)|,|\"|'|my|day|>|<[^<>\n]{{1,20}}>)){{0,8}}\s{{0,2}}({_DATE})(?![0-9])",
    re.IGNORECASE,
)
_BIRTH_AFTER: Final = re.compile(
    rf"(?<![\w/.-])({_DATE})\s?(?:,|\(|is|-|–|as|=)?\s?(?:my|the|his|her|as)?\s?(?:\bd\.?o\.?b\b|date\sof\sbirth|"
    rf"birth\s?date|birthday)",
    re.IGNORECASE,
)
BIRTH_SIGN: Final = (
    r"(?i)\bd\.?\s?o\.?\s?b\b|birth|\bborn\b|\bb-?day|\bgeb|naissance|\bnée?\b|nacimiento|\bnac|nasc|nascita|"
    r"\bnat[oa] i|geboorte|urodz|cumplea|anivers|annivers|生年月日|рождения"
)


_BIRTH_HEADS: Final = re.compile(
    r"\b(?:d\.?\s?o\.?\s?b|birth|born|date|b-?day|geb|née?|fecha|nac|data|nasc|nat[oa]|urodz|cumple|anivers|annivers|"
    r"дата)|生年月日|_birth"
)


def births(text: str) -> list[Span]:
    """Dates of birth, where the text says that they are."""
    near = windows(text, _BIRTH_HEADS, 40, 150)
    return [(*match.span(1), "birth") for match in matches_in(text, near, _BIRTH, _BIRTH_AFTER)]


_IS: Final = (
    r"(?:\s?(?:\#|no\b\.?|nr\b\.?|n[°º]\.?|num\b\.?|number|numbers|numero|número|numéro|nummer|id|is|was|ist|lautet|"
    r"es|est|é|:|=|\(|\)|-|\"|'|,|my|the|of|for|card|book|de|do|da|issued|\[|[A-Z]{2}(?=\s?[:\#]))){0,8}\s?"
)
_SERIAL: Final = (
    r"(?=[A-Z]{1,2}[ -]?[0-9]|(?-i:[A-Z]{3,6})[ -][0-9]|[A-Z0-9]{0,10}[0-9])[A-Z0-9]"
    # Behind a space words begin again where no digit is near.
    r"(?:[./*-]?[A-Z0-9]|[ ](?=[A-Z]{0,3}[0-9]|(?-i:[A-Z])(?![A-Z0-9]))[A-Z0-9]){4,20}"
)
_DOCUMENT: Final = re.compile(
    r"\b(?:passports?|reise-?pass(?:nummer)?|pass-?nummer|passe?ports?|pasaporte|passaporte|passaporto|"
    r"paspoort(?:nummer)?|paszport|travel\sdocument"
    r"|driv(?:er|ing)['’]?s?['’]?\s?(?:licen[cs]e|lic\b\.?|permit)|dl|d\.l\.|d/l|licen[cs]e\s(?=no\b|num|\#)|"
    r"führerschein(?:nummer)?|fahrerlaubnis|permis\sde\sconduire|licencia\sde\sconduc(?:ir|ción)|"
    r"carn[ée]t?\sde\sconducir|permiso\sde\sconducir|carteira\sde\s(?:motorista|habilitação)|carta\sde\scondução|cnh|"
    r"patente(?:\sdi\sguida)?|rijbewijs(?:nummer)?|prawo\sjazdy"
    r"|personalausweis(?:nummer)?|ausweis(?:nummer)?|national\s(?:id|insurance)|identity\scard|id\scard|state\sid|"
    r"dni|nie|nif|curp|rfc|cpf|rg|bi|nino|ni\snumber|nhs|aadhaar|pan\scard|bsn|pesel|"
    r"codice\sfiscale|carte\sd['’]identité|cédula|green\scard|visa\snumber|steuer-?id|steueridentifikationsnummer|"
    r"medicare)\b"
    r"(?:\s(?:and|or|und|y|et)\s(?:my\s)?(?:passport|driv(?:er|ing)['’]?s?\slicen[cs]e|licen[cs]e|id)s?\b)?"
    rf"{_IS}({_SERIAL})(?![A-Z0-9])",
    re.IGNORECASE,
)
# Of software there are licences too: the bare word counts before a number of the form that a driver's has.
_LICENCE: Final = re.compile(
    r"\blicen[cs]e(?:\s(?:is|and|number|no\.?)|\s?[:=\#])*\s?((?-i:[A-Z][0-9]{6,8}|[A-Z9]{5}[0-9]{6}[A-Z0-9]{5}))(?![A-Z0-9-])",
    re.IGNORECASE,
)
_ANOTHER: Final = re.compile(
    r"\s?(?:,|;|/|&|\b(?:and|or|und|oder|y|et|e|ou)\b){1,2}\s?(?:my\s\w{1,20}(?:['’]s)?\s|(?:his|hers|mine|for\s\w+)\s)?"
    r"((?-i:[A-Z]{1,2}[0-9]{6,9}|[0-9]{9}))(?![\w-])",
    re.IGNORECASE,
)
_DOCUMENT_AFTER: Final = re.compile(
    r"(?<![\w.-])([A-Z]{1,2}[0-9]{6,9}|[0-9]{9})\s(?:is|was)\s(?:my|the|his|her)\s(?:\w+\s)?(?:passport|driv(?:er|"
    r"ing)['’]?s?\slicen[cs]e|licen[cs]e)",
    re.IGNORECASE,
)
_CPF: Final = re.compile(r"(?<![\w.])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![\w-])")
DOCUMENT_SIGN: Final = (
    r"(?i)pass-?port|passe-?port|pass-?num|reise-?pass|passaport|paspoort|pasaporte|paszport|travel doc|licen[cs]|"
    r"\blic\b|\bdl\b|d\.l\.|d/l|führersch|fahrerl|permis|carn|carteira|condu|\bcnh\b|patente|rijbew|jazdy|ausweis|"
    r"national|identi|id card|state id"
    r"|\b(?:dni|nie|nif|curp|rfc|cpf|rg|bi|nino|ni|nhs|aadhaar|pan|bsn|pesel|visa|medicare)\b|fiscale|cédula|green "
    r"card|steuer|[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|driv"
)
_FEWEST_DIGITS: Final = 4
_NO_SERIAL: Final = re.compile(r"\A(?:19|20)[0-9]{2}\Z|\.(?:pdf|docx?|jpe?g|png|heic|tiff?)", re.IGNORECASE)
_DOCUMENT_HEADS: Final = re.compile(
    r"\b(?:pass-?p|passe|pass-?num|passa|pasa|paspo|reise|paszport|travel|driv|dl|d\.l|d/l|licen|führer|fahrer|permi|"
    r"carn|carte|carta|cnh|patente|rijbew|prawo|ausweis|person|national|identi|id card|state id|dni|nie|nif|curp|rfc|"
    r"cpf|rg|bi|nino|"
    r"ni|nhs|aadhaar|pan|bsn|pesel|codice|cédula|green|visa|steuer|medicare)"
)


def documents(text: str) -> list[Span]:
    """Numbers of passports, driving licences and identity cards, after the word that names them."""
    spans: list[Span] = []
    near = windows(text, _DOCUMENT_HEADS, 50, 150)
    for match in matches_in(text, near, _DOCUMENT):
        serial = match.group(1)
        if sum(map(str.isdecimal, serial)) >= _FEWEST_DIGITS and not _NO_SERIAL.search(serial):
            spans.append((*match.span(1), "document"))
    spans.extend((*match.span(1), "document") for match in matches_in(text, near, _LICENCE))
    for _, end, _ in spans.copy():
        place = end
        while (another := _ANOTHER.match(text, place)) is not None:
            spans.append((*another.span(1), "document"))
            place = another.end()
    spans.extend((*match.span(1), "document") for match in matches_in(text, near, _DOCUMENT_AFTER))
    spans.extend((*match.span(), "document") for match in _CPF.finditer(text))
    return spans
