"""Secrets in a text: by the prefix that their makers give them, or after the word that names them."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

from opslib.intake.notation import words_of
from opslib.intake.privacy.spans import Span, matches_in, windows

# What services put before their keys, and the rest of each.
_PREFIXES: Final = (
    r"sk-(?:proj-|ant-|or-|svcacct-|live-|test-)?[A-Za-z0-9_-]{16,200}",
    r"[sprw][kh]_(?:live|test|prod)_[A-Za-z0-9]{8,200}",
    r"whsec_[A-Za-z0-9+/=]{16,100}",
    r"gh[pousr]_[A-Za-z0-9]{20,255}",
    r"github_pat_[A-Za-z0-9_]{20,255}",
    r"gl(?:pat|dt|ptt|rt|soat|cbt)-[A-Za-z0-9_-]{16,200}",
    r"xox[abeoprs]-[A-Za-z0-9-]{8,250}",
    r"xapp-[0-9]-[A-Za-z0-9-]{10,250}",
    r"(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{12,20}",
    r"AIza[A-Za-z0-9_-]{30,50}",
    r"ya29\.[A-Za-z0-9_-]{16,400}",
    r"GOCSPX-[A-Za-z0-9_-]{20,60}",
    r"[0-9]{6,12}-[a-z0-9]{32}\.apps\.googleusercontent\.com",
    r"SG\.[A-Za-z0-9_-]{12,60}\.[A-Za-z0-9_-]{12,100}",
    r"(?:AC|SK)[0-9a-f]{32}",
    r"key-[0-9a-f]{32}",
    r"[0-9a-f]{32}-us[0-9]{1,2}",
    r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{20,64}",
    r"npm_[A-Za-z0-9]{20,60}",
    r"pypi-[A-Za-z0-9_-]{16,250}",
    r"do[opr]_v1_[a-f0-9]{32,80}",
    r"hf_[A-Za-z0-9]{20,60}",
    r"r8_[A-Za-z0-9]{30,60}",
    r"gsk_[A-Za-z0-9]{20,80}",
    r"xai-[A-Za-z0-9]{20,120}",
    r"(?:EAA|EAAC|EAAB)[A-Za-z0-9]{30,300}",
    r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,60}",
    r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
    r"dapi[0-9a-f]{32}(?:-[0-9])?",
    r"lin_api_[A-Za-z0-9]{30,60}",
    r"(?:secret|ntn)_[A-Za-z0-9]{40,60}",
    r"figd_[A-Za-z0-9_-]{20,80}",
    r"pat[A-Za-z0-9]{14}\.[a-f0-9]{40,80}",
    r"PMAK-[a-f0-9]{20,30}-[a-f0-9]{30,40}",
    r"hv[sbr]\.[A-Za-z0-9_-]{20,200}",
    r"(?:dckr_pat|vercel|sbp|rnd|fly|tfp|atlasv1|ATATT3x|ATCTT3x|ATBB|nrak|NRAK|pplx|glsa|phc|phx|fo1|tskey|"
    r"age-secret-key-1|AGE-SECRET-KEY-1)[_-]?[A-Za-z0-9_=.-]{20,250}",
    r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}",
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{32,35}",
    r"eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{2,8000}(?:\.[A-Za-z0-9_-]{0,4000}){0,3}",
)
_LOOSE_KEY: Final = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_PREFIXES)})")
_BLOCK: Final = re.compile(
    r"-----BEGIN ((?:[A-Z0-9]{1,12} ){0,4}(?:PRIVATE KEY|PRIVATE KEY BLOCK|CERTIFICATE))(?: "
    r"BLOCK)?-----(?:(?!-----END)[\s\S]){0,20000}(?:-----END [A-Z0-9 ]{1,60}-----)?"
)
_PUTTY: Final = re.compile(r"PuTTY-User-Key-File-[0-9](?:[^\n]{0,200}\n){1,80}?Private-MAC: [0-9a-f]{40,64}")

_LINK: Final = (
    r"(?:\s?(?:is|was|are|ist|lautet|war|es|era|est|é|er|to|used|use|auf|now|currently|actually|still|=>|->|:=|:|=|-|"
    r"–|\||\"|'|`|“|”|„|»|«|<[a-z/]{1,8}>|\*\*|\())"
)
_PASSWORD: Final = re.compile(
    r"(?<![/-])(?:pass-?\s?(?:word|wd|phrase|code|key|wort)s?|\bpasswd|\bpwd|\bpw|\bpass|\bp/w|kennwort|kenn-?wort|"
    r"contraseña|\bclave|mot\sde\spasse|\bmdp|\bsenha|palavra-passe|parola\s(?:d'ordine|chiave)|"
    r"wachtwoord|hasło|пароль|パスワード|密码|lösenord|adgangskode|\bpin(?:-?code)?|\bpuk|\bmaster\skey|security\s(?:answer|"
    r"word)|secret\s(?:answer|word|phrase)|memorable\sword|recovery\s(?:key|phrase|code)|"
    r"wifi\skey|network\skey)"
    rf"(?P<between>(?:\s(?:for|of|to|von|für|de|pour|da|do|del)\s[^\s:=]{{1,40}}(?:\s[^\s:=]{{1,30}}){{0,3}}?|"
    rf"\s(?:i\suse[d]?|changed|set|reset|updated)|\s?\([^()\n]{{1,30}}\))?)(?P<link>{_LINK}{{1,5}}|"
    rf"(?=\s\S{{0,40}}[0-9]))\s?(?P<secret>[^\s\"'`<>“”„»«\x00]{{3,100}})",
    re.IGNORECASE,
)
_CREDENTIALS: Final = re.compile(
    r"\b(?:log-?\s?in|user(?:name)?|credentials?|creds|zugangsdaten|anmeldedaten|identifiants|"
    r"credenciales)\b[:\s]{1,3}(?:is\s|are\s)?(?P<user>[\w.@-]{2,60})\s?[/|]\s?(?P<secret>[^\s,;/<]{4,60})",
    re.IGNORECASE,
)
_NO_PASSWORD: Final = words_of(
    """
    not no the a an my your our their his her so too very still also never always being been reset resetting wrong
    right correct
    incorrect required invalid unknown empty expired expiring changed change forgotten forgot lost missing working
    accepted
    rejected denied strong weak long short old new safe secure insecure compromised leaked stolen saved stored
    encrypted visible hidden
    blank set same different case-sensitive case required. protected optional mandatory field manager page link email
    e-mail mail
    prompt box dialog window policy reset: recovery request requests issue issues problem problems please thanks help
    hello hi
    that this it we you they he she i and or but if when what which how why because since for from in on at by with of
    to as
    is was are be has have had do does did can could will would should may might must asked asking needed need being
    entered enter typed
    type types used use using only more less than then there here where who all any some each every nothing something
    anything everything
    error errors failed fails failing fail ok okay fine good bad n/a none null undefined hash hashes again yet now just
    nicht kein keine falsch vergessen abgelaufen richtig ungültig zurücksetzen zurückgesetzt weg geändert und oder
    wird wurde kann
    incorrecta incorrecto correcta olvidada olvidado caducada inválida cambiada perdida no la el mi su y o pero que
    incorrect oublié oubliée expiré invalide perdu pas le la mon et ou mais que ne
    incorreta incorreto esquecida esquecido inválida expirada errada não a o minha e mas que
    true false yes ssl tls auto automatic text plain string int bool varchar input output value key keys char chars
    characters letters digits
    unable able incorrectly emailaddress sent send accepted. authentication login log sign in-app app sure about
    ignored entfernt generator via under over
    """
)
_ENDS_NO_PASSWORD: Final = ("ing", "ed", "ly", "able", "ible", "tion", "ment", "en")
_ASSIGNED: Final = re.compile(
    r"(?P<name>(?:passwo?r?d|pwd|secret|token|api_?key|apikey|access_?key(?:_?id)?|account_?key|accountkey|"
    r"shared_?access_?(?:key|signature)|private_?key|"
    r"client_?secret|auth_?token|bearer|credential|session_?(?:id|key|token)|sessionid|jsessionid|phpsessid|"
    r"csrf_?token|x-api-key|encryption_?key|master_?key|signing_?key|connection_?string|(?<![A-Za-z])(?:user\sid|uid|"
    r"sig)))"
    r"[\"']?\s{0,2}(?:=|:|=>)\s{0,2}[\"'`]?(?P<secret>[^\s\"'`;,&<>(){}\[\]\x00]{4,400})",
    re.IGNORECASE,
)
_NAMED_KEY: Final = re.compile(
    r"\b(?:(?:api|access|secret|private|auth(?:entication|orization)?|client|bearer|session|refresh|webhook|signing|"
    r"encryption|shared(?:\saccess)?|subscription|storage|account|service|admin|integration|"
    r"personal\saccess|oauth|jwt|aws|azure|stripe|openai|github|slack|google)[\s_-]?){1,3}(?:key|token|secret|id|"
    r"signature|credential)s?"
    rf"(?:\s(?:for|of|from)\s[^\s:=]{{1,30}}(?:\s[^\s:=]{{1,30}})?)?(?:{_LINK}|"
    rf"\s){{1,6}}(?P<secret>[A-Za-z0-9+/_=.~:-]{{10,400}})",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(
    r"\b(?:authorization|proxy-authorization|x-auth-token|x-api-key|cookie|"
    r"set-cookie)\b[\"']?\s?[:=]\s?[\"']?(?:(?:bearer|basic|token|digest|apikey)\s{1,2})?(?P<secret>[^\s\"'<>,\x00]{6"
    r",2000})",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"\b(?:bearer|basic)\s{1,2}(?P<secret>[A-Za-z0-9+/_=.~-]{12,2000})", re.IGNORECASE)

_CODE_WORD: Final = (
    r"(?:one[\s-]?time\s?(?:pass)?-?(?:code|password|pin)?|otp|2fa|mfa|two[\s-]?factor|tan|passcode|(?:verif\w*|"
    r"security|login|log-in|sign-?in|sms|texted?|access|auth\w*|confirm\w*|activation|recovery|backup|reset|"
    r"unlock|6-digit|six[\s-]digit|4-digit|four[\s-]digit|5-digit|8-digit|temporary|pairing|invite)\s?(?:code|pin|"
    r"number|token)s?|bestätigungscode|sicherheitscode|einmalcode|einmalpasswort|zugangscode|verifizierungscode|"
    r"anmeldecode|freischaltcode|código(?:\sde\s(?:verificación|seguridad|acceso|verificação|segurança|acesso|"
    r"confirmación|confirmação))?|code\sde\s(?:vérification|sécurité|confirmation)|codice(?:\sdi\s(?:verifica|"
    r"sicurezza))?|"
    r"verificatiecode|kod(?:\sweryfikacyjny)?|認証コード|验证码|код(?:\sподтверждения)?)"
)
_DIGITS: Final = (
    r"(?:[0-9]{3}[ -][0-9]{3}|[A-Z]{1,3}-[0-9]{4,8}|[0-9](?:[ ][0-9]){3,7}|[0-9]{4,8}|"
    r"(?=[A-Z]{0,7}[0-9])[A-Z0-9]{5,10}|[A-Z0-9]{4}-[A-Z0-9]{4}(?:-[A-Z0-9]{4}){0,4})"
)
_CODE: Final = re.compile(
    rf"{_CODE_WORD}\b(?:\s(?:i|you|they|we)\s(?:got|get|received?|was\ssent|sent(?:\sme)?|entered|typed|have)|"
    rf"\s(?:sent|received|shown|that\s(?:came|arrived)|from\s\w+|for\s\w+|by\s(?:sms|text|email)))?"
    rf"(?:\s?(?:is|was|ist|lautet|war|es|est|é|:|=|-|–|\(|\"|'|“|#|of|code|number|"
    rf"<[a-z/]{{1,8}}>)){{0,5}}\s{{0,2}}(?-i:({_DIGITS}))(?![A-Za-z0-9]|[.,][0-9])",
    re.IGNORECASE,
)
_BARE_CODE: Final = re.compile(
    rf"(?<![\w-])(?:code|token)(?:\s(?:i|you)\s(?:got|received?|entered|was\ssent)|\s(?:sent|received))?\s?(?::|=|is|"
    rf"was|ist|lautet|es|est|é|(?=\s[0-9]{{6}}(?![0-9])))\s?[\"'(]?(?-i:({_DIGITS}))(?![A-Za-z0-9]|[.,][0-9])",
    re.IGNORECASE,
)
_CODE_AFTER: Final = re.compile(
    rf"(?<![\w$€£.,#-])({_DIGITS})\s(?:is|as|ist|es|est|é|was)\s(?:your|the|my|ihr|dein|tu|su|votre|ton|o seu|seu|"
    rf"a)\s(?:\w+\s){{0,2}}?(?:{_CODE_WORD}|code|pin|password)",
    re.IGNORECASE,
)
_CARD_CODE: Final = re.compile(
    r"\b(?:cvv2?|cvc2?|csc|security\scode)\b(?:\s?(?:is|was|:|=|#|-|\()){0,3}\s?([0-9]{3,4})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_TO_ENTER: Final = re.compile(
    r"\b(?:use|enter|type|entered|submit)\s([0-9]{3}[ -]?[0-9]{3}|[0-9]{4,8})\s(?:to|for|as|when)\s(?:verif|log|sign|"
    r"confirm|complet|authent|access|reset|your)|\b(?=G-)(G-[0-9]{3}[ -]?[0-9]{3})(?![\w-])",
    re.IGNORECASE,
)
_OTHER_CODE_BEFORE: Final = re.compile(
    r"(?:error|err|fehler|status|zip|postal|post|area|country|city|dialing|product|promo\w*|discount|coupon|voucher|"
    r"gift|exit|stop|return|response|bar|qr|source|http|dress|sort|colou?r|item|part|model|"
    r"sku|billing|reason|state|currency|language|hs|tariff|swift|bank|branch|flight|airport|event|fault|diagnostic|"
    r"result|referral|tracking|order|erro|erreur|código de error|code d'erreur)[\s-]?\Z",
    re.IGNORECASE,
)
PASSWORD_SIGN: Final = (
    r"(?i)(?:pass-?\s?(?:word|wd|phrase|code|key|wort)|\bpasswd|\bpass\b|\bp/w|pwd|\bpw\b|kennwort|contraseña|"
    r"\bclave|mot de passe|\bmdp\b|senha|parola|palavra-passe|wachtwoord|hasło|пароль|パスワード|密码|lösenord|"
    r"adgangskode|\bpin\b|pincode|\bpuk\b|master key|(?:security|secret|memorable|recovery) (?:answer|word|phrase|"
    r"key|code)|(?:wifi|network) key)"
    r"s?(?:\s?\([^()\n]*\)|\s(?:for|of|to|von|für|de|pour|da|do|del)\s\S+(?:\s\S+){0,3}?)?\s?(?:is\b|was\b|ist\b|"
    r"lautet|war\b|es\b|era\b|est\b|é\b|=|:|[-–] ?\S*[0-9]|\||[\"'`“„»]\S*[0-9]|</|\*\*|->)"
    r"|(?:passwor[dt]|\bpass|\bpw|\bpwd|\bpin|kennwort|contraseña|senha) \S*[0-9]|password (?:i use|changed|set|"
    r"reset|updated)"
    r"|\b(?:log-?\s?in|user(?:name)?|credentials?|creds|zugangsdaten|anmeldedaten|identifiants|"
    r"credenciales)[:\s]{1,3}(?:is\s|are\s)?[^\s/|]{2,}\s?[/|]\s?[^\s,;/<]{4}"
)
KEY_SIGN: Final = (
    r"(?i)(?:secret|token|api_?key|access_?key(?:_?id)?|account_?key|access_?signature|private_?key|bearer|"
    r"credential|session_?id|session_?key|sessid|encryption_?key|master_?key|signing_?key|connection_?string|"
    r"passwo?r?d|pwd|user id|uid|sig)[\"']?\s{0,2}(?:=|:)"
    r"|(?:api|access|secret|private|auth|authentication|authorization|client|bearer|session|refresh|webhook|signing|"
    r"encryption|subscription|storage|account|service|admin|integration|oauth|jwt|aws|azure|stripe|openai|github|"
    r"slack|google)[\s_-]?(?:key|token|secret|id|signature|credential)s?\b[^\n]*[0-9]|\b(?:bearer|"
    r"basic)\s+[a-z0-9+/_=.~-]{12}|authorization|x-auth|cookie"
)
# Of each length the least will do for a sign, and RE2 bounds repetition.
LONG_SIGN: Final = (
    r"BEGIN [A-Z ]*(?:PRIVATE|CERT)|PuTTY-User|(?:^|[^A-Za-z0-9])(?:"
    + re.sub(r"\{([0-9]+),[0-9]+\}", r"{\1,}", "|".join(_PREFIXES))
    + ")"
)
CODE_SIGN: Final = (
    r"(?i)(?:\botp\b|2fa|mfa|factor|\btan\b|one[\s-]?time|cod(?:e|igo)|código|codice|\bkod\b|認証|验证|код|token|\bpin\b|"
    r"(?:verif\w*|security|login|access|auth\w*|confirm\w*|sms) number)[^\n]*(?-i:[0-9]{4}|[0-9]{3}[ -][0-9]{3}|"
    r"[0-9](?: [0-9]){3}|[A-Z0-9]*[0-9][A-Z0-9]{4}|[A-Z][A-Z0-9]{3,}[0-9]|[A-Z0-9]{4}-[A-Z0-9]{4})"
    r"|\b(?:cvv|cvc|csc|security code)[^\n]*[0-9]{3}|\b(?:use|enter|type|entered|submit) [0-9]{3}|\bG-[0-9]{3}"
    r"|[0-9]{3}[0-9 -]?[0-9]* (?:is|as|ist|es|est|é|was) (?:your|the|my|ihr|dein|tu|su|votre|ton|o seu|seu|a)\b"
)


_PASSWORD_HEADS: Final = re.compile(
    r"pass|pwd|kenn|contraseña|mot de passe|senha|palavra|parola|wachtw|hasło|пароль|パスワード|密码|lösenord|"
    r"adgangskode|\b(?:pw|p/w|clave|mdp|pin|puk|master|security|secret|memorable|recovery|wifi|network)"
)
_CREDENTIAL_HEADS: Final = re.compile(r"\b(?:log-?\s?in|user|cred|zugangs|anmelde|identifiants)")
_KEY_HEADS: Final = re.compile(
    r"passw|pwd|secret|token|key|signature|bearer|credential|sessi|sessid|connection|user id|uid|sig|authoriz|cookie|"
    r"basic|x-auth|\b(?:client|service|account|integration|admin|api)[\s_-]?id"
)
_CODE_HEADS: Final = re.compile(
    r"\b(?:cvv|cvc|csc|code|kod|pin|otp|2fa|mfa|tan|token|one|passcode|número)|codes?\b|factor|código|codice|認証|验证|"
    r"код|(?:verif\w*|security|login|access|auth\w*|confirm\w*|sms) (?:number|token|pin)"
)


def keys(text: str) -> list[Span]:
    """Keys and tokens that their form tells: by the prefix of their maker, by the frame around them."""
    spans: list[Span] = []
    if "KEY" in text or "CERT" in text or "PuTTY" in text:
        for pattern in (_BLOCK, _PUTTY):
            spans.extend((*match.span(), "secret") for match in pattern.finditer(text))
    for match in _LOOSE_KEY.finditer(text):
        whole = not (text[match.start() - 1 : match.start()] + text[match.end() : match.end() + 1]).isalnum()
        if whole or _entropy(match.group()) > _DENSE:
            spans.append((*match.span(), "secret"))
    return spans


def named_keys(text: str) -> list[Span]:
    """Keys and tokens after the word that names them."""
    spans: list[Span] = []
    near = windows(text, _KEY_HEADS, 40, 160)
    for match in matches_in(text, near, _ASSIGNED):
        secret = match.group("secret")
        if _is_random(secret) or (_ends_in_password(match.group("name")) and secret.lower() not in _NO_PASSWORD):
            spans.append((*match.span("secret"), "secret"))
    for match in matches_in(text, near, _NAMED_KEY, _HEADER, _BEARER):
        secret = match.group("secret").rstrip(".:-,;)")
        if _is_random(secret):
            spans.append((match.start("secret"), match.start("secret") + len(secret), "secret"))
    return spans


def passwords(text: str) -> list[Span]:
    """Passwords after the word that names them."""
    spans: list[Span] = []
    near = windows(text, _PASSWORD_HEADS, 2, 160)
    for match in matches_in(text, near, _PASSWORD):
        _add_password(spans, text, match)
    for match in matches_in(text, windows(text, _CREDENTIAL_HEADS, 2, 200), _CREDENTIALS):
        if any(not character.isalpha() for character in match.group("secret")):
            spans.append((*match.span("secret"), "secret"))
    return spans


def codes(text: str) -> list[Span]:
    """One-time codes."""
    spans: list[Span] = []
    near = windows(text, _CODE_HEADS, 40, 120)
    for match in matches_in(text, near, _CODE, _BARE_CODE):
        if not _OTHER_CODE_BEFORE.search(text, max(0, match.start() - 20), match.start()):
            spans.append((*match.span(1), "secret"))
    spans.extend((*match.span(1), "secret") for match in matches_in(text, near, _CODE_AFTER, _CARD_CODE))
    spans.extend((*match.span(match.lastindex or 1), "secret") for match in _TO_ENTER.finditer(text))
    return spans


_DENSE: Final = 3.2
"""Bits per character of a key; words have fewer."""
_SHORTEST_KEY: Final = 10
_QUOTE_OPENS: Final = re.compile(r"(?:\s\w+)*\s[\"'`“„»«]")
_CHANGES: Final = re.compile(r"changed|set|reset|updated")
_PLAIN_SECRET: Final = re.compile(r"[\w!@#$%^&*.+-]+")
_LONGEST_PIN: Final = 8
_SHORTEST_BARE: Final = 6
"""Characters of a password that follows its word without a link."""


def _entropy(word: str) -> float:
    """Bits per character."""
    return -sum(count / len(word) * math.log2(count / len(word)) for count in Counter(word).values())


def _is_random(word: str) -> bool:
    """Whether a word is like a key: letters and digits without a word's order."""
    digits = sum(map(str.isdecimal, word))
    letters = sum(map(str.isalpha, word))
    if len(word) < _SHORTEST_KEY or not letters:
        return len(word) >= _SHORTEST_KEY + 6 and digits == len(word)
    mixed = any(map(str.isupper, word)) and any(map(str.islower, word))
    return (digits >= 2 or (mixed and len(word) >= 20)) and _entropy(word) > _DENSE - 0.6


