r"""The readings of a record: every text that its bytes may stand for, in one spelling: pure.

A search in bytes misses what a sender writes in another way, and senders do: PHP escapes every
letter beyond ASCII (`\u00f8`), a mail is quoted-printable, a link carries Base64. So all of them
are undone, in here and nowhere else, again and again until nothing new is read.

| spelling | is undone |
|---|---|
| JSON, escapes of programs (`\u0040`, `\xc3\xa9`, `\100`), per cent, HTML | where it stands |
| bytes of UTF-8 taken for Latin-1 (`Ã©`) | where it stands; what is no UTF-8 is Windows' Latin-1 |
| other case, normal forms, widths, punycode, letters that nobody sees | where it stands |
| quoted-printable, `+` for a blank, tags, `\40`, NULs | in a further reading: it may be no escape |
| Base64 (both alphabets, wrapped lines), hex, UTF-7, UTF-16 | in a further reading |

What is encrypted or packed is not read. The time is linear in the bytes.
"""

from __future__ import annotations

import binascii
import codecs
import html
import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator

import orjson

MAX_ROUNDS = 6  # of unescaping in place: JSON in JSON in a query
MAX_DEPTH = 4  # of Base64 in a mail in Base64
_BACK = r"(?<!\\)\\++"  # all of them at once: to try each would cost their number squared
ESCAPE = re.compile(
    rf"(?:{_BACK}u|%[uU]|[uU]\+)([0-9a-fA-F]{{4}})|{_BACK}U([0-9a-fA-F]{{8}})|"
    rf"{_BACK}x([0-9a-fA-F]{{2}})|{_BACK}[ux]\{{0*([0-9a-fA-F]{{1,6}})\}}|{_BACK}([0-3][0-7]{{2}})"
)
OCTAL = 5  # its group
PER_CENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
QUOTE = re.compile(rf"{_BACK}([\"'/])")
BLANK = re.compile(rf"{_BACK}[bfnrtv]")  # of JSON: written with a letter that belongs to no word
# Bytes 80 to BF, as Latin-1 shows them and as Windows does.
_HIGH = "".join(map(chr, range(0x80, 0xC0))) + bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
MISREAD = re.compile(f"(?:[\u00c2-\u00df][{_HIGH}]|[\u00e0-\u00ef][{_HIGH}]{{2}})+")
PUNYCODE = re.compile(r"xn--([a-z0-9-]+)")
UNSEEN = re.compile("[\u034f\u180b-\u180d\ufe00-\ufe0f]")  # beside the category Cf
SOFT_BREAK = re.compile(rf"=(?:{_BACK}r|\r)?(?:{_BACK}n|\n)")  # of a line in a mail
QUOTED_PRINTABLE = re.compile(r"(?:=[0-9a-fA-F]{2})+")
MAIL_WORD = re.compile(r"=\?[^?\s]{1,40}\?[qQ]\?([^?]{0,2000})\?=")  # of a mail's header
TAG = re.compile(r"<[^<>]{0,400}>")
SHORT_HEX = re.compile(rf"{_BACK}0{{0,4}}([0-9a-fA-F]{{2}})\s?")  # of CSS and of LDAP
UNSEEN_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
UTF_7 = re.compile(r"[+&]([A-Za-z0-9+/,]{3,400})(?:-|(?![\w+/,]))")
SMALL = "\u07ff"  # the last letter that UTF-7 is read for: a word after a `+` reads as Chinese
# Every Base64 of a text with an `@` or a number in it has a capital.
BASE64 = re.compile(r"(?<![\w+/-])(?=[a-z0-9_+/-]*[A-Z])[A-Za-z0-9_+/-]{8,}", re.ASCII)
WRAPPED = re.compile(r"(?<=[A-Za-z0-9+/]{60})\s{1,20}(?=[A-Za-z0-9+/]{4})")
DIVIDER = re.compile(r"[_+/-]")  # of an address or a name, if it is not Base64's own
BASIC = str.maketrans("-_", "+/")
HEX = re.compile(r"[0-9a-fA-F]{12,}")
# What of decoded bytes is a text, and not the noise that a word decodes to.
STRETCH = re.compile(
    rb"(?:[\t\n\r -~]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|"
    rb"(?:\A|(?<=[A-Za-z@.\"' ]))[\x80-\xff](?=[A-Za-z@.])){6,}"
)
BOM = "\ufeff"
WIDE = ("utf-16-le", "utf-16-be")


def readings(raw: bytes) -> Iterator[str]:
    """Yield the texts that a record may stand for, the plainest first, each in one spelling."""
    texts: Iterable[str] = _texts_of(raw)
    runs: set[str] = set()  # of Base64 and hex that were decoded
    for _ in range(MAX_DEPTH):
        inner: list[str] = []
        for text in texts:
            for reading in _ways_to_read(text):
                yield folded(reading)
                inner.append("\n".join(_encoded(reading, runs)))
        texts = filter(None, inner)


def _ways_to_read(text: str) -> Iterator[str]:
    """Yield a text, and as it reads with one after the other undone of what may be an escape."""
    for whole in dict.fromkeys((text, SOFT_BREAK.sub("", text))):
        text = unescaped(whole)
        yield text
        for reader in READERS:
            for _ in range(MAX_ROUNDS):
                if (read := reader(text)) == text:
                    break
                text = unescaped(read)
                yield text


def plain(text: str) -> str:
    """Return a text without escapes, in one case and one normal form, nothing unseen in it."""
    return folded(unescaped(text))


