"""Every row of the error table, with the texts that real orgs send."""

from __future__ import annotations

import pytest

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.error_table import DEFAULTS, RULES
from agents.salesforce.errors.errors import STALE_MARKER, classify, classify_row, is_stale
from schemas.salesforce import RowError

SEEN = [
    (401, "INVALID_SESSION_ID", "Session expired or invalid", Kind.AUTH),
    (401, "INVALID_SESSION_ID", "This session is not valid for use with the REST API", Kind.AUTH),
    (401, "", "Connected app is not attached to Agent", Kind.AUTH),
    (400, "invalid_grant", "user hasn't approved this consumer", Kind.AUTH),
    (400, "invalid_client_id", "client identifier invalid", Kind.AUTH),
    (400, "inactive_user", "user is inactive", Kind.AUTH),
    (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", Kind.QUOTA),
    (
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        Kind.CONCURRENCY,
    ),
    (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.", Kind.CONCURRENCY),
    (429, "", "", Kind.CONCURRENCY),
    (429, "REQUEST_LIMIT_EXCEEDED", "Too many requests.", Kind.CONCURRENCY),
    (429, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", Kind.QUOTA),
    (403, "REQUEST_LIMIT_EXCEEDED", "Words of next year.", Kind.QUOTA),
    (200, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", Kind.LOCK),
    (500, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", Kind.LOCK),
    (503, "SERVER_UNAVAILABLE", "The server is busy", Kind.TRANSIENT),
    (500, "SERVER_UNAVAILABLE", "The server is busy", Kind.TRANSIENT),
    (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1 (-1)", Kind.TRANSIENT),
    (502, "", "no healthy upstream", Kind.TRANSIENT),
    (503, "", "upstream connect error or disconnect/reset before headers", Kind.TRANSIENT),
    (504, "", "HTTP 504 with html body", Kind.TRANSIENT),
    (420, "", "Salesforce Edge doesn't have routing information", Kind.TRANSIENT),
    (406, "", "HTTP 406 with empty body", Kind.TRANSIENT),
    (408, "", "", Kind.TRANSIENT),
    (400, "REQUEST_RUNNING_TOO_LONG", "Your request was running for too long", Kind.TRANSIENT),
    (400, "QUERY_TIMEOUT", "Your query request was running for too long.", Kind.TRANSIENT),
    (400, "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE", "try later", Kind.TRANSIENT),
    (400, "ANYTHING", "We are down for maintenance.", Kind.TRANSIENT),
    (400, "ANYTHING", "Please retry your request.", Kind.TRANSIENT),
    (
        400,
        "TXN_SECURITY_METERING_ERROR",
        "The enabled transaction security policies took too long",
        Kind.TRANSIENT,
    ),
    (200, "DUPLICATES_DETECTED", "Use one of these records?", Kind.PERMANENT),
    (200, "DUPLICATE_VALUE", "duplicate value found: F duplicates value on id: 00", Kind.PERMANENT),
    (200, "DUPLICATE_VALUE", "Duplicate external id specified: k", Kind.PERMANENT),
    (200, "DUPLICATE_EXTERNAL_ID", "more than one record found", Kind.PERMANENT),
    (300, "", "HTTP 300 with json body", Kind.PERMANENT),
    (200, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", Kind.PERMANENT),
    (200, "STRING_TOO_LONG", "Name: data value too large: x (max length=80)", Kind.PERMANENT),
    (200, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: x", Kind.PERMANENT),
    (
        200,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Stage: bad value for restricted picklist field: x",
        Kind.PERMANENT,
    ),
    (200, "FIELD_INTEGRITY_EXCEPTION", "There's a problem with this state", Kind.PERMANENT),
    (200, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Amount must be positive", Kind.PERMANENT),
    (200, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trigger: NullPointer", Kind.PERMANENT),
    (200, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trigger: UNABLE_TO_LOCK_ROW, x", Kind.LOCK),
    (
        200,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "Trigger: System.LimitException: Too many SOQL queries: 101",
        Kind.TRANSIENT,
    ),
    (400, "INVALID_FIELD", "No such column 'foo' on sobject of type Bar", Kind.CONFIG),
    (
        200,
        "INVALID_FIELD",
        "Foreign key external ID: acc-9 not found for field Ext__c in entity Account",
        Kind.ORDERING,
    ),
    (200, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name", Kind.CONFIG),
    (400, "INVALID_TYPE", "sObject type 'Foo' is not supported", Kind.CONFIG),
    (400, "MALFORMED_QUERY", "unexpected token", Kind.CONFIG),
    (400, "JSON_PARSER_ERROR", "Unexpected character", Kind.CONFIG),
    (
        400,
        "JSON_PARSER_ERROR",
        "Cannot deserialize instance of currency from VALUE_STRING value x",
        Kind.PERMANENT,
    ),
    (200, "NUMBER_OUTSIDE_VALID_RANGE", "Amount: value outside of valid range", Kind.PERMANENT),
    (404, "NOT_FOUND", "Provided external ID field does not exist", Kind.CONFIG),
    (200, "INVALID_CROSS_REFERENCE_KEY", "Record Type ID: not valid", Kind.PERMANENT),
    (200, "MALFORMED_ID", "Account ID: id value of incorrect type", Kind.PERMANENT),
    (200, "ENTITY_IS_DELETED", "entity is deleted", Kind.PERMANENT),
    (200, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access", Kind.PERMANENT),
    (
        200,
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "insufficient access rights on cross-reference id: 001",
        Kind.PERMANENT,
    ),
    (403, "API_DISABLED_FOR_ORG", "The REST API is not enabled", Kind.CONFIG),
    (200, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", Kind.CONFIG),
    (200, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back", Kind.TRANSIENT),
    (400, "PROCESSING_HALTED", "The transaction was rolled back", Kind.TRANSIENT),
    (400, "InvalidBatch", "Field name not found : X", Kind.CONFIG),
    (400, "INVALIDJOBSTATE", "Job is not open", Kind.CONFIG),
    (200, "MAPPING_ERROR", "Opportunity.CloseDate is empty and required", Kind.PERMANENT),
    (200, "DECODE_ERROR", "not JSON", Kind.PERMANENT),
    (200, "WORKER_CRASHED", "the worker died 3 times", Kind.PERMANENT),
    (200, "BREAKER_OPEN", "the circuit breaker was open", Kind.PERMANENT),
    (200, "HANDLER_BUG", "KeyError('x')", Kind.PERMANENT),
]


@pytest.mark.parametrize(("status", "code", "message", "kind"), SEEN)
def test_a_known_error_has_its_kind_a_meaning_and_a_fix(status, code, message, kind):
    verdict = classify(status, code, message)
    assert verdict.kind is kind
    assert verdict.meaning
    assert verdict.fix


def test_every_row_of_the_table_is_reached_by_a_recorded_error():
    reached = {
        next(rule for rule in RULES if rule.fits(status, code, message))
        for status, code, message, _ in SEEN
        if any(rule.fits(status, code, message) for rule in RULES)
    }
    missing = [rule.codes or rule.statuses for rule in RULES if rule not in reached]
    assert missing == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.TRANSIENT),
        (302, Kind.CONFIG),
        (400, Kind.PERMANENT),
        (401, Kind.AUTH),
        (403, Kind.CONFIG),
        (405, Kind.PERMANENT),
        (413, Kind.TRANSIENT),
        (414, Kind.TRANSIENT),
        (431, Kind.TRANSIENT),
        (500, Kind.TRANSIENT),
        (599, Kind.TRANSIENT),
        (0, Kind.TRANSIENT),
    ],
)
def test_an_unknown_code_is_judged_by_its_status(status, kind):
    verdict = classify(status, "A_CODE_OF_NEXT_YEAR", "words")
    assert verdict.kind is kind
    assert verdict.code == "A_CODE_OF_NEXT_YEAR"
    assert verdict.fix


def test_an_error_without_code_is_named_by_its_status():
    assert classify(503, "", "").code == "HTTP_503"


def test_the_defaults_cover_every_answer_below_500():
    judged = {status for statuses, _ in DEFAULTS for status in statuses}
    assert judged == set(range(200, 500))


def test_a_race_between_two_inserts_is_worth_one_repetition():
    verdict = classify_row(RowError("DUPLICATE_VALUE", "duplicate value found: Ext__c"))
    assert verdict.advice is Advice.RETRY_ONCE


@pytest.mark.parametrize(
    ("status", "code"), [(413, ""), (400, "REQUEST_RUNNING_TOO_LONG"), (400, "QUERY_TIMEOUT")]
)
def test_what_is_too_large_asks_for_smaller_requests(status, code):
    assert classify(status, code, "").advice is Advice.SEND_LESS


def test_the_orgs_own_rule_against_stale_writes_is_recognised():
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert is_stale(RowError(code, STALE_MARKER))
    assert is_stale(RowError("CANNOT_EXECUTE_FLOW_TRIGGER", f"Flow X: {STALE_MARKER} (2024)"))
    assert not is_stale(RowError(code, "Amount must be positive"))
