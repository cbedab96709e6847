"""Dead letters that Salesforce never saw: what our own codes mean and what to do about them."""

from __future__ import annotations

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import ErrorRule

OWN_RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        Kind.PERMANENT,
        "The mapping makes no valid record of this event.",
        "Correct mapping.yaml as the message says (try it with `orderstream map`) and restart "
        "the workers.",
        ("MAPPING_ERROR",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The body is no order or customer that orderstream can read.",
        "Look at the payload (`orderstream dlq show`): correct what sends it, and edit this one "
        "(`orderstream dlq edit`) or drop it.",
        ("DECODE_ERROR",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Something that may not wrote this record into a topic, or no key proves who did.",
        "Find out who writes there: one Kafka user per process (`orderstream topics acls`), the "
        "same OPERATOR_SIGNING_KEY for workers, dashboard and commands. Drop it, or requeue it by "
        "its id.",
        ("UNTRUSTED_RECORD",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Workers died while they handled this event, several times: it was set aside.",
        "Look at the worker's log of those times, and fix the mapping hook or the payload.",
        ("WORKER_CRASHED",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "Salesforce did not work for longer than BREAKER_DEAD_LETTER_AFTER_SECONDS.",
        "Nothing is wrong with the event: see that Salesforce works again.",
        ("BREAKER_OPEN",),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A bug in orderstream, set aside with the event that shows it.",
        "Report it with the traceback of the worker's log, and update.",
        ("HANDLER_BUG",),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "A bug in orderstream met this call.",
        "The worker's log has the traceback: report it, and update.",
        ("UNEXPECTED",),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "No answer came from Salesforce; the request may have been carried out.",
        "Check network, DNS, proxy and firewall; for slow calls raise SALESFORCE_TIMEOUT_SECONDS.",
        ("NO_ANSWER", "UNREACHABLE", "TLS_FAILED", "CUT"),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "Salesforce, or a proxy in between, answered success with something unreadable.",
        "Look for a proxy that rewrites answers.",
        ("BAD_ANSWER",),
    ),
    ErrorRule(
        Kind.TRANSIENT,
        "A Bulk job ended before it came to this row, or its results do not name the row.",
        "Setup > Bulk Data Load Jobs: see who or what ended the job.",
        ("UNPROCESSED", "RESULT_MISSING"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "A value of this event cannot be sent: it is no text, number or date that JSON has.",
        "Correct the transformation of the field in mapping.yaml.",
        ("NOT_ENCODABLE", "BAD_EXTERNAL_ID"),
    ),
    ErrorRule(
        Kind.PERMANENT,
        "The org has no active standard price book, so products have no prices.",
        "Setup > Price Books: activate the Standard Price Book.",
        ("NO_STANDARD_PRICEBOOK",),
    ),
)
