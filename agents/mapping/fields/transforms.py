"""The transforms a mapping file may name: one table, read by the loader, the docs and the tests.

A transform gets a value that is not blank and returns a value, or None when the value is of no use
to it; what happens to a blank then (`or_else`, `default`, left out) is the rule's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context
from typing import Any

from agents.mapping.fields.coerce import Step, clean, cut, seen_email, utf16_length
from agents.mapping.fields.dates import iso_of, parse_datetime, parse_shift, shifted
from agents.mapping.fields.values import decimal_of, text_of, yes_or_no
from schemas.email import ORDINARY, why_not

MAX_SCALE = 12
MAX_WHOLE = 10**18
MAX_DIGITS = 24  # beyond it a number is no amount and no quantity
ALL_DIGITS = Context(prec=MAX_DIGITS + MAX_SCALE + 1)  # the default stops at 28 of both
COUNTRY_CODE_LETTERS = 2


class BadArgumentsError(ValueError):
    """The arguments of a transform are wrong; the message says how it is written."""


@dataclass(frozen=True, slots=True)
class Transform:
    """`make` turns the texts between the parentheses into the step; `usage` is for people."""

    usage: str
    purpose: str
    make: Callable[[tuple[str, ...]], Step]


def simple(function: Callable[[Any], Any]) -> Callable[[tuple[str, ...]], Step]:
    """Return a maker for a transform without arguments."""

    def make(args: tuple[str, ...]) -> Step:
        if args:
            raise BadArgumentsError("takes no arguments")
        return lambda value, _notes, _label: function(value)

    return make


def _date(args: tuple[str, ...]) -> Step:
    shifts = [parse_shift(arg) for arg in args]
    if len(args) > 1 or None in shifts:
        raise BadArgumentsError("is written `date` or `date(+1 month)`: days, weeks, months, years")
    shift = shifts[0] if shifts else None

    def step(value: Any, _notes: list[str], _label: str) -> Any:
        moment = parse_datetime(value)
        if moment is None:
            return None
        day = shifted(moment.date(), *shift) if shift else moment.date()
        return day.isoformat() if day else None

    return step


def _datetime(value: Any) -> str | None:
    return iso_of(value) or None


def _decimal(args: tuple[str, ...]) -> Step:
    scale = _count(args, "is written `decimal(2)`: digits after the point, 0 to 12", MAX_SCALE)

    def step(value: Any, _notes: list[str], _label: str) -> Any:
        number = decimal_of(value)
        if number is None or number.adjusted() >= MAX_DIGITS:
            return None
        return float(round_half_up(number, scale))

    return step


def round_half_up(number: Any, scale: int) -> Any:
    """Return the decimal rounded as invoices are: 0.005 → 0.01, -0.005 → -0.01."""
    return number.quantize(type(number)(1).scaleb(-scale), ROUND_HALF_UP, context=ALL_DIGITS)


def _plain_number(value: Any) -> str | None:
    """`"2.0000"` → `2`, `1.5` → `1.5`: how people write a quantity."""
    if type(value) is int and -MAX_WHOLE < value < MAX_WHOLE:
        return str(value)
    number = decimal_of(value)
    if number is None or not -MAX_SCALE <= number.adjusted() < MAX_DIGITS:
        return None if number is None or number else "0"
    text = format(round_half_up(number, MAX_SCALE), "f").rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _truncate(args: tuple[str, ...]) -> Step:
    length = _count(args, "is written `truncate(80)`: most characters", 1_000_000, least=1)

    def step(value: Any, notes: list[str], label: str) -> Any:
        text = text_of(value)
        if utf16_length(text) > length:
            notes.append(f"{label}: cut from {utf16_length(text)} to {length} characters")
        return cut(text, length)

    return step


def _join(args: tuple[str, ...]) -> Step:
    if len(args) > 1:
        raise BadArgumentsError('is written `join(", ")`: what stands between the lines')
    separator = args[0] if args else ", "

    def step(value: Any, _notes: list[str], _label: str) -> Any:
        lines = (line.strip() for line in text_of(value).splitlines())
        return separator.join(line for line in lines if line)

    return step


def _yes_no(args: tuple[str, ...]) -> Step:
    if len(args) not in (0, 2):
        raise BadArgumentsError("is written `yes_no` or `yes_no(Ja, Nein)`")
    yes, no = args or ("Yes", "No")

    def step(value: Any, _notes: list[str], _label: str) -> Any:
        flag = yes_or_no(value)
        return None if flag is None else yes if flag else no

    return step


def _replace(args: tuple[str, ...]) -> Step:
    if len(args) != 2 or not args[0]:  # noqa: PLR2004 - what, with what
        raise BadArgumentsError('is written `"replace(old, new)"`')
    return lambda value, _notes, _label: text_of(value).replace(*args)


def _line(args: tuple[str, ...]) -> Step:
    number = _count(args, "is written `line(1)`: which line, from 1", 100, least=1)

    def step(value: Any, _notes: list[str], _label: str) -> Any:
        lines = [line.strip() for line in text_of(value).splitlines()]
        return lines[number - 1] if len(lines) >= number else None

    return step


def _country(value: Any) -> str:
    text = text_of(value).strip()
    return text.upper() if len(text) == COUNTRY_CODE_LETTERS else text


def _email(args: tuple[str, ...]) -> Step:
    if args:
        raise BadArgumentsError("takes no arguments")

    def step(value: Any, notes: list[str], label: str) -> str | None:
        if type(value) is str and ORDINARY.fullmatch(value):
            return value.lower()
        text = seen_email(value, notes, label).lower()
        if reason := why_not(text):
            notes.append(f"{label}: not an e-mail address: {reason}")
            return None
        return text

    return step


def _before_at(value: Any) -> str:
    return text_of(value).partition("@")[0]


def _after_at(value: Any) -> str:
    return text_of(value).partition("@")[2]


def _checkbox(value: Any) -> bool | None:
    return yes_or_no(value)


def _count(args: tuple[str, ...], usage: str, most: int, *, least: int = 0) -> int:
    if len(args) != 1 or not args[0].isdecimal() or not least <= int(args[0]) <= most:
        raise BadArgumentsError(usage)
    return int(args[0])


TRANSFORMS: dict[str, Transform] = {
    "after_at": Transform("after_at", "the domain of an e-mail address", simple(_after_at)),
    "before_at": Transform("before_at", "an e-mail address up to its @", simple(_before_at)),
    "checkbox": Transform(
        "checkbox", "1, yes, true → true; 0, no, false → false", simple(_checkbox)
    ),
    "country": Transform("country", "two-letter codes in capitals", simple(_country)),
    "date": Transform("date(+1 month)", "day of a timestamp, moved if you say so", _date),
    "datetime": Transform("datetime", "timestamp as Salesforce reads it, UTC", simple(_datetime)),
    "decimal": Transform("decimal(2)", "number rounded half up", _decimal),
    "email": Transform("email", "address in lower case; blank when it is none", _email),
    "join": Transform('join(", ")', "list or lines as one line", _join),
    "line": Transform("line(1)", "one line of a list or text, from 1", _line),
    "lines": Transform("lines", "list as one text, a line each", simple(text_of)),
    "lower": Transform("lower", "lower case", simple(lambda value: text_of(value).lower())),
    "number": Transform("number", "number as text without idle zeros", simple(_plain_number)),
    "replace": Transform('"replace(old, new)"', "every old by new", _replace),
    "strip": Transform(
        "strip", "no blanks at the ends", simple(lambda value: clean(text_of(value)).strip())
    ),
    "text": Transform("text", "the value as text", simple(text_of)),
    "truncate": Transform("truncate(80)", "at most so many characters, noted", _truncate),
    "upper": Transform("upper", "upper case", simple(lambda value: text_of(value).upper())),
    "yes_no": Transform('"yes_no(Yes, No)"', "a flag in words", _yes_no),
}
