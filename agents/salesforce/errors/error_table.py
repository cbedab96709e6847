"""Every way Salesforce says no that we know, as data: what it means and what to do about it.

A code decides alone, whatever the message says and in whatever language; a code we do not know is
judged by the HTTP status. Sources: the SOAP API guide (StatusCode, ExceptionCode), the REST API
guide (status codes), the Bulk API 2.0 guide (errors), the OAuth error list of Salesforce Help, the
API End-of-Life policy, and bodies recorded from real orgs. `docs/salesforce-errors.md` is made of
this table.
"""

from __future__ import annotations

import dataclasses
import re

from agents.salesforce.errors.automation_codes import AUTOMATION_RULES, VALIDATION, WRAPPERS
from agents.salesforce.errors.call_codes import CALL_RULES, DOCTOR
from agents.salesforce.errors.config_codes import CONFIG_RULES
from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import (
    AUTOMATION,
    PERMISSIONS,
    STATUS_PAGE,
    TWINS,
    Advice,
    ErrorRule,
)
from agents.salesforce.errors.own_errors import OWN_RULES
from agents.salesforce.errors.record_codes import RECORD_RULES

RULES = OWN_RULES + CALL_RULES + RECORD_RULES + AUTOMATION_RULES + CONFIG_RULES
CAMEL_CASE = re.compile(r"(?:[A-Z][a-z]+){2,}|Timeout")  # codes of Bulk, which REST writes large
BY_CODE = {
    name: rule
    for rule in RULES
    for code in rule.codes
    for name in ((code, code.upper()) if CAMEL_CASE.fullmatch(code) else (code,))
}
WRAPPER_CODES = frozenset(WRAPPERS + VALIDATION)
# Inside a wrapper's text: what becomes of a login or of the day's calls there was a callout's, not
# ours, and our own codes are nobody else's.
OF_CALLS = (Kind.AUTH, Kind.QUOTA)
NESTED_CODES = (
    frozenset(
        code
        for code, rule in BY_CODE.items()
        if rule.kind not in OF_CALLS and rule not in OWN_RULES
    )
    - WRAPPER_CODES
)

ROW = 200  # the status of a row's own error: its call was answered
REFUSALS = range(400, 500)
TEMPORARY_REDIRECTS = (302, 303, 307)  # a firewall's way to its own page, too
ROW_STATUSES = frozenset({400, 413, 414, 431})  # a refused call that one of its rows may explain
GATEWAY_STATUSES = frozenset({400, 403})  # without a code: a firewall's, which reads the texts

TOO_MANY_AT_ONCE = ErrorRule(
    Kind.CONCURRENCY,
    "Too many long-running requests are in flight in this org, or too many came per time.",
    "If it lasts, lower SALESFORCE_CONCURRENCY or SALESFORCE_CALLS_PER_SECOND, or make the org's "
    "triggers faster.",
)
GOVERNOR_LIMIT = ErrorRule(
    Kind.TRANSIENT,
    "A trigger or flow of the org ran into a governor limit with this many rows.",
    "The org's automation must be made fit for bulk writes (or for this record).",
    advice=Advice.SEND_LESS,
)
MISSING_PARENT = ErrorRule(
    Kind.ORDERING,
    "The record this one belongs to is not in Salesforce yet.",
    "The parent was refused or deleted: look for its error with `orderstream dlq list`.",
)
UNKNOWN_ROW = ErrorRule(
    Kind.UNKNOWN,
    "An error that orderstream does not know.",
    "Look the code up in the SOAP API guide (StatusCode) and fix the cause.",
)
NO_SESSION = ErrorRule(Kind.AUTH, "Salesforce does not accept the session.", DOCTOR)
NOT_NOW = ErrorRule(
    Kind.TRANSIENT,
    "Salesforce, or something in between, did not take the request now.",
    STATUS_PAGE,
)
NOT_FROM_THE_API = ErrorRule(
    Kind.TRANSIENT,
    "A server in between refused the request: Salesforce's own refusals have a code.",
    "Look for a proxy or firewall in between. If it stays for one order only, something in its "
    "texts is refused there.",
)

MY_DOMAIN_FIX = (
    "A new login names the org's present address. If it stays: set SALESFORCE_LOGIN_URL to the "
    "org's My Domain, https://<domain>.my.salesforce.com."
)
ELSEWHERE = ErrorRule(
    Kind.TRANSIENT,
    "The address answered with a redirect, which is never followed: tokens stay with their host.",
    MY_DOMAIN_FIX + " If it stays for one order only, a proxy or firewall refuses something in its "
    "texts.",
)


