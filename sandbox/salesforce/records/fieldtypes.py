"""What each field type accepts and how it is stored: the platform's type check, compiled once.

A converter takes the JSON value and returns what is stored, or raises: `TypeMismatchError` when the
value is of the wrong type (JSON calls refuse the whole request for that, bulk only the row),
`RecordError` when the value is of the right type but not acceptable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from html import escape
from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.records.schema import NUMERIC, Field

Converter = Callable[[Any], Any]

_EMAIL = re.compile(r"(?!\.)[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s,;<>()\".]+")
_SPECIAL_IN_HTML = re.compile(r"&(?!#?\w+;)|['\"]")  # rich text is kept as HTML
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_EARLIEST_YEAR = 1700  # the platform's own bounds for dates
_LATEST_YEAR = 4000


@dataclass(slots=True, eq=False)
class TypeMismatchError(Exception):
    """The value's JSON type or notation does not fit the field's type."""

    field: Field
    value: Any

    @property
    def json_message(self) -> str:
        kind = "double" if self.field.type == "percent" else self.field.type
        return (
            f"Cannot deserialize instance of {kind} from {_token(self.value)} or request may be "
            "missing a required field at [line:1, column:1]"
        )

    def for_row(self) -> RecordError:
        name = self.field.name
        return RecordError(
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            f"{self.field.label}: value not of required type: {self.value}",
            [name],
        )


def _token(value: Any) -> str:
    """Return how a JSON parser names the value, e.g. `VALUE_STRING value abc`."""
    if isinstance(value, bool):
        return f"VALUE_{str(value).upper()} value {str(value).lower()}"
    if isinstance(value, str):
        return f"VALUE_STRING value {value}"
    if isinstance(value, int):
        return f"VALUE_NUMBER_INT value {value}"
    if isinstance(value, float):
        return f"VALUE_NUMBER_FLOAT value {value}"
    if value is None:
        return "VALUE_NULL value null"
    return "START_OBJECT value {" if isinstance(value, dict) else "START_ARRAY value ["


def converter_for(field: Field) -> Converter:
    """Return the function that checks and normalises values of the field."""
    if field.type in NUMERIC:
        return _number(field)
    if field.type in ("date", "datetime", "boolean", "picklist", "email", "reference"):
        return _SPECIAL[field.type](field)
    return _text(field)


def _text(field: Field) -> Converter:
    length, name = field.length, field.name

    def convert(value: Any) -> str | None:
        if value is None:
            return None
        if type(value) is not str:
            raise TypeMismatchError(field, value)
        text = value.strip()  # the platform trims text and keeps "" as null
        if field.is_html:
            text = _SPECIAL_IN_HTML.sub(lambda found: escape(found[0]).replace("x27", "39"), text)
        if len(text) > length:
            raise RecordError(
                "STRING_TOO_LONG",
                f"{field.label}: data value too large: {text} (max length={length})",
                [name],
            )
        return text or None

    return convert


def _email(field: Field) -> Converter:
    as_text = _text(field)

    def convert(value: Any) -> str | None:
        text: str | None = as_text(value)
        if text is not None and not _EMAIL.fullmatch(text):
            raise RecordError(
                "INVALID_EMAIL_ADDRESS",
                f"{field.label}: invalid email address: {text}",
                [field.name],
            )
        return text and text.lower()  # as the platform keeps every address

    return convert


def _picklist(field: Field) -> Converter:
    as_text = _text(field)
    known = {value.casefold(): value for value in field.picklist}

    def convert(value: Any) -> str | None:
        text: str | None = as_text(value)
        if text is None:
            return None
        if field.name == "CurrencyIsoCode" and text.casefold() not in known:
            raise RecordError("INVALID_CURRENCY_ISO", f"Invalid currency: {text}", [field.name])
        if field.is_restricted and text.casefold() not in known:
            raise RecordError(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                f"{field.label}: bad value for restricted picklist field: {text}",
                [field.name],
            )
        return known.get(text.casefold(), text)

    return convert


def _reference(field: Field) -> Converter:
    def convert(value: Any) -> str | None:
        if value is None or value == "":
            return None
        if type(value) is not str:
            raise TypeMismatchError(field, value)
        if len(value) not in (15, 18) or not value.isalnum():
            raise RecordError(
                "MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [field.name]
            )
        return value

    return convert


def _number(field: Field) -> Converter:
    whole_digits = field.precision - field.scale
    limit = 10**whole_digits

    def convert(value: Any) -> int | float | None:
        if value is None:
            return None
        if type(value) is str:
            value = _parsed_number(field, value)
        elif type(value) is not float and type(value) is not int:
            raise TypeMismatchError(field, value)
        if not -limit < value < limit:
            raise RecordError(
                "NUMBER_OUTSIDE_VALID_RANGE",
                f"{field.label}: value outside of valid range on numeric field: {value}",
                [field.name],
            )
        if type(value) is float and not field.scale:
            return int(Decimal(repr(value)).quantize(Decimal(1), ROUND_HALF_UP))
        # With all its digits: only the org's pages round (Salesforce's article 000385689).
        return int(value) if type(value) is int else float(value)

    return convert


def _parsed_number(field: Field, text: str) -> float | int:
    """Return the number in a string: the platform takes "99.99" where it wants a number."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise TypeMismatchError(field, text) from None
    if not number.is_finite():
        raise TypeMismatchError(field, text)
    return float(number)


def _boolean(field: Field) -> Converter:
    def convert(value: Any) -> bool:
        if type(value) is bool:
            return value
        if type(value) is str and value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise TypeMismatchError(field, value)

    return convert


def _date(field: Field) -> Converter:
    def convert(value: Any) -> str | None:
        if value is None or value == "":
            return None
        if type(value) is not str or not _DATE.fullmatch(value):
            raise TypeMismatchError(field, value)
        try:
            year = date.fromisoformat(value).year
        except ValueError:
            raise TypeMismatchError(field, value) from None
        return _within_years(field, value, year)

    return convert


def _datetime(field: Field) -> Converter:
    def convert(value: Any) -> str | None:
        if value is None or value == "":
            return None
        if type(value) is not str or value[10:11] != "T":
            raise TypeMismatchError(field, value)
        try:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise TypeMismatchError(field, value)
            if moment.tzinfo is not UTC:
                moment = moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise TypeMismatchError(field, value) from None
        return _within_years(field, instant(moment), moment.year)

    return convert


def _within_years(field: Field, text: str, year: int) -> str:
    if not _EARLIEST_YEAR <= year <= _LATEST_YEAR:
        raise RecordError(
            "NUMBER_OUTSIDE_VALID_RANGE",
            f"{field.label}: invalid date: {text}",
            [field.name],
        )
    return text


def instant(moment: datetime) -> str:
    """Return a UTC moment as the platform writes it, to the second: text order is time order."""
    return moment.isoformat()[:19] + ".000+0000"


_SPECIAL: dict[str, Callable[[Field], Converter]] = {
    "date": _date,
    "datetime": _datetime,
    "boolean": _boolean,
    "picklist": _picklist,
    "email": _email,
    "reference": _reference,
}
