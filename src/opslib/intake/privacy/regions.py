"""Which countries' national telephone numbers are meant in a ticket: of its language, of its country."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import pandas as pd
import phonenumbers

_OF_LANGUAGES: Final = {
    "ar": "AE SA EG MA",
    "cs": "CZ",
    "da": "DK",
    "de": "DE AT CH",
    "el": "GR",
    "en": "US GB CA AU IE NZ IN ZA",
    "es": "ES MX AR CO CL PE",
    "et": "EE",
    "fi": "FI",
    "fr": "FR BE CH CA",
    "he": "IL",
    "hi": "IN",
    "hr": "HR",
    "hu": "HU",
    "id": "ID",
    "it": "IT CH",
    "ja": "JP",
    "ko": "KR",
    "lt": "LT",
    "lv": "LV",
    "nb": "NO",
    "nl": "NL BE",
    "nn": "NO",
    "no": "NO",
    "pl": "PL",
    "pt": "PT BR",
    "ro": "RO",
    "ru": "RU KZ",
    "sk": "SK",
    "sl": "SI",
    "sr": "RS",
    "sv": "SE FI",
    "th": "TH",
    "tr": "TR",
    "uk": "UA",
    "vi": "VN",
    "zh": "CN TW HK SG",
}
_NAMES: Final = {
    "usa": "US",
    "united states": "US",
    "united states of america": "US",
    "uk": "GB",
    "united kingdom": "GB",
    "great britain": "GB",
    "england": "GB",
    "germany": "DE",
    "deutschland": "DE",
    "france": "FR",
    "spain": "ES",
    "españa": "ES",
    "portugal": "PT",
    "brazil": "BR",
    "brasil": "BR",
    "italy": "IT",
    "italia": "IT",
    "mexico": "MX",
    "méxico": "MX",
    "india": "IN",
    "australia": "AU",
    "netherlands": "NL",
    "nederland": "NL",
    "japan": "JP",
    "china": "CN",
    "korea": "KR",
    "south korea": "KR",
    "poland": "PL",
    "polska": "PL",
    "sweden": "SE",
    "sverige": "SE",
    "switzerland": "CH",
    "schweiz": "CH",
    "austria": "AT",
    "österreich": "AT",
    "belgium": "BE",
    "ireland": "IE",
    "canada": "CA",
    "russia": "RU",
    "turkey": "TR",
    "norway": "NO",
    "norge": "NO",
    "denmark": "DK",
    "danmark": "DK",
    "finland": "FI",
    "suomi": "FI",
    "argentina": "AR",
    "chile": "CL",
    "colombia": "CO",
    "south africa": "ZA",
    "new zealand": "NZ",
    "singapore": "SG",
    "czechia": "CZ",
    "greece": "GR",
    "hungary": "HU",
    "romania": "RO",
    "israel": "IL",
    "ukraine": "UA",
}


def regions_of(languages: pd.Series | None, countries: pd.Series | None, own: str) -> pd.Series | str:
    """Name the countries whose national telephone numbers may stand in each ticket.

    Args:
        languages: BCP 47 tags, one per ticket; None where the export has none.
        countries: ISO 3166 codes or English names, one per ticket; None where the export has none.
        own: the organisation's countries, ISO 3166 codes separated by spaces.

    Returns:
        ISO 3166 codes separated by spaces, one text per ticket, the organisation's among them; `own` where nothing
        else is known.
    """
    columns = [column for column in (languages, countries) if column is not None]
    if not columns:
        return own
    codes, kinds = pd.factorize(pd.MultiIndex.from_arrays([column.astype("str").fillna("") for column in columns]))
    has_language = languages is not None
    texts = [
        _regions(own, kind[0] if has_language else "", kind[-1] if countries is not None else "") for kind in kinds
    ]
    return pd.Series(texts, dtype="str").take(codes).set_axis(columns[0].index)


@lru_cache(maxsize=4096)
def _regions(own: str, language: str, country: str) -> str:
    parts = language.replace("_", "-").split("-")
    tagged = parts[-1].upper() if len(parts) > 1 else ""
    names = [*own.split(), _code(country), tagged, *_OF_LANGUAGES.get(parts[0].lower(), "").split()]
    return " ".join(dict.fromkeys(name for name in names if name in phonenumbers.SUPPORTED_REGIONS))


def _code(country: str) -> str:
    name = country.strip()
    return _NAMES.get(name.lower(), name.upper() if len(name) == 2 else name[:2].upper() if name[2:3] == "-" else "")
