"""Dead letters that Salesforce never saw: what our own codes mean and what to do about them."""

from __future__ import annotations

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import ErrorRule

OWN_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        Kind.PERMANENT,
        "The mapping makes no valid record of this event.",
        "Correct mapping.yaml as the message says (try it with `orderstream map`), restart the "
        "workers, then `orderstream dlq requeue`.",
        codes=("MAPPING_ERROR",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The body is no order or customer that orderstream can read.",
        "Look at the payload (`orderstream dlq show`): correct what sends it, then edit this one "
        "(`orderstream dlq edit`) or drop it.",
        codes=("DECODE_ERROR",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Workers died while they handled this event, several times: it was set aside.",
        "Look at the worker's log of those times, fix the mapping hook or the payload, then "
        "`orderstream dlq requeue`.",
        codes=("WORKER_CRASHED",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Salesforce did not work for longer than BREAKER_DEAD_LETTER_AFTER_SECONDS.",
        "Nothing is wrong with the event: once Salesforce works again, `orderstream dlq requeue`.",
        codes=("BREAKER_OPEN",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A bug in orderstream, set aside with the event that shows it.",
        "Report it with the traceback of the worker's log; after an update `orderstream dlq "
        "requeue`.",
        codes=("HANDLER_BUG",),
    ),
)
