"""Masking: what people are shown of events, without the personal data in them.

| what | rule |
|---|---|
| a document of somebody's (`mask_document`) | what `harmless` lists is shown, all else is `***` |
| a name and its value (`attribute_code`, `value`) | the value is judged by that name |
| a record of ours (`mask_record`) | its fields are ours; addresses in their texts are masked |
| a text (`mask_text`) | e-mail addresses are masked, however they are encoded, and secrets |
| a message about a document | `quoted_masking` looks for the document's values in it |

All of it takes time in proportion to what it reads, and of a large document only the first
`MAX_SHOWN` values are shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from schemas.readings import BASE64, HEX, decoded
from stream.ops.harmless import is_harmless, means_something_in, shape_of
from stream.ops.secret_masking import MASK, mask_secrets

MAX_SHOWN = 5_000
MAX_DEPTH = 100
MAX_TEXT_CHARACTERS = 20_000
CUT = "…"
# Possessive, and only at the start of a word: otherwise one long word costs its length squared.
# An address without a dot (`jane@example`) is what error messages quote; `orders/4@49` is a place.
_ENDS = r"\s<>()\[\],;:\"\\/=&\uff20\ufe6b"  # no part of what stands before the @
# It may be the last of an address; elsewhere it divides a query.
_AND = r"&{1,8}(?=[@\uff20\ufe6b])"
# With blanks, or in an encoding that has other uses, it is one before a host with a dot only.
_DOT = r"(?:\.|=2E|\s?[\[({](?:dot|punkt|\.)[\])}]\s?|\sdot\s)"
_HOST_FOLLOWS = rf"(?=[\w-]++(?:{_DOT}[\w-]++)*{_DOT}[^\W\d_]{{2}})"
_AT = (
    r"(?:<[^<>]{1,60}>)?@(?:<[^<>]{1,60}>)?|\uff20|\ufe6b|%(?:25)*40|%ef%bc%a0|%ef%b9%ab|%u0040|\\+u0040|\\+u\{0*40\}|\\+U0{6}40|\\+x40|"
    r"&(?:amp;)*(?:#0*64;?|#x0*40;?|commat;)|"
    rf"(?:\s{{0,2}}@\s{{0,2}}|\s?[\[({{<](?:at|ät|@)[\])}}>]\s?|=40|\\+100){_HOST_FOLLOWS}|"
    r"\sat\s(?=[\w-]++\sdot\s)"
)
_LOCAL = rf"(?:[^@%{_ENDS}]++|%(?!(?:25)*40|u0040|ef%b[c9]%a)[0-9a-f]{{2}})++"
_UNSEEN = r"[\u00ad\u200b-\u200f\u2060\ufeff]*+"
EMAIL = re.compile(
    rf"((?:(?<![^{_ENDS}])|(?<=%)(?![0-9a-f]{{2}}))(?:{_LOCAL}(?:{_AND})?|{_AND})|"
    r"\"[^\"\n]{1,64}\")"
    rf"(?:\([^()\n]{{0,64}}\))?"
    rf"({_AT}){_UNSEEN}"
    r"((?=[^\W\d_]|[\w-]++\.[\w.-]*[^\W\d_]|\d{1,3}(?:\.\d{1,3}){3}(?![\w.]))[\w-]++(?:\.[\w-]++)*+|\[[0-9a-f.:]{2,45}\])",
    re.IGNORECASE,
)
ENCODED = re.compile(f"{BASE64.pattern}|{HEX.pattern}", re.ASCII)
UNKNOWN = "?"  # a name that nothing is known of
# Of a person or a number, as some modules key what they keep: `Jane`, `tel_0151234567`.
NO_NAME = re.compile(r"@|\d{7}|^[A-Z](?!.*__c$)")
FIELD_NAME = re.compile(r"[A-Za-z_$][\w$.:/-]{0,79}|\d{1,6}")
# Two fields of which the first names the second: custom attributes, payment infos, options.
LABELS = ("attribute_code", "key", "label", "name", "code", "field", "title", "option_title")
# What is written for people is a name only if it is spelled like one: an option "ID" asks a person.
FOR_PEOPLE = frozenset({"key", "label", "name", "title", "option_title"})
CODE_NAME = re.compile(
    r"(?!(?:id|date|type|event|method|version|price|fee|tax|state)$)[a-z][a-z0-9_]*"
)
VALUES = frozenset({"value", "values", "option_value", "print_value", "file", "text"})
OUR_VALUES = frozenset({"now", "then", "magento", "salesforce"})  # of a compared field


def mask_email(text: str) -> str:
    """Return `j***@example.com` for an e-mail address, other text unchanged."""
    local, at, domain = text.partition("@")
    return f"{local[:1]}***@{domain}" if at and local else text


def mask_text(text: str) -> str:
    """Return the text without addresses, secrets and what is beyond the limit."""
    if len(text) > MAX_TEXT_CHARACTERS:
        text = text[:MAX_TEXT_CHARACTERS] + CUT
    return EMAIL.sub(_masked_address, ENCODED.sub(_masked_if_telling, mask_secrets(text)))


def _masked_if_telling(found: re.Match[str]) -> str:
    inner = "\n".join(decoded(found[0]))
    is_address = any("." in address[3] for address in EMAIL.finditer(inner))
    return MASK if is_address or mask_secrets(inner) != inner else found[0]


def _masked_address(found: re.Match[str]) -> str:
    if not found[1].strip("*"):
        return found[0]  # the mask of a secret
    return f"{found[1][:1]}***{found[2]}{found[3]}"


def mask_document(value: Any, name: str = "") -> Any:
    """Return somebody's JSON data with all masked that is not known to be harmless."""
    return _Document().masked(value, name, 0)


