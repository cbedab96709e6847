"""Whether a secret can be guessed although it is long: by what of it is a surprise. Pure.

A character is none if it repeats or continues what stands before it (`aaaa`, `1234`, `abab`), or
belongs to a word that every list of passwords begins with.
"""

from __future__ import annotations

import re

LEAST_SURPRISES = 8
WORDS = re.compile(
    "passwor[dt]|passw0rd|qwertz?|qwerty(?:uiop)?|asdfgh(?:jkl)?|zxcvbn|letmein|welcome|iloveyou|"
    "admin(?:istrator)?|changeit|monkey|dragon",
    re.IGNORECASE,
)
LONGEST_PERIOD = 8


def is_guessable(secret: str) -> bool:
    """Return whether too little of a secret is a surprise."""
    return surprises(secret) < LEAST_SURPRISES


def surprises(secret: str) -> int:
    """Return how many characters do not follow from those before them."""
    text = WORDS.sub("", secret)
    return sum(not _follows(text, at) for at in range(len(text)))


def _follows(text: str, at: int) -> bool:
    if at == 0:
        return False
    step = ord(text[at]) - ord(text[at - 1])
    if abs(step) <= 1 or (text[at - 1], text[at]) in {("9", "0"), ("0", "9")}:
        return True
    # A period counts from its second round on: one letter twice is chance.
    return any(
        at >= 2 * period - 1
        and text[at - period + 1 : at + 1] == text[at - 2 * period + 1 : at - period + 1]
        for period in range(2, LONGEST_PERIOD + 1)
    )
