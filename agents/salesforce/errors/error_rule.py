"""The shape of one row of the error table, and the sentences several rows share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto

from agents.salesforce.errors.error_kind import ErrorKind


class Advice(StrEnum):
    """What a sender can do in place, besides what the kind says."""

    NONE = ""
    RETRY_ONCE = auto()  # two writers may have raced: one repetition, then it is as it says
    OTHER_API = auto()  # this API does not take it: another one may
    SEND_LESS = auto()  # the same rows in a smaller request would pass


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One row: what its codes mean, and what a person does about them.

    `fix` is an instruction and nothing else: what becomes of the event meanwhile depends on its
    state, and is said by `agents.salesforce.errors.fixes`.
    """

    kind: ErrorKind
    meaning: str
    fix: str
    codes: tuple[str, ...] = ()
    advice: Advice = Advice.NONE


def words(text: str) -> tuple[str, ...]:
    """Return the codes of a text, one per word."""
    return tuple(text.split())


STATUS_PAGE = "Look at status.salesforce.com for the org's instance."
MAPPING = "Correct the source data or mapping.yaml."
PERMISSIONS = (
    "Setup > Permission Sets: give orderstream's user access to the object and its fields (the "
    "shipped permission set does)."
)
TWINS = "Delete or merge the twins, and mark the field External ID and Unique."
AUTOMATION = (
    "Read the message: it comes from the org's own automation (trigger, flow, process). Fix that, "
    "exempt orderstream's user from it, or correct the data."
)
SETUP = (
    "An administrator of the org looks the code up in the SOAP API guide (StatusCode) and at the "
    "automation that runs when this object is saved: orderstream does not do this itself."
)
