"""The shape of one row of the error table, and the sentences several rows share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from agents.salesforce.errors.error_kind import ErrorKind


class Advice(StrEnum):
    """What a sender can do in place, besides what the kind says."""

    NONE = ""
    RETRY_ONCE = "retry_once"  # two writers may have raced: one repetition, then it is as it says
    SEND_LESS = "send_less"  # the same rows in a smaller request would pass


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One row. Empty `codes`, `statuses` or no `pattern` match anything.

    `fix` is written for the person on call.
    """

    kind: ErrorKind
    meaning: str
    fix: str
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    pattern: re.Pattern[str] | None = None
    advice: Advice = Advice.NONE

    def fits(self, status: int, code: str, message: str) -> bool:
        return (
            (not self.codes or code in self.codes)
            and (not self.statuses or status in self.statuses)
            and (self.pattern is None or self.pattern.search(message) is not None)
        )


def says(pattern: str) -> re.Pattern[str]:
    """Return a pattern that finds a phrase anywhere in a message, whatever its case."""
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


WAIT = "Nothing to do: it is repeated by itself. Look at status.salesforce.com if it lasts."
MAPPING = "Correct the source data or mapping.yaml, then `orderstream dlq requeue`."
PERMISSIONS = (
    "Setup > Permission Sets: give orderstream's user access to the object and its fields "
    "(the shipped permission set does), then it goes on by itself."
)
TWINS = (
    "Delete or merge the twins, mark the field External ID and Unique, then "
    "`orderstream dlq requeue`."
)
