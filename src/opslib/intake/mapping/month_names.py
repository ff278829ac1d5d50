"""The names of months in European languages, as they are written in times."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from functools import cache
from typing import Final

ENGLISH: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Twelve months a language, the ways to write one set apart by spaces; accents do not count.
_NAMES: Final = {
    "ca": "gener gen|febrer febr feb|marc mar|abril abr|maig|juny jun|juliol jul|agost ag|setembre set|octubre oct|"
    "novembre nov|desembre des",
    "cs": "leden ledna led|unor unora uno|brezen brezna bre|duben dubna dub|kveten kvetna kve|cerven cervna cvn|"
    "cervenec cervence cvc|srpen srpna srp|zari zar|rijen rijna rij|listopad listopadu lis|prosinec prosince pro",
    "da": "januar jan|februar feb|marts mar|april apr|maj|juni jun|juli jul|august aug|september sept sep|oktober okt|"
    "november nov|december dec",
    "de": "januar janner jan|februar feber feb|marz maerz mrz mar|april apr|mai|juni jun|juli jul|august aug|"
    "september sept sep|oktober okt|november nov|dezember dez",
    "en": "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sept sep|"
    "october oct|november nov|december dec",
    "es": "enero ene|febrero feb|marzo mar|abril abr|mayo may|junio jun|julio jul|agosto ago|"
    "septiembre setiembre sept sep set|octubre oct|noviembre nov|diciembre dic",
    "fi": "tammikuuta tammikuu tammi|helmikuuta helmikuu helmi|maaliskuuta maaliskuu maalis|huhtikuuta huhtikuu huhti|"
    "toukokuuta toukokuu touko|kesakuuta kesakuu kesa|heinakuuta heinakuu heina|elokuuta elokuu elo|"
    "syyskuuta syyskuu syys|lokakuuta lokakuu loka|marraskuuta marraskuu marras|joulukuuta joulukuu joulu",
    "fr": "janvier janv jan|fevrier fevr fev|mars mar|avril avr|mai|juin|juillet juil|aout|septembre sept sep|"
    "octobre oct|novembre nov|decembre dec",
    "hr": "sijecanj sijecnja sij|veljaca veljace velj|ozujak ozujka ozu|travanj travnja tra|svibanj svibnja svi|"
    "lipanj lipnja lip|srpanj srpnja srp|kolovoz kolovoza kol|rujan rujna ruj|listopad listopada lis|"
    "studeni studenoga studenog stu|prosinac prosinca pro",
    "hu": "januar jan|februar febr feb|marcius marc|aprilis apr|majus maj|junius jun|julius jul|augusztus aug|"
    "szeptember szept|oktober okt|november nov|december dec",
    "it": "gennaio gen|febbraio febbr feb|marzo mar|aprile apr|maggio mag|giugno giu|luglio lug|agosto ago|"
    "settembre sett set|ottobre ott|novembre nov|dicembre dic",
    "nb": "januar jan|februar feb|mars mar|april apr|mai|juni jun|juli jul|august aug|september sept sep|oktober okt|"
    "november nov|desember des",
    "nl": "januari jan|februari feb|maart mrt|april apr|mei|juni jun|juli jul|augustus aug|september sept sep|"
    "oktober okt|november nov|december dec",
    "pl": "styczen stycznia sty|luty lutego lut|marzec marca mar|kwiecien kwietnia kwi|maj maja|czerwiec czerwca cze|"
    "lipiec lipca lip|sierpien sierpnia sie|wrzesien wrzesnia wrz|pazdziernik pazdziernika paz|"
    "listopad listopada lis|grudzien grudnia gru",
    "pt": "janeiro jan|fevereiro fev|marco mar|abril abr|maio mai|junho jun|julho jul|agosto ago|setembro set|"
    "outubro out|novembro nov|dezembro dez",
    "ro": "ianuarie ian|februarie feb|martie mar|aprilie apr|mai|iunie iun|iulie iul|august aug|septembrie sept sep|"
    "octombrie oct|noiembrie noi nov|decembrie dec",
    "ru": "январь января янв|февраль февраля февр фев|март марта мар|апрель апреля апр|май мая|июнь июня июн|"
    "июль июля июл|август августа авг|сентябрь сентября сент сен|октябрь октября окт|ноябрь ноября нояб ноя|"
    "декабрь декабря дек",
    "sk": "januar januara jan|februar februara feb|marec marca mar|april aprila apr|maj maja|jun juna|jul jula|"
    "august augusta aug|september septembra sep|oktober oktobra okt|november novembra nov|december decembra dec",
    "sv": "januari jan|februari feb|mars mar|april apr|maj|juni jun|juli jul|augusti aug|september sept sep|"
    "oktober okt|november nov|december dec",
    "tr": "ocak oca|subat sub|mart mar|nisan nis|mayis mayıs may|haziran haz|temmuz tem|agustos agu|eylul eyl|ekim eki|"
    "kasim kasım kas|aralik aralık ara",
    "uk": "січень січня січ|лютий лютого лют|березень березня бер|квітень квітня квіт кві|травень травня трав тра|"
    "червень червня черв чер|липень липня лип|серпень серпня серп сер|вересень вересня вер|"
    "жовтень жовтня жовт жов|листопад листопада лис|грудень грудня груд гру",
}
LANGUAGES: Final = tuple(_NAMES)
"""The codes of the languages whose months are known."""


def without_accents(text: str) -> str:
    """The letters of a text without what stands above or below them."""
    return "".join(each for each in unicodedata.normalize("NFD", text) if not unicodedata.combining(each))


@cache
def months_of(language: str | None) -> dict[str, str]:
    """The English abbreviation of each name of a month.

    Args:
        language: a code of `LANGUAGES`; None for all of them, without the names that are one month in one language and
            another in another.
    """
    meanings: dict[str, set[str]] = defaultdict(set)
    for code in LANGUAGES if language is None else ("en", language):
        for month, names in zip(ENGLISH, _NAMES[code].split("|"), strict=True):
            for name in names.split():
                meanings[without_accents(name)].add(month)
    own = meanings if language is None else {**meanings, **_own(language)}
    return {name: next(iter(months)) for name, months in own.items() if len(months) == 1}


def _own(language: str) -> dict[str, set[str]]:
    pairs = zip(ENGLISH, _NAMES[language].split("|"), strict=True)
    return {without_accents(name): {month} for month, names in pairs for name in names.split()}


@cache
def languages_of(name: str) -> tuple[str, ...]:
    """The languages in which a month has that name."""
    return tuple(code for code in LANGUAGES if without_accents(name).casefold() in _own(code))
