"""Names of persons in a text by where they stand: after a greeting, under a closing, after `my name is`."""

from __future__ import annotations

import re
from typing import Final

from opslib.intake.notation import words_of
from opslib.intake.privacy.spans import Span, matches_in, windows

_INITIAL: Final = r"(?:[^\W\d_a-zß-öø-ÿа-я]\.\s?)"
_WORD: Final = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
_CAPITAL: Final = (
    r"(?:(?:[Oo]['’]|[Mm]c|[Dd]['’])?[A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĖĘĚĞĢĪĮİĶĹĻĽŁŃŅŇŐŒŔŘŚŞŠŢŤŪŮŰŲŹŻŽȘȚА-ЯЁ](?:[^\W\d_]*(?:['’-][^"
    r"\W\d_]+)*))"
)
_PARTICLE: Final = r"(?:van|von|der|den|de|del|della|di|da|dos|das|la|le|bin|ibn|al|el|ter|zu|e|y)"
_NAME: Final = (
    rf"(?:[A-ZÀ-Þ]\.[ ]?){{0,2}}{_CAPITAL}(?:[ ]{{1,2}}(?:{_INITIAL}|{_PARTICLE}[ ]|{_PARTICLE}[ ]{_PARTICLE}[ ]|"
    rf"(?:and|und|et|&)[ ])?{_CAPITAL}){{0,3}}"
)
_ANY_CASE_NAME: Final = (
    rf"{_WORD}(?:[ ]{{1,2}}(?:[^\W\d_]\.\s)?(?:(?:van|von|der|den|ter|bin|ibn)[ ]){{0,2}}{_WORD}){{0,2}}"
)
_TITLE: Final = (
    r"(?:mr|mrs|ms|mx|miss|dr|prof|sir|madam|herr|frau|herrn|señora|señor|señorita|srta|sra|sr|don|doña|monsieur|"
    r"madame|mademoiselle|mme|mlle|m|senhora|senhor|dona|signora|signor|sig\.ra|sig|"
    r"meneer|mevrouw|dhr|mw|pan|pani|herre|fru)\b\.?"
)
_GREETING: Final = (
    r"(?:hi|hello|hey|hiya|dear|good\s(?:morning|afternoon|evening|day)|greetings|hallo|guten\s(?:tag|morgen|abend)|"
    r"liebe[rs]?|sehr\sgeehrte[rs]?|servus|moin|grüß\sgott|grüezi|hola|buenos\sdías|buenas\s(?:tardes|noches)|"
    r"estimad[oa]|querid[oa]|apreciad[oa]|bonjour|bonsoir|salut|ch[eè]re?|olá|ola|oi|bom\sdia|boa\s(?:tarde|noite)|"
    r"prezad[oa]|car[oa]|caro|ciao|buongiorno|buonasera|salve|gentile|egregio|beste|geachte|hoi|dag|goedemorgen|"
    r"cześć|dzień\sdobry|szanown[ya]|drog[ai]|hej|kära|bäste|kære|hei|привет|здравствуйте|уважаем(?:ый|ая)|"
    r"дорог(?:ой|ая))"
)
_AFTER_GREETING: Final = re.compile(
    rf"(?:(?<=\s)|(?<=[>.,;!\"(])|\A)(?P<greeting>{_GREETING})(?P<title>[ ]{{1,2}}{_TITLE})?[ ]{{1,2}}"
    rf"(?P<name>(?-i:{_NAME})|{_ANY_CASE_NAME}(?=[ ]?[,!:]|[ ]?\n|\s*\Z))",
    re.IGNORECASE,
)
# After a comma begins as often a sentence as a name.
_AFTER_COMMA: Final = re.compile(
    rf"(?:(?<=\s)|(?<=[>.,;!\"(])|\A)(?:{_GREETING}),[ ](?P<name>(?-i:{_CAPITAL}(?:[ ]{_CAPITAL})?))"
    r"(?=[ ]?[,!\n<]|\s*\Z|[.](?:\s*\Z|\s?<|\n|[ ](?-i:[A-Z])))",
    re.IGNORECASE,
)
_AFTER_TITLE: Final = re.compile(
    rf"(?<![\w])(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Herrn|Frau|Señora|Señor|Sra|Sr|Monsieur|Madame|Mme|Mlle|Senhora|"
    rf"Senhor|Signora|Signor)\b\.?[ ]{{1,2}}(?P<name>{_NAME})"
)
_CLOSING: Final = (
    r"(?:(?:kind(?:est)?|best|warm(?:est)?|many|with\s(?:kind|best|warm))\s(?:regards|wishes)|regards|best|cheers|"
    r"thank\syou(?:\s(?:so|very)\smuch|\sin\sadvance|\sfor\syour\s(?:help|time))?|many\sthanks|thanks(?:\s(?:so|"
    r"very)\smuch|\sagain|\sin\sadvance|\sa\slot)?|thx|"
    r"sincerely(?:\syours)?|yours(?:\s(?:sincerely|truly|faithfully))?|respectfully|cordially|take\scare|warmly|love|"
    r"xoxo|sent\sby|signed|"
    r"mit\s(?:freundlichen|besten|lieben|herzlichen)\sgrüßen|(?:viele|liebe|beste|herzliche|freundliche|"
    r"schöne)\sgrüße|mfg|lg|vg|gruß|grüße|freundliche\sgrüsse|mit\sfreundlichem\sgruß|danke|vielen\sdank|"
    r"besten\sdank|hochachtungsvoll|"
    r"(?:un\s)?(?:cordial\s)?saludos?(?:\s(?:cordiales|atentos))?|un\sabrazo|atentamente|(?:muchas\s)?gracias|"
    r"cordialmente|"
    r"cordialement|(?:bien\s)?(?:cordialement|amicalement)|(?:meilleures\s)?salutations(?:\sdistinguées)?|"
    r"bien\sà\svous|merci(?:\s(?:beaucoup|d'avance))?|sincères\ssalutations|bonne\sjournée|"
    r"atenciosamente|(?:com\sos\s)?(?:melhores\s)?cumprimentos|obrigad[oa]|grat[oa]|(?:um\s)?abraços?|abs|att|"
    r"cordiali\ssaluti|distinti\ssaluti|saluti|grazie(?:\smille)?|met\svriendelijke\sgroet(?:en)?|groet(?:en|jes)?|"
    r"mvg|bedankt|pozdrawiam|z\spoważaniem|dziękuję|med\svänliga\shälsningar|mvh|hälsningar|med\svenlig\shilsen|"
    r"с\sуважением|спасибо|よろしくお願いします)"
)
_UNDER_CLOSING: Final = re.compile(
    rf"(?:(?<=\s)|(?<=[>.,;!?])|\A){_CLOSING}(?:[ ]?[,.!:;–—-]{{1,3}})?(?:[ \t]*(?:\r?\n|<br\s?/?>|</p>\s?<p>|"
    rf"</div>\s?<div>|\\n)[> \t]*){{1,3}}(?:[-–—~*]{{1,3}}\s?)?(?P<name>(?-i:{_NAME})|{_ANY_CASE_NAME})(?=[ \t]*[.,!|"
    rf"]?[ \t]*(?:\r?\n|<|\\n|\Z|\s[(|]))",
    re.IGNORECASE,
)
_BESIDE_CLOSING: Final = re.compile(
    rf"(?:(?<=\s)|(?<=[>.,;!?])|\A){_CLOSING}(?:[ ]?[,.!:;–—-]{{1,3}}[ ]{{0,2}}|[ "
    rf"]{{1,2}}[-–—]?)(?P<name>(?-i:{_NAME}))(?=[ \t]*[.!]?[ \t]*(?:\r?\n|<|\\n|\Z))",
    re.IGNORECASE,
)
_DASH: Final = re.compile(
    rf"(?:\n|<br\s?/?>)[ \t]*(?:--|[-–—~])[ ]{{0,2}}(?:\r?\n[ \t]*)?(?P<name>{_NAME})[ \t]*(?=\r?\n|<|\Z)"
)
_DASH_AT_END: Final = re.compile(rf"(?<=[.!?])[ ][-–—~][ ]{{0,2}}(?P<name>{_NAME})[.]?\s*\Z")
_SAYS: Final = (
    r"(?:(?:my\s(?:full\s|first\s|last\s|real\s|legal\s|user\s)?name(?:\sis|['’]s)|my\sname:|mein\sname\sist|"
    r"ich\shei(?:ß|ss)e|me\sllamo|mi\snombre\ses|je\sm['’]appelle|mon\snom\sest|meu\snome\sé|me\schamo|mi\schiamo|"
    r"il\smio\snome\sè|"
    r"mijn\snaam\sis|ik\sheet|nazywam\ssię|mam\sna\simię|jag\sheter|меня\sзовут)"
    r"|(?:full\sname|first\sname|last\sname|surname|family\sname|given\sname|contact\s(?:name|person)|customer\sname|"
    r"account\sholder|card\s?holder(?:\sname)?|name\son\s(?:the\s)?(?:card|account)|nachname|vorname|"
    r"nombre(?:\scompleto)?|apellidos?|prénom|"
    r"nom(?:\scomplet)?|nome(?:\scompleto)?|sobrenome|cognome|from|attn|name)\s?[:=])"
)
_AFTER_SAYS: Final = re.compile(
    rf"(?<![\w]){_SAYS}[ \t]{{0,3}}[\"'“„]?(?:{_TITLE}[ ])?(?P<name>(?-i:{_NAME})|{_ANY_CASE_NAME}(?=[ ]?[,.!;)\"\n]|"
    rf"\s*\Z|\s(?:and|und|y|et|e)\b))",
    re.IGNORECASE,
)
_THIS_IS: Final = re.compile(
    rf"\b(?:this\sis|it['’]s|i\sam|i['’]m|hier\s(?:ist|spricht)|ich\sbin|soy|habla|aquí|je\ssuis|c['’]est|ici|"
    rf"sou\s(?:o|a)|aqui\sé|sono)\s(?P<name>(?-i:{_CAPITAL}[ ](?:{_INITIAL}|(?:{_PARTICLE}[ ]){{1,2}})?{_CAPITAL}(?:[ "
    rf"]{_CAPITAL})?))(?=\s(?:from|here|and|again|writing|calling|speaking|von|aus|de|da|und|y|et|e|with)\b|[,.!])",
    re.IGNORECASE,
)
_SPOKE: Final = re.compile(
    rf"\b(?:spoke\s(?:to|with)|talked\s(?:to|with)|chatted\swith|helped\sby|assisted\sby|agent|representative|rep|"
    rf"colleague|adviser|advisor|operator|manager|supervisor|(?:my\s(?:wife|husband|son|daughter|mother|father|"
    rf"brother|sister|friend|boss|partner|colleague)),?)"
    rf"(?:\s(?:named|called))?[ ](?P<name>(?-i:{_CAPITAL}(?:[ ]{_CAPITAL})?))(?![\w])",
    re.IGNORECASE,
)
GREETING_SIGN: Final = (
    r"(?:^|[\s>.,;!\"(])(?:(?i:"
    + _GREETING
    + r"))(?: {1,2}(?i:"
    + _TITLE
    + r"))? {1,2}(?:[A-Z\x{C0}-\x{10FFFF}][A-Za-z\x{C0}-\x{10FFFF}]|[oOdD]['’][A-Z\x{C0}-\x{10FFFF}]|"
    r"[mM]c[A-Z\x{C0}-\x{10FFFF}])|\b(?i:"
    + _GREETING
    + r"), [A-Z\x{C0}-\x{10FFFF}][A-Za-z\x{C0}-\x{10FFFF}'’-]+(?: [A-Z\x{C0}-\x{10FFFF}][A-Za-z\x{C0}-\x{10FFFF"
    r"}'’-]+)?[,!.\n]"
    r"|\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herr|Herrn|Frau|Señora|Señor|Sra|Sr|Monsieur|Madame|Mme|Mlle|Senhora|Senhor|"
    r"Signora|Signor)\b\.? [A-Z\x{C0}-\x{10FFFF}]"
)
QUIET_GREETING_SIGN: Final = (
    r"(?:^|[\s>.,;!\"(])(?i:"
    + _GREETING
    + (
        r") {1,2}[a-z\x{C0}-\x{10FFFF}][A-Za-z\x{C0}-\x{10FFFF}'’-]+(?: {1,2}[A-Za-z\x{C0}-\x{10FFFF}'’-]+)?"
        r"(?:(?: (?:van|von|der|den|ter|bin|ibn)){1,2} [A-Za-z\x{C0}-\x{10FFFF}'’-]+)? "
        r"?(?:[,!:\n]|"
        r"$)"
    )
)
TO_NOBODY: Final = (
    r"(?i)\b(?:"
    + _GREETING
    + (
        r") {1,2}(?:team|there|all|everyone|everybody|support|sir|guys|folks|again|equipo|equipe|équipe|zusammen|a "
        r"todos|"
        r"à tous|madam|customer|everybody)\b"
    )
)
CLOSING_SIGN: Final = (
    r"(?i:" + _CLOSING + r")(?: ?[,.!:;–—-]{1,3})?(?:(?:\s|<br ?/?>|</p>|<p>|</div>|<div>|\\n|>)+(?:[-–—~*]{1,3} "
    r"?)?[A-Z\x{C0}-\x{10FFFF}](?:[^.,:;?!\n<]|\b[A-Z]\.)*[.!]?\s*(?:$|\n|<|\\n)"
    r"|[ \t]*(?:\n|<br ?/?>|</p>|</div>|\\n)[>\s]*(?:[-–—~*]{1,3} ?)?[A-Za-z\x{C0}-\x{10FFFF}][A-Za-z\x{C0}-\x{10FFFF"
    r"} .'’-]*[.,!]?\s*(?:$|\n|<))"
    r"|(?:\n|<br ?/?>)[ \t]*[-–—~]{1,2}\s*[A-Z\x{C0}-\x{10FFFF}][A-Za-z\x{C0}-\x{10FFFF} .'’-]*\s*(?:$|\n|<)|[.!?] "
    r"[-–—~] {0,2}[A-Z\x{C0}-\x{10FFFF}][A-Za-z\x{C0}-\x{10FFFF} .'’-]*$"
)
SAID_NAME_SIGN: Final = (
    r"(?i)"
    + _SAYS
    + r"|\b(?:this is|it['’]s|i am|i['’]m|hier ist|hier spricht|ich bin|soy|habla|aquí|je suis|c['’]est|ici|sou "
    r"[oa]|aqui é|sono) (?-i:[A-Z\x{C0}-\x{10FFFF}][^\s]* (?:[a-z]{1,5} ){0,2}[A-Z\x{C0}-\x{10FFFF}])"
    r"|\b(?:spoke|talked|chatted|helped by|assisted by|agent|rep|representative|colleague|advis[eo]r|operator|"
    r"manager|supervisor|wife|husband|son|daughter|mother|father|brother|sister|friend|boss|partner)(?: to| with| "
    r"by)?(?: named| called)?,? ?(?-i: [A-Z\x{C0}-\x{10FFFF}][a-z\x{C0}-\x{10FFFF}])"
)
_NO_NAME: Final = words_of(
    """
    team support there all everyone everybody sir sirs madam madame customer customers service services help desk
    helpdesk staff friends folks guys people again
    sales billing admin administrator administrators moderator moderators agent agents community group colleagues
    colleague ladies gentlemen both anyone someone
    user users member members client clients valued account department dept office company management manager
    developers developer devs engineering security
    hi hello hey dear good morning afternoon evening day to from for with and or the a an this that these those it is
    are was i i'm im i've my we you your our they he
    she his her their can could would should will please thank thanks if when what why how where who which not no yes
    ok okay just so but in on at of as by be been
    have has had do does did am after before since while today yesterday tomorrow last next every some any each both
    another one two three first second new sent get got
    trust safety commerce creator creators general platform app web site website bot system technical tech it
    customer-service customerservice info mail email
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december
    zusammen leute herren damen liebes kundenservice kundendienst kunde kunden ich sie wir es das der die ein eine
    mein meine ihr euer unser und oder aber bitte danke
    können kann wie was warum wann wo seit nach ab an auf im in mit für von zu beim vom am alle hallo guten tag
    equipo señores señor señora soporte atención cliente a todos todas amigos buenos buenas días tardes noches el la
    los las un una mi su y o pero por favor gracias
    hola desde cuando no se me he puedo quiero necesito tengo
    équipe messieurs mesdames monsieur service client bonjour à tous je le la les un une mon ma votre et ou mais merci
    il nous vous depuis quand pourquoi
    equipe senhores senhora senhor suporte atendimento cliente pessoal turma bom boa dia tarde noite o os as um uma
    meu minha e eu não por favor obrigado obrigada
    team! squadra assistenza clienti signori supporto io il lo gli
    beste iedereen klantenservice heer mevrouw zespole państwo wszyscy
    windows android iphone ios mac macos linux firefox thunderbird mozilla chrome google apple microsoft amazon
    netflix spotify facebook instagram twitter paypal outlook telegram tiktok youtube discord whatsapp snapchat skype
    slack teams steam venmo reddit twitch linkedin pinterest ig fb required optional
    empty hidden mandatory field unset untitled
    ho sto avrei vorrei siri alexa cortana fresh diary res fi tool console portal dashboard panel center centre
    friday monday tuesday wednesday thursday saturday sunday
    gmail yahoo zendesk internet windows10 unable able sure fine great happy sorry glad writing having getting going
    trying using looking waiting pleased hoping
    english deutsch español français american canadian german spanish french mobile desktop pc regards best cheers
    sincerely yours kind many warm re fwd fw
    verified unverified misspelled spelled listed shown displayed blank missing taken wrong correct already there
    winner friend neighbor neighbour sir/madam whom concern world kitty chatbot assistant reply answer update response
    love looking advance much very lot million tons bunch anyway anyways
    for your waiting vg mfg lg br none null unknown n/a na test
    """
)
_TITLES: Final = words_of(
    "mr mrs ms mx miss dr prof herr herrn frau señora señor señorita sra sr srta monsieur madame mademoiselle mme "
    "mlle senhora senhor signora signor sig don doña dona"
)
_JOINERS: Final = words_of("van von der den de del della di da dos das la le bin al el ter zu e y and und et")
_MOST_WORDS: Final = 5