def _ends_in_password(name: str) -> bool:
    return name.lower().endswith(("password", "passwd", "pwd", "secret"))


def _add_password(spans: list[Span], text: str, match: re.Match[str]) -> None:
    secret = match.group("secret")
    start = match.start("secret")
    if secret.startswith("[") or "://" in secret:
        return
    stripped = secret.rstrip(".,;:)]}?!") or secret
    # An exclamation mark at the end is as often part of a password as of a sentence.
    if secret.endswith("!") and any(map(str.isdecimal, stripped)):
        stripped = secret
    word = stripped.lower()
    if len(word) < 3 or word in _NO_PASSWORD:
        return
    link = match.group("link")
    firm = any(sign in link for sign in ":=|*") or "->" in link or _QUOTE_OPENS.match(link) is not None
    marked = (
        any(map(str.isdecimal, stripped))
        or any(not c.isalnum() and c not in "-'’" for c in stripped)
        or bool(re.search(r"[a-z][A-Z]", stripped))
    )
    spoken = bool(re.search(r"\b(?:is|was|ist|lautet|war|es|era|est|é)\b", link, re.IGNORECASE))
    if re.search(r"\b(?:to|auf)\b", link, re.IGNORECASE):
        spoken = _CHANGES.search(match.group("between")) is not None
        link = link.replace("to", "")
    if not (firm or spoken):
        if match.group("between"):
            return
        has_letters = any(map(str.isalpha, stripped))
        is_pin = word.isdecimal() and len(word) <= _LONGEST_PIN and match.group().lower().startswith("pin")
        is_plain = not link.strip() and _PLAIN_SECRET.fullmatch(stripped) is not None
        if not is_plain or not (
            is_pin or (has_letters and any(map(str.isdecimal, stripped)) and len(word) >= _SHORTEST_BARE)
        ):
            return
    if not marked:
        if word.endswith(_ENDS_NO_PASSWORD) or len(word) < 4 or (match.group("between") and not firm):
            return
        # A plain word counts where the sentence or the line ends with it.
        if not re.match(
            r"\s{0,2}(?:[.,;!?)\"'<\n]|\Z|and\b|but\b|und\b|y\b|et\b|e\b|for\b|please\b)",
            text[start + len(stripped) : start + len(stripped) + 8],
        ):
            return
    spans.append((start, start + len(stripped), "secret"))
