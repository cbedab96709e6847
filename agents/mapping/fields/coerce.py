"""Every value that leaves the mapping is fitted to its field's type here.

So no document can make a row that fails Salesforce's type check: a value is fitted (cut, rounded,
rewritten) or left out, and a note says so. Notes name fields and lengths, never the values: they
are kept in `salesforce.results`, and values are personal data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from agents.mapping.fields.dates import iso_datetime, parse_datetime
from agents.mapping.fields.field_types import MAX_TEXT, FieldType
from agents.mapping.fields.rich_text import RichText, cut_as_html, length_as_html
from agents.mapping.fields.values import NO, YES, Thousandths, decimal_of, is_blank, text_of
from schemas.email import ORDINARY, seen, why_not

# (value, notes, label) → fitted value, or None to leave the field out
Step = Callable[[Any, list[str], str], Any]

MAX_UTF16 = 0xFFFF
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
LINE_BREAKS = re.compile(r"[ \t]*[\r\n]+[ \t]*")
THOUSANDTH = Decimal("0.001")
NOISE = Decimal("0.001")  # of a unit: what PHP's floats are off by is no digit of anybody's
PLAIN_NUMBERS = (int, float)  # and no subclass: no flag, no thousandths
FLOAT_DIGITS = 15  # a float tells decimals of so many digits apart
RECORD_ID = re.compile(r"[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?")


def fitting(field_type: FieldType) -> Step:
    """Return the step that fits any value to the type."""
    return MAKERS[field_type.kind](field_type)


def utf16_length(text: str) -> int:
    """Return the length as Salesforce (Java) counts it: characters beyond U+FFFF count twice."""
    return len(text) if text.isascii() else len(text) + sum(ord(c) > MAX_UTF16 for c in text)


def cut(text: str, length: int) -> str:
    """Return the text cut to `length` UTF-16 units; no character is cut in two."""
    if len(text) > length:
        text = text[:length]
    while utf16_length(text) > length:
        text = text[: -max(1, (utf16_length(text) - length) // 2)]
    return text


def clean(text: str) -> str:
    """Return the text without what no field can hold: control characters, half characters."""
    return text if text.isprintable() else UNPRINTABLE.sub("", text)


def plain_length(field_type: FieldType) -> int:
    """Return up to how many characters a printable text surely fits, less the blanks around it.

    Nearly every value of a field of text does: the loop over all fields looks for itself, and asks
    the step for the others. -1: the type has more to look after.
    """
    is_text = MAKERS[field_type.kind] in (_text, _textarea)
    return field_type.length // 2 if is_text else -1


def _text(field_type: FieldType, *, one_line: bool = True) -> Step:
    length, surely_short = field_type.length, field_type.length // 2

    def fit(value: Any, notes: list[str], label: str) -> Any:
        text = text_of(value)
        if not text.isprintable():
            text = UNPRINTABLE.sub("", text)
            text = LINE_BREAKS.sub(" ", text) if one_line else text.replace("\r\n", "\n")
        text = text.strip()
        if len(text) > surely_short and utf16_length(text) > length:
            if not one_line and "\n" in text:
                return _whole_lines(text, length, notes, label)
            notes.append(f"{label}: cut from {utf16_length(text)} to {length} characters")
            text = cut(text, length).rstrip()
        if not text:
            if not is_blank(value):
                notes.append(f"{label}: not a text, left out")
            return None
        return text

    return fit


def _whole_lines(text: str, length: int, notes: list[str], label: str) -> str:
    """Return the lines that fit, and how many do not; a line that alone is too long is cut."""
    lines = text.split("\n")
    room = length - len(f"… and {len(lines)} more lines") - 1
    used, kept = 0, 0
    for line in lines:
        used += utf16_length(line) + 1
        if used > room:
            break
        kept += 1
    notes.append(f"{label}: {kept} of {len(lines)} lines fit into {length} characters")
    head = "\n".join(lines[:kept]) if kept else cut(lines[0], room).rstrip()
    left = len(lines) - max(kept, 1)
    return f"{head}\n… and {left} more lines" if left else head


def _textarea(field_type: FieldType) -> Step:
    return _text(field_type, one_line=False)


def _html(field_type: FieldType) -> Step:
    fit_plain, length = _textarea(replace(field_type, length=MAX_TEXT)), field_type.length

    def fit(value: Any, notes: list[str], label: str) -> Any:
        text = fit_plain(value, notes, label)
        if text is None:
            return None
        if (whole := length_as_html(text)) > length:
            notes.append(f"{label}: cut from {whole} to {length} characters, as HTML counts")
            text = cut_as_html(text, length)
        return RichText(text) if text else None

    return fit


def seen_email(value: Any, notes: list[str], label: str) -> str:
    """Return an address without what nobody sees, and note that there was something."""
    sent = text_of(value).strip()
    text = seen(sent)
    if text != sent:
        notes.append(f"{label}: characters that nobody sees were taken out of the e-mail address")
    return text


def _email(field_type: FieldType) -> Step:
    length = field_type.length

    def fit(value: Any, notes: list[str], label: str) -> Any:
        if type(value) is str and len(value) <= length and ORDINARY.fullmatch(value):
            return value  # nearly every one; all of it can be seen
        text = seen_email(value, notes, label)
        if not text:
            if not is_blank(value):
                notes.append(f"{label}: not an e-mail address, left out")
        elif len(text) > length:
            notes.append(
                f"{label}: longer than {length} characters, left out (a part is no address)"
            )
        elif reason := why_not(text):
            notes.append(f"{label}: not an e-mail address, left out: {reason}")
        else:
            return text
        return None

    return fit


def _spelling_of(field_type: FieldType) -> Callable[[str], str]:
    """Return what spells a value as the picklist does, which knows no case (article 000386557)."""
    spellings = {text.lower(): text for text in field_type.listed}
    spellings |= {text: text for text in field_type.listed}
    return lambda text: spellings.get(text) or spellings.get(text.lower(), text)


def _picklist(field_type: FieldType) -> Step:
    fit_text, choices, spelled = _text(field_type), field_type.choices, _spelling_of(field_type)
    as_listed = frozenset(field_type.listed) if choices is None else choices
    if choices is None and not as_listed:
        return fit_text

    def fit(value: Any, notes: list[str], label: str) -> Any:
        text = fit_text(value, notes, label)
        if text is None or text in as_listed:
            return text
        text = spelled(text)
        if choices is None or text in choices:
            return text
        notes.append(f"{label}: not a value of the restricted picklist, left out")
        return None

    return fit


def _multipicklist(field_type: FieldType) -> Step:
    choices, spelled = field_type.choices, _spelling_of(field_type)

    def fit(value: Any, notes: list[str], label: str) -> Any:
        parts = value if isinstance(value, list) else text_of(value).split(";")
        texts = [spelled(clean(text_of(part)).strip()) for part in parts]
        kept = [text for text in texts if text and (choices is None or text in choices)]
        if len(kept) < sum(bool(text) for text in texts):
            notes.append(f"{label}: values that are not in the picklist left out")
        while kept and utf16_length(";".join(kept)) > field_type.length:
            kept.pop()
        return ";".join(kept) or None

    return fit


def _number(field_type: FieldType) -> Step:
    limit = Decimal(10) ** (field_type.precision - field_type.scale)
    unit = Decimal(1).scaleb(-field_type.scale)
    is_whole = field_type.scale == 0
    # Salesforce keeps what the API says, whatever digits the field shows (article 000385689).
    fine = unit if is_whole else min(unit, THOUSANDTH)
    scale = field_type.scale
    surely_exact = float(min(limit, Decimal(10) ** (FLOAT_DIGITS - scale)))

    def fit(value: Any, notes: list[str], label: str) -> Any:
        if type(value) in PLAIN_NUMBERS and not is_whole and -surely_exact < value < surely_exact:
            # Nearly every amount: with so few digits its text says no more than the rounded one.
            plain = round(value, scale) + 0.0
            if plain == value:
                return plain
        number = decimal_of(value)
        if number is None:
            if not is_blank(value):
                notes.append(f"{label}: not a number, left out")
            return None
        # Compared first: quantize of an astronomic number raises.
        if number.copy_abs() < limit:
            used = fine if type(value) is Thousandths else unit
            rounded = number.quantize(used, ROUND_HALF_UP)
            result = int(rounded) if is_whole else float(rounded) + 0.0  # + 0.0: no minus zero
            if abs(result) < limit:
                if rounded != number and abs(rounded - number) >= used * NOISE:
                    digits = -used.adjusted()
                    notes.append(f"{label}: rounded to {digits} digits after the point")
                return result
        notes.append(f"{label}: more than {limit.adjusted()} digits before the point, left out")
        return None

    return fit


def _moment(what: str, write: Callable[[datetime], str]) -> Callable[[FieldType], Step]:
    """Return the step of a type that is read as a moment and written by `write`."""

    def fit(value: Any, notes: list[str], label: str) -> Any:
        moment = parse_datetime(value)
        if moment is None:
            if not is_blank(value):
                notes.append(f"{label}: not a {what}, left out")
            return None
        return write(moment)

    return lambda _: fit


def _checkbox(_: FieldType) -> Step:
    def fit(value: Any, notes: list[str], label: str) -> Any:
        text = text_of(value).strip().lower()
        if text in YES:
            return True
        if text in NO:
            return False
        if not is_blank(value):
            notes.append(f"{label}: neither yes nor no, left out")
        return None

    return fit


def _id(_: FieldType) -> Step:
    def fit(value: Any, notes: list[str], label: str) -> Any:
        text = text_of(value).strip()
        if RECORD_ID.fullmatch(text):
            return text
        if not is_blank(value):
            notes.append(f"{label}: not a Salesforce record id, left out")
        return None

    return fit


MAKERS: dict[str, Callable[[FieldType], Step]] = {
    "text": _text,
    "textarea": _textarea,
    "html": _html,
    "email": _email,
    "phone": _text,
    "url": _text,
    "picklist": _picklist,
    "multipicklist": _multipicklist,
    "number": _number,
    "date": _moment("date", lambda moment: moment.date().isoformat()),
    "datetime": _moment("time", iso_datetime),
    "checkbox": _checkbox,
    "id": _id,
}
