"""Masking: what people are shown of events, without the personal data in them."""

from __future__ import annotations

import re
from typing import Any

from stream.logs import mask_email

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# Parts of Magento's field names whose values are a person's: `customer_firstname`, `street`, …
PERSONAL_NAMES = (
    "firstname",
    "lastname",
    "middlename",
    "phone",
    "fax",
    "street",
    "postcode",
    "vat_id",
    "taxvat",
    "dob",
    "remote_ip",
    "x_forwarded_for",
    "company",
    "customer_note",
)
# Salesforce's name of an account, contact or order; Magento's `name` is a product's.
PERSONAL_FIELDS = frozenset({"Name"})


def mask_text(text: str) -> str:
    """Return the text with every e-mail address masked."""
    return EMAIL.sub(lambda found: mask_email(found[0]), text)


def mask_document(value: Any, name: str = "") -> Any:
    """Return JSON data with personal values masked; ids, amounts and states stay readable."""
    if isinstance(value, dict):
        return {key: mask_document(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [mask_document(item, name) for item in value]
    if value not in (None, "") and _is_personal(name):
        return "***"
    return mask_text(value) if isinstance(value, str) else value


def _is_personal(name: str) -> bool:
    return name in PERSONAL_FIELDS or any(part in name.lower() for part in PERSONAL_NAMES)
