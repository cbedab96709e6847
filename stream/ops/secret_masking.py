"""Masks what opens a door, wherever a text quotes it: tokens, passwords, cookies, signed links.

Libraries put addresses and headers into their messages, and those into logs, dead letters and
alerts. A secret has no shape of its own, so it is known by what stands before it:

| what | example | masked |
|---|---|---|
| a name that says secret | `client_secret=…`, `"password": "…"`, `<token>…` | the value |
| a header | `Authorization: Bearer …`, `Cookie: a=…` | all of it |
| the user of an address | `https://user:word@host/` | `***@host` |
| a name in a sentence | `token f81d4fae is wrong` | a value of letters and digits |
| what has a shape of its own | a JWT, a session of Salesforce, a PEM | all of it |

`token: missing` is a sentence: behind a colon a value is masked if it is quoted, ends its line or
has a digit in it.
"""

from __future__ import annotations

import re

MASK = "***"
_NAMES = (
    "secret|token|passw(?:or)?[dt]|passphrase|mot[ _]de[ _]passe|"
    "contrase[nñ]a|assertion|saml_?response|api[ _-]?key|private[_-]?key|access[_-]?key|"
    "signature|credentials?|sess(?:ion)?[_-]?id|[_-]session|hmac[_-]?sha[0-9]{1,3}|consumer[_-]?key|authorization|jaas"
)
SECRET_NAME = re.compile(f"{_NAMES}|cookie|^pwd$|^sid$|^auth$", re.IGNORECASE)
# Names with one of those words in them whose values are no secrets.
ABOUT_SECRETS = re.compile(
    r"(?:file|path|url|uri|endpoint|type|kind|count|age|method|expires_in|expires_at)$",
    re.IGNORECASE,
)
_JOINT = r"[\"'\\]{0,6}\s{0,3}(?:[=-]>|[=:>]|%(?:25)*3[ad]|\\+u003[ad])\s{0,3}\[?|[\"']\s?,\s?"
NAMED = re.compile(
    rf"((?:{_NAMES})[\w.-]{{0,40}}|(?<![\w.-])(?:pass|pwd?|sid|auth|jwt|bearer))({_JOINT})(b?\\{{0,3}}[\"'])?"
    r"((?(3)[^\"'\\\r\n]|[^\s,;&\"'<>(){}\[\]\\]){1,4000})",
    re.IGNORECASE,
)
HEADER = re.compile(
    rf"(authorization|cookie2?)({_JOINT})(b?\\{{0,3}}[\"'])?"
    r"((?:[A-Za-z0-9-]{2,30}[ ][^\s\"'<>]{6}|[\w.-]{1,80}=)[^\"'\\\r\n<>]{0,4000})",
    re.IGNORECASE,
)
SPOKEN = re.compile(
    rf"((?:{_NAMES})\w{{0,20}})([\"']?\s{{1,3}}(?:(?:is|was|of):?\s)?[\"'`(]?)"
    r"(?!\d{4}-\d\d-\d\d)((?=\S{0,80}?\d)(?=\S{0,80}?[A-Za-z])\w[\w+/=.~!-]{7,4000})",
    re.IGNORECASE,
)
SCHEME = re.compile(
    r"\b((?:bearer|basic|negotiate|oauth)(?:\s{1,3}|%20))([\w+/=.~!-]{8,4000})", re.IGNORECASE
)
USER = re.compile(r"(://)[^\s/?#\"'<>]{1,300}@")
QUERY = re.compile(r"([?&](?:sig|auth|key|hmac|sid|pwd|code)=)[^&\s#\"'<>]{1,4000}", re.IGNORECASE)
SHAPES = re.compile(
    r"\beyJ[\w-]{8,4000}\.[\w-]{2,4000}(?:\.[\w-]{0,4000})?|\b00D\w{9,15}!\S{8,300}|"
    r"\b5Aep861[\w.]{8,300}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,40}|\bgh[pousr]_\w{20,255}|"
    r"\b(?:github_pat_|glpat-|xox[abeoprs]-|sk_live_|sk_test_|rk_live_)[\w-]{16,255}|"
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]{0,20000}-----END [A-Z ]{0,30}-----)?"
)
A_WORD = re.compile(
    r"(?:true|false|null|none|nil|yes|no|ok|set|unset|missing|empty|invalid|expired|wrong|required|"
    r"unknown|refused|changed|rejected|\*+|…|\d{1,6}(?:\.\d{1,3})?)\.?",
    re.IGNORECASE,
)
LONG_CHARACTERS = 20


def is_secret_name(name: str) -> bool:
    """Whether a field's name says that its value opens a door."""
    return SECRET_NAME.search(name) is not None and ABOUT_SECRETS.search(name) is None


def mask_secrets(text: str) -> str:
    """Return a text without the secrets that can be told."""
    text = HEADER.sub(_header, text)
    text = SPOKEN.sub(_spoken, NAMED.sub(_value, text))
    text = SCHEME.sub(lambda found: found[1] + (MASK if _tells(found[2]) else found[2]), text)
    text = USER.sub(rf"\g<1>{MASK}@", text)
    text = QUERY.sub(rf"\g<1>{MASK}", text)
    return SHAPES.sub(MASK, text)


def _header(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{found[3] or ''}{MASK}" if _tells(found[4]) else found[0]


def _value(found: re.Match[str]) -> str:
    name, joint, quote, value = found.groups()
    if A_WORD.fullmatch(value) or ABOUT_SECRETS.search(name):
        return found[0]
    is_last = found.string[found.end() : found.end() + 1] in ("", "\n", "\r", "}", "]", ",")
    is_sentence = ":" in joint and not quote and not is_last
    if is_sentence and not _tells(value):
        return found[0]
    return f"{name}{joint}{quote or ''}{MASK}"


def _spoken(found: re.Match[str]) -> str:
    return found[0] if ABOUT_SECRETS.search(found[1]) else f"{found[1]}{found[2]}{MASK}"


def _tells(value: str) -> bool:
    return len(value) >= LONG_CHARACTERS or any(char.isdigit() or char == "=" for char in value)