def unescaped(text: str) -> str:
    """Return a text with what cannot be meant as it stands read, until nothing changes."""
    for _ in range(MAX_ROUNDS):
        before = text
        if "\\" in text or "%u" in text or "%U" in text or "U+" in text or "u+" in text:
            text = ESCAPE.sub(_character, text)
        if "%" in text:
            text = PER_CENT.sub(lambda found: _bytes_of(found[0].replace("%", "")), text)
        if "&" in text:
            text = html.unescape(text)
        if "\\" in text:
            text = BLANK.sub(" ", QUOTE.sub(r"\1", text))
        if not text.isascii():
            text = MISREAD.sub(_as_utf_8, text)
        if text == before:
            break
    return text


def folded(text: str) -> str:
    """Return a text in one case and one normal form."""
    if text.isascii():
        text = text.lower()
    else:
        if any("\ud800" <= char <= "\udfff" for char in text):  # halves, escaped one by one
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
        text = UNSEEN.sub("", text)
        text = unicodedata.normalize("NFKC", text).casefold()
        text = unicodedata.normalize("NFKC", text).replace("\u3002", ".")
    return PUNYCODE.sub(_host_label, text) if "xn--" in text else text


def _texts_of(raw: bytes) -> Iterator[str]:
    """Yield a record as JSON without its escapes, or as it stands; and as UTF-16."""
    is_json = raw.lstrip()[:1] in (b"{", b"[", b'"')  # a long number would be rounded
    try:
        yield orjson.dumps(orjson.loads(raw)).decode() if is_json else raw.decode(errors=LATIN)
    except (orjson.JSONDecodeError, TypeError):
        try:  # what no standard allows, or is deeper than we write
            yield json.dumps(json.loads(raw), ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            yield raw.decode(errors=LATIN)
    if b"\0" in raw:
        yield from _wide(raw)


def _wide(raw: bytes) -> Iterator[str]:
    for start in (0, 1):
        yield from (raw[start:].decode(encoding, "ignore").replace(BOM, " ") for encoding in WIDE)


def _quoted_printable(text: str) -> str:
    if "=" not in text:
        return text
    text = MAIL_WORD.sub(lambda found: f" {found[1].replace('_', ' ')} ", text)
    text = SOFT_BREAK.sub("", text)
    return QUOTED_PRINTABLE.sub(lambda found: _bytes_of(found[0].replace("=", "")), text)


def _utf_7(text: str) -> str:
    return UTF_7.sub(_wide_letters, text) if "+" in text or "&" in text else text


def _wide_letters(found: re.Match[str]) -> str:
    read = _base64(found[1]).decode("utf-16-be", "ignore")
    return read if read and max(read) <= SMALL else found[0]


def _encoded(text: str, seen: set[str]) -> Iterator[str]:
    """Yield the texts within Base64, hex and UTF-7 that were not seen before."""
    if (read := _utf_7(text)) != text and read not in seen:
        seen.add(read)
        yield read
    for run in {*BASE64.findall(WRAPPED.sub("", text)), *HEX.findall(text)} - seen:
        seen.add(run)
        yield from decoded(run)


def decoded(run: str) -> Iterator[str]:
    """Yield the texts within letters that may be Base64 or hex."""
    # It may begin anywhere in a longer run: four ways to group its letters, and each part.
    parts = [run[start:] for start in range(4)]
    if len(pieces := DIVIDER.split(run)) > 1:
        parts += pieces
    for part in parts:
        yield from _texts_in(_base64(part))
    for found in HEX.findall(run):
        for start in (0, 1):
            pairs = found[start : len(found) - (len(found) - start) % 2]
            yield from _texts_in(bytes.fromhex(pairs))


def _texts_in(decoded: bytes) -> Iterable[str]:
    if decoded.count(0) * 4 >= len(decoded) > 0:
        return _wide(decoded)
    return (text.decode(errors=LATIN) for text in STRETCH.findall(decoded))


# In this order: the later ones take more away.
READERS: tuple[Callable[[str], str], ...] = (
    _quoted_printable,
    lambda text: SHORT_HEX.sub(lambda found: chr(int(found[1], 16)), text),
    lambda text: UNSEEN_CONTROL.sub("", text),
    lambda text: text.replace("+", " "),  # of a form
    lambda text: TAG.sub("", text),
)


def _base64(text: str) -> bytes:
    text = text.translate(BASIC).replace(",", "/")
    if len(text) % 4 == 1:
        text = text[:-1]
    return binascii.a2b_base64(text + "=" * (-len(text) % 4))


def _bytes_of(digits: str) -> str:
    return bytes.fromhex(digits).decode(errors=LATIN)


def _character(found: re.Match[str]) -> str:
    group = found.lastindex or 0
    code = int(found[group], 8 if group == OCTAL else 16)
    return chr(code) if code <= sys.maxunicode else found[0]


def _as_utf_8(found: re.Match[str]) -> str:
    try:
        return b"".join(map(_byte, found[0])).decode()
    except UnicodeError:
        return found[0]


def _byte(char: str) -> bytes:
    return char.encode("latin-1" if char <= "\xff" else "cp1252")


def _host_label(found: re.Match[str]) -> str:
    try:
        label = found[1].encode().decode("punycode")
    except UnicodeError:
        return found[0]
    return unicodedata.normalize("NFKC", label).casefold()


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    try:
        return wrong.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return wrong.decode("latin-1"), error.end


LATIN = "orderstream-latin-1"
codecs.register_error(LATIN, _as_latin_1)
