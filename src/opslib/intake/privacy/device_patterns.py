"""Addresses of devices in a text, on the internet and of their hardware, and where they are."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from opslib.intake.privacy.spans import Span, matches_in, windows

_DIGIT: Final = re.compile("[0-9]")

_DOT: Final = (
    r"(?:\.|[ ]?[\[({]\s?(?:\.|dot)\s?[\])}][ ]?|[ ]\.[ ]|[ ]dot[ ]|\\\.|,(?=[0-9]{1,3},[0-9]{1,3},)|\.\s(?=[0-9]))"
)
_IPV4: Final = re.compile(
    rf"[0-9](?<![0-9.][0-9])[0-9]{{0,2}}(?:{_DOT}[0-9]{{1,3}}){{3}}(?![0-9]|\.[0-9])", re.IGNORECASE
)
_COMMAS: Final = re.compile(r"[0-9](?<![0-9.,][0-9])[0-9]{0,2}(?:,[0-9]{1,3}){3}(?![0-9]|,[0-9])")
IPV4_SIGN: Final = (
    r"(?i)[0-9](?:[.,_x-]|\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?| \. | dot |\\\.|\. )[0-9]{1,3}(?:[.,_x-]|"
    r"\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?| \. | dot |\\\.|\. )[0-9]{1,3}"
    r"(?:[.,_x-]|\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?| \. | dot |\\\.|\. )[0-9]|\bip\b"
)
_VERSION_BEFORE: Final = re.compile(
    r"(?:\b(?:v|ver|vers|version|versión|versão|versione|wersja|versie|build|release|rel|firmware|driver|treiber|"
    r"revision|rev|fw|bios|kernel|patch|hotfix|update|updated|"
    r"upgrade|upgraded|downgraded?|sdk|plugin|add-?on|extension|module|library|package|app|application|client|"
    r"software|agent|programm|section|chapter|"
    r"clause|paragraph|§|oid|figure|table|step|rule|appendix|article|firefox|thunderbird|chrome|chromium|edge|safari|"
    r"opera|brave|ios|ipados|macos|"
    r"android|windows|linux|outlook|office|zoom|teams|slack|java|jdk|jre|node|php|python|nginx|apache|mysql|"
    r"postgres(?:ql)?|openssl|adobe|acrobat|reader|"
    r"flash|photoshop|skype|discord|spotify|steam|nvidia|unity|docker|sql server)s?\b[.,]?|[A-Za-z]/|\bv|§)"
    r"(?:\s?(?:to|from|is|was|on|number|no\.?|running|using|auf|von|:|=|\(|\[|-|,|\"|'|>=?|<=?|~|\^|#|"
    r"[0-9]{1,4}(?:\.[0-9]{1,6}){1,3})){0,8}\s{0,2}\Z",
    re.IGNORECASE,
)
_VERSION_AFTER: Final = re.compile(
    r"[)\]\"']?\s?(?:\(?(?:build|release|beta|alpha|version|update|final|x64|x86|64-?bit|32-?bit|rc[0-9])|->|=>|→)",
    re.IGNORECASE,
)
_DEVICE_BEFORE: Final = re.compile(
    r"(?:\b(?:ips?|ipv4|address(?:es)?|adresse|dirección|direccion|endereço|adres|indirizzo|host|server|servers|"
    r"gateway|router|dns|ping|pinged|login|logins|logged|log ?in|"
    r"connect\w*|proxy|vpn|device|remote|client|peer|source|src|dst|subnet|port|traffic|requests?|came|firewall|"
    r"whitelist\w*|"
    r"blocked|banned|allow|ssh|rdp|ftp|tracert|traceroute|session|attempts?|access\w*|sign-?in|visitor|user)\b|"
    r"://)[^\n]{0,30}\Z",
    re.IGNORECASE,
)
_SMALL: Final = 40
_LOOKS_LIKE_A_VERSION: Final = re.compile(r"(?:^|\D)0+(?:\D|$)")


def ipv4(text: str) -> list[Span]:
    """Addresses of devices, version 4, also in names of hosts; version numbers of software look the same and stay."""
    spans: list[Span] = []
    for match in _IPV4.finditer(text):
        start, end = match.span()
        octets = re.findall("[0-9]+", match.group())
        if not _names_a_device(".".join(str(int(octet)) for octet in octets)):
            continue
        has_device = _DEVICE_BEFORE.search(text, max(0, start - 50), start) is not None
        if _VERSION_BEFORE.search(text, max(0, start - 40), start) and not re.search(
            r"\bips?\b|address", text[max(0, start - 20) : start], re.IGNORECASE
        ):
            continue
        is_plain = match.group().count(".") == 3 and len(match.group()) == sum(map(len, octets)) + 3
        if not is_plain and "," in match.group() and not has_device:
            continue
        small = max(map(int, octets)) <= _SMALL
        if small and not has_device:
            continue
        if not has_device and _VERSION_AFTER.match(text, end):
            continue
        spans.append((start, end, "ip"))
    spans.extend(
        (*match.span(), "ip")
        for match in _HOST_NAME.finditer(text)
        if _names_a_device(re.sub(r"[^0-9]", ".", match.group()))
    )
    spans.extend((*match.span(1), "ip") for match in _NAMED.finditer(text))
    return spans


# The address within the name that a provider gives to a host.
_HOST_NAME: Final = re.compile(
    r"[0-9](?<![0-9][0-9])([0-9]{0,2}([-_x.])[0-9]{1,3}\2[0-9]{1,3}\2[0-9]{1,3})(?![-_x.][0-9]{1,3}[-_x.])(?=[-.](?:["
    r"A-Za-z0-9-]{1,63}\.){0,6}[A-Za-z][A-Za-z0-9-]{1,62}(?![\w]))"
)
_NAMED: Final = re.compile(
    r"\bip(?:\s?(?:address|addr|is|was|number|:|=))+\s?(0x[0-9a-f]{8}|[1-9][0-9]{8,9})\b", re.IGNORECASE
)

_IPV6: Final = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:)([0-9A-Fa-f:.]{3,45}+)(?![\w:])")
_DEFANGED_COLON: Final = re.compile(r"(?<=[0-9A-Fa-f])\[::?\](?=[0-9A-Fa-f])|(?<=\])\[:\]")
_DEFANGED_IPV6: Final = re.compile(
    r"(?<![\w:.\[])[0-9A-Fa-f]{1,4}(?:(?:\[::?\]|::?){1,2}[0-9A-Fa-f]{1,4}){2,7}(?![\w:])"
)
IPV6_SIGN: Final = r"::|(?:[0-9A-Fa-f]{1,4}:){5}|\[::?\]"


def ipv6(text: str) -> list[Span]:
    """Addresses of devices, version 6."""
    spans: list[Span] = []
    for match in _IPV6.finditer(text):
        candidate = match.group(1).rstrip(".")
        if candidate.endswith(":") and not candidate.endswith("::"):
            candidate = candidate[:-1]
        # "a::b" is a scope in several programming languages.
        if candidate.count(":") >= 2 and _DIGIT.search(candidate) and _names_a_device(candidate):
            spans.append((match.start(), match.start() + len(candidate), "ip"))
    if "[:" in text:
        spans.extend(
            (*match.span(), "ip")
            for match in _DEFANGED_IPV6.finditer(text)
            if _names_a_device(match.group().replace("[", "").replace("]", ""))
        )
    return spans


def _names_a_device(candidate: str) -> bool:
    try:
        address = ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or candidate.startswith("255."))


_MAC: Final = re.compile(
    r"(?<![0-9A-Za-z:.-])(?:[0-9A-F]{2}([:_-])(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}|"
    r"(?=[0-9.]{0,13}[A-F])[0-9A-F]{4}\.[0-9A-F]{4}\.[0-9A-F]{4})(?![0-9A-Za-z]|\.[0-9A-Fa-f]|"
    r"[:-][0-9A-Fa-f]{2}(?![0-9A-Za-z]))",
    re.IGNORECASE,
)
_MAC_NAMED: Final = re.compile(
    r"\b(?:mac|bssid|wi-?fi address|hardware address|ethernet|physical address|hwaddr|ether|bluetooth|mac-adresse|"
    r"dirección mac|adresse mac)\b"
    r"(?:\s?(?:address|adresse|addr|id|is|ist|es|est|of|my|the|device|:|=|\(|-|#|\")){0,8}\s?"
    r"([0-9A-F]{2}(?:[ :._-]?[0-9A-F]{2}){5}|[0-9A-F]{3}(?:[ :._-][0-9A-F]{3}){3}|[0-9A-F]{6}[-: "
    r"][0-9A-F]{6})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
MAC_SIGN: Final = (
    r"(?i)(?:[0-9a-f]{2}[:_-]){5}[0-9a-f]{2}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}"
    r"|\b(?:mac|bssid|wi-?fi|hardware|ethernet|physical|hwaddr|ether|bluetooth)\b[^\n]*\b[0-9a-f]{2,3}[ "
    r":._-]?[0-9a-f]{2,3}[ :._-]?[0-9a-f]{2}"
)


_MAC_HEADS: Final = re.compile(r"mac|bssid|wi-?fi|hardware|ether|physical|hwaddr|bluetooth|dirección|adresse")


def macs(text: str) -> list[Span]:
    """Hardware addresses of devices."""
    spans: list[Span] = [
        (*match.span(), "mac") for match in _MAC.finditer(text) if len(set(match.group().lower()) - set(":-.")) > 1
    ]
    spans.extend((*match.span(1), "mac") for match in matches_in(text, windows(text, _MAC_HEADS, 2, 120), _MAC_NAMED))
    return spans


_DEGREES: Final = r"[-+]?[0-9]{1,3}[.,][0-9]{3,15}"
_COMPASS: Final = r"\s?(?:°|º|deg(?:rees)?)?\s?[NSEWO]?\b"
_PAIR: Final = re.compile(
    rf"(?<![\w.,/-])([NS]\s?)?({_DEGREES})(\s?[°º]?\s?[NS]?)(?:\s?[,;/|]\s?|"
    rf"\s{{1,3}})([EWO]\s?)?({_DEGREES})(\s?[°º]?\s?(?:[EWO](?![A-Za-z]))?)(?![\w%]|"
    rf"[.,][0-9](?![0-9]?(?:\.[0-9]+)?z))"
)
_NAMED_DEGREES: Final = re.compile(
    r"\b(?:lat(?:itude)?|lon(?:g(?:itude)?)?|lng|breite(?:ngrad)?|länge(?:ngrad)?|latitud|longitud)\b[\"']?\s?(?:is|"
    r"ist|es|est|:|=)?\s?[\"']?((?=[-+]?(?:[0-9][.,]?){4})[-+]?[0-9]{1,3}[.,][0-9]{2,15}(?:\s?[,;/]\s?[-+]?[0-9]{1,3}\.[0-9]{2,15})?)(?![0-9])",
    re.IGNORECASE,
)
_NAMED_PAIR: Final = re.compile(
    r"\b(?:gps|coordinates?|coords?|location|geo|position|pin|koordinaten|coordenadas|coordonnées|"
    r"ubicación)\b[^\n0-9]{0,24}?([-+]?[0-9]{1,2}[.,][0-9]{2,15}\s?[°º]?\s?[NS]?\s?[,;/ "
    r"]\s?[-+]?[0-9]{1,3}[.,][0-9]{2,15})(?![0-9])",
    re.IGNORECASE,
)
_MINUTES: Final = re.compile(
    r"(?<![\w.])([NS]\s?)?[0-9]{1,2}\s?[°º]\s?[0-9]{1,2}(?:[.,][0-9]{1,6})?\s?['’′](?:\s?[0-9]{1,2}(?:[.,][0-9]{1,6})"
    r"?\s?(?:[\"”″]|''))?\s?[NS]?\s{0,2}[,;/]?\s{0,2}"
    r"[EWO]?\s?[0-9]{1,3}\s?[°º]\s?[0-9]{1,2}(?:[.,][0-9]{1,6})?\s?['’′](?:\s?[0-9]{1,2}(?:[.,][0-9]{1,6})?\s?(?:[\"”"
    r"″]|''))?\s?[EWO]?"
)
LOCATION_SIGN: Final = (
    r"[0-9][.,][0-9]{3,}\s?[°º]?\s?[NS]?(?:\s?[,;/|]\s?|\s{1,3})[EWO]?\s?[-+]?[0-9]{1,3}[.,][0-9]{3}|"
    r"[0-9]\s?[°º]\s?[0-9]"
    r"|(?i:lat|lon|lng|gps|coord|geo|location|position|pin\b|koord|ubicaci|breite|länge)[^\n]*[0-9][.,][0-9]{2}"
)
_WIDEST, _LONGEST = 90, 180
_FINE: Final = 4
_FEWEST_DECIMALS: Final = 1
_FAR: Final = 20


_PLACE_HEADS: Final = re.compile(r"lat|lon|lng|breite|länge|gps|coord|location|geo|position|pin|koord|ubicaci")


def locations(text: str) -> list[Span]:
    """Pairs of geographic coordinates, and single ones after their name."""
    spans: list[Span] = []
    for match in _PAIR.finditer(text):
        latitude, longitude = (match.group(number).replace(",", ".") for number in (2, 5))
        signs = "".join(match.group(number) or "" for number in (1, 3, 4, 6)).strip()
        decimals = min(len(number.split(".")[1]) for number in (latitude, longitude))
        if any(len(number.split(".")[1].rstrip("0")) < _FEWEST_DECIMALS for number in (latitude, longitude)):
            continue
        far = max(abs(float(latitude)), abs(float(longitude))) >= _FAR or "-" in (latitude + longitude)
        fine = decimals > _FINE or (decimals == _FINE and far)
        if abs(float(latitude)) <= _WIDEST and abs(float(longitude)) <= _LONGEST and (signs or fine):
            spans.append((*match.span(), "location"))
    near = windows(text, _PLACE_HEADS, 2, 120)
    spans.extend((*match.span(1), "location") for match in matches_in(text, near, _NAMED_DEGREES, _NAMED_PAIR))
    spans.extend((*match.span(), "location") for match in _MINUTES.finditer(text))
    return spans
