"""State and Country picklists: the pair is validated, text and code are kept alike.

A state needs its country, and the stored state of an old country refuses a new one. Texts of the
refusals are those of public reports.
"""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.records.features import ADDRESSES, COUNTRIES

Values = dict[str, Any]

_NO_COUNTRY = (
    "There's a problem with this country, even though it may appear correct. Please select a "
    "country/territory from the list of valid countries."
)


def settle_addresses(sobject: str, old: Values | None, new: Values) -> None:
    """Check and complete the addresses of a row; raises RecordError for a pair that is none."""
    for prefix in ADDRESSES.get(sobject, ()):
        _settle_country(prefix, old or {}, new)
        _settle_state(prefix, old or {}, new)


def _settle_country(prefix: str, old: Values, new: Values) -> None:
    text, code = f"{prefix}Country", f"{prefix}CountryCode"
    if new.get(code) != old.get(code):
        new[text] = COUNTRIES[new[code]][0] if new.get(code) else None
    elif new.get(text) != old.get(text):
        new[code] = _country_named(new.get(text))
        if new.get(text) and new[code] is None:
            raise _refusal(f"{_NO_COUNTRY}: {_label(text)}", text)


def _settle_state(prefix: str, old: Values, new: Values) -> None:
    text, code = f"{prefix}State", f"{prefix}StateCode"
    country = new.get(f"{prefix}CountryCode")
    states = COUNTRIES[country][1] if country else {}
    if new.get(code) == old.get(code) and new.get(text) != old.get(text):
        named = {name.casefold(): key for key, name in states.items()}
        wanted = new.get(text)
        new[code] = named.get(wanted.casefold(), wanted) if wanted else None
    if new.get(code) is None:
        new[text] = None
        return
    if country is None:
        raise _refusal(
            "A country/territory must be specified before specifying a state value for field: "
            f"{_label(text)}/Province",
            code,
        )
    if new[code] not in states:
        raise _refusal(
            "The existing country/territory doesn't recognize the state value for field: "
            f"{_label(text)}/Province Code",
            code,
        )
    new[text] = states[new[code]]


def _country_named(name: str | None) -> str | None:
    folded = (name or "").casefold()
    found = (code for code, (label, _) in COUNTRIES.items() if label.casefold() == folded)
    return next(found, None)


def _refusal(text: str, field: str) -> RecordError:
    return RecordError("FIELD_INTEGRITY_EXCEPTION", text, [field])


def _label(name: str) -> str:
    return name.replace("State", " State").replace("Country", " Country").strip()