_CLOSING_HEADS: Final = re.compile(
    r"regards|wishes|best|cheers|thank|thx|sincerely|yours|respect|cordial|take care|warmly|love|xoxo|sent by|signed|"
    r"grü|gruß|gruss|mfg|lg|vg|dank|hochacht|saludo|abrazo|atent|gracias|amical|salut|bien à|merci|"
    r"bonne|atencios|cumprim|obrigad|grat|abraço|abs|att|saluti|grazie|groet|mvg|pozdraw|poważ|dzięk|hälsn|mvh|"
    r"hilsen|уважен|спасибо|よろ"
)
_SAID_HEADS: Final = re.compile(
    r"name|heiß|heiss|llamo|nombre|appelle|nom|nome|chamo|chiamo|naam|heet|nazywam|imię|heter|зовут|surname|contact|"
    r"holder|apellido|prénom|cognome|from|attn|this is|it['’]s|i am|i['’]m|hier|ich bin|soy|habla|aquí|je suis|"
    r"c['’]est|ici|sou |aqui|sono|spoke|talked|chatted|helped|assisted|agent|rep|colleague|advis|operator|manager|"
    r"supervisor|my "
)


def greeted_names(text: str) -> list[Span]:
    """Names after a greeting or a title."""
    return _names(text, [(0, len(text))], _AFTER_GREETING, _AFTER_COMMA, _AFTER_TITLE)


