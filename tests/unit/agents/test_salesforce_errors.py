"""The error table, by the codes and texts that real orgs send, and in other languages."""

from __future__ import annotations

from collections import Counter

import pytest

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.error_table import BY_CODE, BY_STATUS, ROW_STATUSES, RULES
from agents.salesforce.errors.errors import (
    STALE_FIELD,
    STALE_MARKER,
    classify,
    classify_job,
    classify_row,
    is_stale,
)
from agents.salesforce.errors.fixes import EventState, fix_for
from agents.salesforce.errors.own_errors import OWN_RULES
from schemas.salesforce import Row, RowError

SEEN = [
    (401, "INVALID_SESSION_ID", "Session expired or invalid", Kind.AUTH),
    (401, "", "Connected app is not attached to Agent", Kind.AUTH),
    (401, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "The users password has expired", Kind.AUTH),
    (403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "The users password has expired", Kind.AUTH),
    (400, "invalid_grant", "user hasn't approved this consumer", Kind.AUTH),
    (400, "invalid_client_id", "client identifier invalid", Kind.AUTH),
    (400, "inactive_user", "user is inactive", Kind.AUTH),
    (429, "", "", Kind.CONCURRENCY),
    (200, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record", Kind.LOCK),
    (500, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", Kind.LOCK),
    (503, "SERVER_UNAVAILABLE", "The server is busy", Kind.TRANSIENT),
    (500, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1 (-1)", Kind.TRANSIENT),
    (502, "", "no healthy upstream", Kind.TRANSIENT),
    (504, "", "HTTP 504 with html body", Kind.TRANSIENT),
    (420, "", "Salesforce Edge doesn't have routing information", Kind.TRANSIENT),
    (406, "", "HTTP 406 with empty body", Kind.TRANSIENT),
    (408, "", "", Kind.TRANSIENT),
    (409, "", "", Kind.TRANSIENT),
    (400, "REQUEST_RUNNING_TOO_LONG", "Your request was running for too long", Kind.TRANSIENT),
    (400, "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE", "try later", Kind.TRANSIENT),
    (400, "TXN_SECURITY_METERING_ERROR", "security policies took too long", Kind.TRANSIENT),
    (200, "DUPLICATES_DETECTED", "Use one of these records?", Kind.PERMANENT),
    (200, "DUPLICATE_VALUE", "duplicate value found: F duplicates value on id: 00", Kind.PERMANENT),
    (200, "DUPLICATE_EXTERNAL_ID", "more than one record found", Kind.PERMANENT),
    (300, "", "HTTP 300 with json body", Kind.PERMANENT),
    (200, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", Kind.PERMANENT),
    (200, "STRING_TOO_LONG", "Name: data value too large: x (max length=80)", Kind.PERMANENT),
    (200, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "bad value: x", Kind.PERMANENT),
    (200, "FIELD_INTEGRITY_EXCEPTION", "There's a problem with this state", Kind.PERMANENT),
    (200, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Amount must be positive", Kind.UNKNOWN),
    (200, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Trigger: NullPointer", Kind.UNKNOWN),
    (400, "INVALID_FIELD", "No such column 'foo' on sobject of type Bar", Kind.CONFIG),
    (200, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: Name", Kind.CONFIG),
    (400, "INVALID_TYPE", "sObject type 'Foo' is not supported", Kind.CONFIG),
    (400, "MALFORMED_QUERY", "unexpected token", Kind.CONFIG),
    (400, "JSON_PARSER_ERROR", "Unexpected character", Kind.PERMANENT),
    (404, "NOT_FOUND", "Provided external ID field does not exist", Kind.CONFIG),
    (200, "INVALID_CROSS_REFERENCE_KEY", "Record Type ID: not valid", Kind.PERMANENT),
    (200, "ENTITY_IS_DELETED", "entity is deleted", Kind.PERMANENT),
    (200, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access", Kind.PERMANENT),
    (403, "API_DISABLED_FOR_ORG", "The REST API is not enabled", Kind.CONFIG),
    (200, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", Kind.CONFIG),
    (200, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back", Kind.TRANSIENT),
    (400, "InvalidBatch", "Field name not found : X", Kind.CONFIG),
    (200, "MAPPING_ERROR", "Opportunity.CloseDate is empty and required", Kind.PERMANENT),
    (
        200,
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
        "Updates can't be made during maintenance.",
        Kind.TRANSIENT,
    ),
    (200, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", Kind.PERMANENT),
    (200, "INACTIVE_OWNER_OR_USER", "operation performed with inactive user", Kind.PERMANENT),
    (200, "ENTITY_IS_LOCKED", "the entity is locked for editing", Kind.PERMANENT),
    (200, "RECORD_IN_USE_BY_WORKFLOW", "in use by workflow", Kind.LOCK),
    (200, "TOO_MANY_APEX_REQUESTS", "too many apex requests", Kind.CONCURRENCY),
    (200, "LIMIT_EXCEEDED", "limit exceeded", Kind.CONFIG),
    (200, "TXN_SECURITY_NO_ACCESS", "not permitted by a security policy", Kind.CONFIG),
    (403, "TXN_SECURITY_TWO_FA_REQUIRED", "Two-factor is required", Kind.AUTH),
    (400, "TransactionSecurityBlock", "blocked", Kind.CONFIG),
    (400, "InvalidSessionId", "Invalid session id", Kind.AUTH),
    (503, "ORG_IN_MAINTENANCE", "organization is down", Kind.TRANSIENT),
    (404, "URL_NOT_RESET", "Destination URL not reset", Kind.CONFIG),
    (200, "MULTIPLE_RECORDS_FOUND", "more than one", Kind.PERMANENT),
    (200, "LIST_PRICE_NOT_FOUND", "no list price", Kind.PERMANENT),
]
OTHER_LANGUAGES = [
    "Não foi possível processar o registro. Tente novamente mais tarde.",
    "Der Datensatz konnte nicht gespeichert werden. Versuchen Sie es später erneut.",
    "レコードを保存できませんでした。後でもう一度お試しください。",
]


@pytest.mark.parametrize(("status", "code", "message", "kind"), SEEN)
def test_a_known_error_has_its_kind_a_meaning_and_a_fix_in_any_language(
    status, code, message, kind
):
    verdicts = [classify(status, code, text) for text in [message, *OTHER_LANGUAGES]]
    assert {verdict.kind for verdict in verdicts} == {kind}
    assert len(set(verdicts)) == 1
    assert verdicts[0].meaning
    assert verdicts[0].fix


@pytest.mark.parametrize("text", ["TotalRequests Limit exceeded.", *OTHER_LANGUAGES])
@pytest.mark.parametrize(
    ("has_quota_left", "kind"), [(True, Kind.CONCURRENCY), (False, Kind.QUOTA)]
)
def test_the_answers_own_count_tells_the_days_limit_from_that_of_the_moment(
    text, has_quota_left, kind
):
    text = text.replace("TotalRequests ", "")
    verdict = classify(403, "REQUEST_LIMIT_EXCEEDED", text, has_quota_left=has_quota_left)
    assert verdict.kind is kind


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (403, "Limite de TotalRequests excedido.", Kind.QUOTA),
        (403, "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", Kind.CONCURRENCY),
        (403, "Limite ConcurrentPerOrgLongTxn dépassée.", Kind.CONCURRENCY),
        (429, "Zu viele Anfragen.", Kind.CONCURRENCY),
        (403, "Words of next year.", Kind.QUOTA),
    ],
)
def test_without_a_count_the_name_of_the_limit_decides_and_then_the_harmless_reading(
    status, message, kind
):
    assert classify(status, "REQUEST_LIMIT_EXCEEDED", message).kind is kind


WRAPPED = [
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: AfterUpdate: first error: UNABLE_TO_LOCK_ROW, x"),
    ("CANNOT_EXECUTE_FLOW_TRIGGER", "O fluxo falhou: UNABLE_TO_LOCK_ROW: acesso exclusivo"),
    ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Fehler: UNABLE_TO_LOCK_ROW, Datensatz gesperrt: []"),
    ("APEX_ERROR", "System.DmlException: CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY, UNABLE_TO_LOCK_ROW"),
]


@pytest.mark.parametrize(("code", "message"), WRAPPED)
def test_a_known_code_inside_a_wrapper_counts_as_that_code(code, message):
    verdict = classify_row(RowError(code, message))
    assert verdict.kind is Kind.LOCK
    assert (verdict.code, verdict.rule) == (code, "UNABLE_TO_LOCK_ROW")


@pytest.mark.parametrize("told", ["INVALID_SESSION_ID", "REQUEST_LIMIT_EXCEEDED", "INVALID_LOGIN"])
@pytest.mark.parametrize(
    "code", ["CANNOT_EXECUTE_FLOW_TRIGGER", "FIELD_CUSTOM_VALIDATION_EXCEPTION"]
)
def test_what_a_callout_of_the_orgs_automation_was_told_is_not_our_login_or_quota(code, told):
    verdict = classify_row(RowError(code, f"Callout failed: {told}: x"))
    assert (verdict.kind, verdict.rule) == (Kind.UNKNOWN, code)


def test_our_own_codes_in_a_validation_rules_text_are_words():
    for code in (code for rule in OWN_RULES for code in rule.codes):
        verdict = classify_row(RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", f"{code}: x"))
        assert verdict.rule == "FIELD_CUSTOM_VALIDATION_EXCEPTION"


@pytest.mark.parametrize("words", ["Too many SOQL queries: 101", "クエリが多すぎます: 101", ""])
def test_a_governor_limit_of_apex_asks_for_smaller_requests(words):
    message = f"Trigger: System.LimitException: {words}"
    verdict = classify_row(RowError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message))
    assert (verdict.kind, verdict.advice) == (Kind.TRANSIENT, Advice.SEND_LESS)


@pytest.mark.parametrize(
    "value", ["UNABLE_TO_LOCK_ROW", "STORAGE_LIMIT_EXCEEDED Sp. z o.o.", "System.LimitException"]
)
def test_a_code_that_a_customers_value_holds_is_nobodys_cause(value):
    row = Row("Account", "Key__c", "a", {"Name": value})
    error = RowError("FIELD_CUSTOM_VALIDATION_EXCEPTION", f"Nazwa „{value}” niedozwolona")
    assert classify_row(error, row).kind is Kind.UNKNOWN
    assert not is_stale(RowError("STRING_TOO_LONG", f"Name: {STALE_MARKER}"))


def test_every_code_stands_in_one_row_only():
    counted = Counter(code for rule in RULES for code in rule.codes)
    assert [code for code, times in counted.items() if times > 1] == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.UNKNOWN),
        (400, Kind.UNKNOWN),
        (401, Kind.AUTH),
        *[(status, Kind.CONFIG) for status in (301, 403, 404, 405, 410, 415, 451)],
        *[(440, Kind.AUTH), (498, Kind.AUTH), (430, Kind.CONCURRENCY)],
        *[(425, Kind.TRANSIENT), (494, Kind.TRANSIENT), (499, Kind.TRANSIENT)],
        *[(status, Kind.TRANSIENT) for status in (511, 520, 522, 525, 530)],
        *[(status, Kind.TRANSIENT) for status in (413, 414, 431)],
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


@pytest.mark.parametrize("status", [302, 401, 403, 404, 405, 409, 410, 415, 429, 451, 500, 503])
def test_no_code_makes_a_row_guilty_of_a_call_that_no_row_explains(status):
    kinds = {classify(status, code, "x").kind for code in BY_CODE}
    assert not kinds & {Kind.PERMANENT, Kind.UNKNOWN}


def test_an_error_without_code_is_named_by_its_status():
    assert classify(503, "", "").code == "HTTP_503"


def test_the_statuses_cover_every_answer_below_500():
    judged = {status for statuses, _ in BY_STATUS for status in statuses}
    assert judged == set(range(200, 500))
    assert judged >= ROW_STATUSES


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("TooManyLockFailure", Kind.LOCK),
        ("InternalServerError", Kind.TRANSIENT),
        ("Timeout", Kind.TRANSIENT),
        ("ExceededQuota", Kind.QUOTA),
        ("InvalidBatch", Kind.CONFIG),
        ("ClientInputError", Kind.TRANSIENT),
        ("Unknown", Kind.TRANSIENT),
        ("CodeOfNextYear", Kind.TRANSIENT),
        ("", Kind.TRANSIENT),
    ],
)
def test_a_failed_job_is_never_its_rows_fault(code, kind):
    assert classify_job(code).kind is kind


ORDER = Row("Opportunity", "Key__c", "o1", {"Name": "x", "Account": {"Key__c": "acc-9"}})


@pytest.mark.parametrize(
    ("row", "message", "kind"),
    [
        (ORDER, "Foreign key external ID: acc-9 not found for field Key__c", Kind.ORDERING),
        (ORDER, "Der Fremdschlüssel acc-9 wurde für Feld Key__c nicht gefunden", Kind.ORDERING),
        (ORDER, "見つかりませんでした", Kind.ORDERING),
        (ORDER, "No such column 'Name' on sobject of type Opportunity", Kind.CONFIG),
        (ORDER, "Keine Spalte 'Name' in Opportunity", Kind.CONFIG),
        (Row("Account", "Key__c", "a", {"Name": "x"}), "nicht gefunden", Kind.CONFIG),
    ],
)
def test_a_missing_parent_is_known_by_what_was_sent(row, message, kind):
    assert classify_row(RowError("INVALID_FIELD", message), row).kind is kind


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
    assert is_stale(RowError(code, "より新しい状態が保存されています", (STALE_FIELD,)))
    assert is_stale(RowError("CANNOT_EXECUTE_FLOW_TRIGGER", f"Flow X: {STALE_MARKER} (2024)"))
    assert not is_stale(RowError(code, "Amount must be positive"))
    assert not is_stale(RowError("STRING_TOO_LONG", "zu lang", (STALE_FIELD,)))


BY_ITSELF = ("by itself", "Nothing to do", "it is repeated", "goes on", "slows down")


def test_no_instruction_says_that_it_goes_on_by_itself():
    rules = [*RULES, *(rule for _, rule in BY_STATUS)]
    for rule in rules:
        said = fix_for(EventState.DEAD, rule.fix)
        assert not [words for words in BY_ITSELF if words in said], rule.codes
        assert said.endswith("`orderstream dlq requeue`.")
        assert rule.fix.endswith(".")


def test_each_state_says_what_becomes_of_the_event():
    assert "by itself" in fix_for(EventState.RETRIED, "Fix it.")
    assert "goes on by itself" in fix_for(EventState.PARKED, "Fix it.")
    assert fix_for(EventState.DEAD, "Fix it.") == "Fix it. Then `orderstream dlq requeue`."