@dataclass(slots=True)
class _Document:
    """One document on its way; counts what it has shown."""

    shown: int = 0

    def masked(self, value: Any, name: str, depth: int) -> Any:
        self.shown += 1
        if self.shown > MAX_SHOWN or depth > MAX_DEPTH:
            return CUT
        if isinstance(value, dict):
            return self._mapping(value, name, depth)
        if isinstance(value, list | tuple):
            shown = []
            for item in value:
                shown.append(self.masked(item, name, depth + 1))
                if self.shown > MAX_SHOWN:
                    break
            return shown
        return masked_value(value, name)

    def _mapping(self, value: dict[Any, Any], container: str, depth: int) -> dict[str, Any]:
        label = label_of(value)
        shown: dict[str, Any] = {}
        for key, item in value.items():
            name = str(key)
            by = label if label is not None and name in VALUES else name
            if name.isdecimal():  # a list, as PHP writes some
                by = container
            elif not means_something_in(container, by):
                by = UNKNOWN
            shown[_key(name)] = self.masked(item, by, depth + 1)
            if self.shown > MAX_SHOWN:
                break
        return shown


def masked_value(value: Any, name: str) -> Any:
    """Return one value as it may be shown under its name."""
    if is_harmless(name, value):
        return value
    if name in LABELS and isinstance(value, str) and shape_of(value) is not None:
        is_code = name not in FOR_PEOPLE or CODE_NAME.fullmatch(value)
        return value if is_code else MASK  # the name of something harmless
    if isinstance(value, str) and EMAIL.fullmatch(value[:MAX_TEXT_CHARACTERS]):
        return mask_text(value)
    return MASK


def label_of(pair: dict[Any, Any]) -> str | None:
    """Return the name that a pair's value goes by; None if it is no pair."""
    if not VALUES.intersection(pair):
        return None
    name = next((name for name in LABELS if isinstance(pair.get(name), str)), "")
    label = str(pair[name]) if name else ""
    return label if name not in FOR_PEOPLE or CODE_NAME.fullmatch(label) else UNKNOWN


def _key(name: str) -> str:
    is_name = FIELD_NAME.fullmatch(name) and not NO_NAME.search(name)
    return name if is_name or shape_of(name) is not None else MASK


def mask_record(value: Any) -> Any:
    """Return a record of ours with the addresses in its texts masked.

    The values of a compared field (`field` or `name`, `now`, `then`) are somebody's: judged by it.
    """
    if isinstance(value, dict):
        field = str(value.get("field") or value.get("name") or "")
        return {
            key: mask_document(item, field) if key in OUR_VALUES else mask_record(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [mask_record(item) for item in value]
    return mask_text(value) if isinstance(value, str) else value