def signed_names(text: str) -> list[Span]:
    """Names under a closing."""
    near = windows(text, _CLOSING_HEADS, 40, 160)
    return [*_names(text, near, _UNDER_CLOSING, _BESIDE_CLOSING), *_names(text, [(0, len(text))], _DASH, _DASH_AT_END)]


def said_names(text: str) -> list[Span]:
    """Names where somebody says who they are, or with whom they spoke."""
    return _names(text, windows(text, _SAID_HEADS, 20, 160), _AFTER_SAYS, _THIS_IS, _SPOKE)


def _names(text: str, stretches: list[tuple[int, int]], *patterns: re.Pattern[str]) -> list[Span]:
    spans: list[Span] = []
    for match in matches_in(text, stretches, *patterns):
        _add_name(spans, text, *match.span("name"))
    return spans


_WORDS: Final = re.compile(_WORD)


def _add_name(spans: list[Span], text: str, start: int, end: int) -> None:
    """The words up to the first that is no part of a name; nothing where it comes first."""
    last = start
    for number, word in enumerate(_WORDS.finditer(text, start, end)):
        lowered = word.group().lower().replace("’", "'")
        if lowered in _TITLES and last == start:
            start = last = word.end() + (text[word.end() : word.end() + 1] == ".")
            continue
        if (len(lowered) == 1 and text[word.end() : word.end() + 1] == ".") or (lowered in _JOINERS and last > start):
            continue
        if lowered in _NO_NAME or (word.group().isupper() and len(lowered) > 1 and not text[start:end].isupper()):
            break
        last = word.end()
        if number > _MOST_WORDS:
            return
    start += len(text[start:last]) - len(text[start:last].lstrip())
    if last - start >= 2:
        spans.append((start, last, "name"))