def in_automation(rule: ErrorRule) -> ErrorRule:
    """Return a rule as it reads where the org's own automation met its code.

    What a flow or trigger could not write is often another record, which no mapping knows.
    """
    if rule.kind not in (Kind.PERMANENT, Kind.CONFIG):
        return rule
    return dataclasses.replace(
        rule,
        meaning=f"Automation of the org ran into this, with this or another record: {rule.meaning}",
        fix=f"{AUTOMATION} Where the message means this record: {rule.fix}",
    )


# The first range that holds the HTTP status of a call whose code says nothing. Numbers that no
# standard knows are those of gateways: 419, 440, 498 a session, 430 and 494 too much, 499 given up.
BY_STATUS: tuple[tuple[range, ErrorRule], ...] = (
    (range(200, 300), UNKNOWN_ROW),
    (
        range(300, 301),
        ErrorRule(Kind.PERMANENT, "Several records hold this external id.", TWINS),
    ),
    *((range(status, status + 1), ELSEWHERE) for status in TEMPORARY_REDIRECTS),
    (range(301, 400), ErrorRule(Kind.CONFIG, ELSEWHERE.meaning, MY_DOMAIN_FIX)),
    (range(400, 401), UNKNOWN_ROW),
    *((range(status, status + 1), NO_SESSION) for status in (401, 419, 440, 498)),
    *((range(status, status + 1), NOT_NOW) for status in (425, 444, 460, 499)),
    (range(402, 404), ErrorRule(Kind.CONFIG, "Salesforce forbids the request.", PERMISSIONS)),
    (
        range(404, 405),
        ErrorRule(
            Kind.CONFIG,
            "Nothing answers at this address: the org has moved, or the API version, object or "
            "external-ID field is unknown.",
            "A new login names the org's present address. If it stays: check "
            "SALESFORCE_API_VERSION and the external-ID fields of mapping.yaml.",
        ),
    ),
    (
        range(405, 406),
        ErrorRule(
            Kind.CONFIG,
            "The address does not take this kind of request.",
            "Check SALESFORCE_API_VERSION, and whether a proxy stands in between.",
        ),
    ),
    (
        range(406, 407),  # sent with an empty body by overloaded instances
        ErrorRule(Kind.TRANSIENT, "Salesforce is overloaded.", STATUS_PAGE),
    ),
    (range(408, 410), NOT_NOW),
    (range(410, 411), BY_CODE["GONE"]),
    (range(413, 415), BY_CODE["REQUEST_ENTITY_TOO_LARGE"]),
    (
        range(415, 416),
        ErrorRule(
            Kind.CONFIG,
            "The address does not take JSON or CSV.",
            "Look for a proxy that rewrites requests; check SALESFORCE_COMPRESS_REQUESTS.",
        ),
    ),
    (
        range(420, 422),
        ErrorRule(
            Kind.TRANSIENT,
            "Salesforce's edge does not know where this org lives at the moment.",
            "If it stays, the org may have moved: " + STATUS_PAGE,
        ),
    ),
    (range(429, 431), TOO_MANY_AT_ONCE),
    (range(431, 432), BY_CODE["REQUEST_ENTITY_TOO_LARGE"]),
    (range(494, 495), BY_CODE["REQUEST_ENTITY_TOO_LARGE"]),
    (
        range(402, 500),
        ErrorRule(
            Kind.CONFIG,
            "Salesforce refused a call as a whole, for a reason that orderstream does not know.",
            "Look the code and status up in the REST API guide, and whether a proxy or firewall "
            "stands in between.",
        ),
    ),
)
UNKNOWN_FAILURE = ErrorRule(
    Kind.TRANSIENT, "Salesforce or a server in front of it failed.", STATUS_PAGE
)


def by_status(status: int) -> ErrorRule:
    return next((rule for statuses, rule in BY_STATUS if status in statuses), UNKNOWN_FAILURE)


def is_sign_of_life(status: int) -> bool:
    """Whether a refusal shows that Salesforce works: it knew what was asked.

    A success that cannot be read is none: a server in between says that to everything.
    """
    return status in REFUSALS and status not in {408, 420, 429}
