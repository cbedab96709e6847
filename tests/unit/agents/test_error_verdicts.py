"""What a verdict and an error say, word by word, and what of a text may decide."""

from __future__ import annotations

import pytest

from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.errors.error_table import (
    BY_CODE,
    MISSING_PARENT,
    NOT_FROM_THE_API,
    UNKNOWN_FAILURE,
)
from agents.salesforce.errors.errors import (
    ErrorVerdict,
    SalesforceError,
    cause_of,
    classify,
    classify_job,
    classify_row,
    is_of_a_chunk,
    is_stale,
)
from agents.salesforce.http.answers import refusal_of
from schemas.salesforce import Row, RowError

WRAPPER = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
LOCK = BY_CODE["UNABLE_TO_LOCK_ROW"]


def test_an_error_keeps_what_it_was_told() -> None:
    told = {
        "kind": Kind.LOCK,
        "code": "C",
        "status": 400,
        "fields": ("F",),
        "meaning": "It means this.",
        "fix": "Do that.",
        "advice": Advice.SEND_LESS,
        "rule": "R",
        "retry_after_seconds": 7.0,
        "is_outcome_unknown": True,
        "body_kind": "json",
        "server_date": "today",
    }
    error = SalesforceError("no", **told)
    assert {name: getattr(error, name) for name in told} == told
    assert (error.message, str(error)) == ("no", "C: no It means this. Do that.")


def test_an_error_that_was_told_nothing_says_its_status_or_kind() -> None:
    bare = SalesforceError("no", kind=Kind.AUTH)
    assert (bare.code, bare.status, bare.fields, bare.meaning, bare.fix) == ("", 0, (), "", "")
    assert (bare.advice, bare.rule, bare.retry_after_seconds) == (Advice.NONE, "", None)
    assert (bare.is_outcome_unknown, bare.body_kind, bare.server_date) == (False, "", "")
    assert str(bare) == f"{Kind.AUTH.value}: no"
    assert str(SalesforceError("no", kind=Kind.AUTH, status=401)) == "401: no"


def test_only_salesforces_own_word_says_that_something_does_not_exist() -> None:
    assert SalesforceError("no", kind=Kind.CONFIG, rule="NOT_FOUND").is_not_found
    assert not SalesforceError("no", kind=Kind.CONFIG, code="NOT_FOUND", status=404).is_not_found


def test_a_verdict_has_the_row_of_its_code_its_code_and_its_name() -> None:
    same = (LOCK.meaning, LOCK.fix, LOCK.advice, "UNABLE_TO_LOCK_ROW")
    assert classify(200, "UNABLE_TO_LOCK_ROW") == ErrorVerdict(
        Kind.LOCK, "UNABLE_TO_LOCK_ROW", *same
    )
    assert classify_row(RowError(WRAPPER, "x: UNABLE_TO_LOCK_ROW")) == ErrorVerdict(
        Kind.LOCK, WRAPPER, *same
    )
    assert (classify(503, "").rule, classify(403, "STRING_TOO_LONG").rule) == (
        "HTTP_503", "HTTP_403"
    )  # fmt: skip


def test_a_400_without_a_code_is_another_servers() -> None:
    verdict = classify(400, "")
    assert (verdict.kind, verdict.code, verdict.rule) == (Kind.TRANSIENT, "HTTP_400", "HTTP_400")
    assert verdict.meaning.startswith("A server in between refused the request")


def test_of_several_codes_in_a_text_the_last_is_the_cause() -> None:
    text = "STORAGE_LIMIT_EXCEEDED: first error: UNABLE_TO_LOCK_ROW, A_WORD"
    assert classify_row(RowError(WRAPPER, text)).rule == "UNABLE_TO_LOCK_ROW"
    limit = classify_row(RowError(WRAPPER, f"System.LimitException: {text}"))
    assert limit.rule == "UNABLE_TO_LOCK_ROW"
    limit = classify_row(RowError(WRAPPER, "System.LimitException: x"))
    assert (limit.rule, limit.advice) == ("LimitException", Advice.SEND_LESS)
    moment = classify(403, "REQUEST_LIMIT_EXCEEDED", "", has_quota_left=True)
    assert moment.rule == "ConcurrentRequests"
    assert classify(403, "REQUEST_LIMIT_EXCEEDED", "NotConcurrentX").kind is Kind.QUOTA
    assert classify(429, "REQUEST_LIMIT_EXCEEDED", "TotalRequests").kind is Kind.QUOTA


def test_a_job_that_failed_has_the_row_of_its_code_unless_that_blames_a_record() -> None:
    nobodys = (UNKNOWN_FAILURE.meaning, UNKNOWN_FAILURE.fix, Advice.NONE)
    assert classify_job("") == ErrorVerdict(Kind.TRANSIENT, "Unknown", *nobodys, "")
    assert classify_job("STRING_TOO_LONG") == ErrorVerdict(
        Kind.TRANSIENT, "STRING_TOO_LONG", *nobodys, "STRING_TOO_LONG"
    )
    assert classify_job("QUERY_TIMEOUT").advice is Advice.SEND_LESS


def test_of_several_errors_the_first_that_is_known_is_judged() -> None:
    odd, known, other = RowError("ODD", "a"), RowError("STRING_TOO_LONG", "b"), RowError("X", "c")
    assert cause_of([odd, known, other]) is known
    assert cause_of([odd, other]) is odd
    assert cause_of([], "why") == RowError("", "why")


@pytest.mark.parametrize(
    ("parent", "message", "fields", "is_parent"),
    [
        ("acc-9", "no acc-9", (), True),
        ("acc-9", "not found", (), True),
        (12, "no 12 in Name", (), True),
        ("", "no Name", (), False),
        ("acc-9", "not found", ("Name",), False),
        ("acc-9", "no Key__c", (), False),
        ("acc-9", "no Account", (), False),
    ],
)
def test_the_key_of_a_parent_tells_it_from_a_field(parent, message, fields, is_parent) -> None:
    row = Row("Opportunity", "Key__c", "o1", {"Name": "x", "Account": {"Id__c": parent}})
    verdict = classify_row(RowError("INVALID_FIELD", message, fields), row)
    texts = (MISSING_PARENT.meaning, MISSING_PARENT.fix)
    of_parent = ErrorVerdict(Kind.ORDERING, "INVALID_FIELD", *texts, Advice.NONE, "parent")
    assert (verdict == of_parent) is is_parent
    other = classify_row(RowError("STRING_TOO_LONG", message, fields), row)
    assert other.kind is Kind.PERMANENT


def test_the_orgs_rule_is_known_by_its_field_alone() -> None:
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert is_stale(RowError(code, "x", ("Magento_Updated_At__c",)))
    assert not is_stale(RowError(code, "x", ("Magento_Updated_At__c", "Amount")))


@pytest.mark.parametrize(
    ("code", "fields", "kind"),
    [
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", ("Amount",), Kind.PERMANENT),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", (), Kind.UNKNOWN),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", ("Amount",), Kind.UNKNOWN),
    ],
)
def test_a_validation_rule_that_names_its_field_is_the_records(code, fields, kind) -> None:
    assert classify_row(RowError(code, "words", fields)).kind is kind


@pytest.mark.parametrize("quoted", ["o'neil@a.example", "o&#39;neil@a.example", "O'Neil@A.Example"])
def test_a_missing_parent_is_known_however_its_key_is_quoted(quoted: str) -> None:
    key, parent = "Magento_Customer_Key__c", "o'neil@a.example"
    row = Row("Contact", key, parent, {"Account": {key: parent}})
    text = f"Foreign key external ID: {quoted} not found for field {key} in entity Account"
    assert classify_row(RowError("INVALID_FIELD", text), row).kind is Kind.ORDERING


def test_an_app_that_has_spent_its_own_calls_waits_for_the_day() -> None:
    """An org may limit an app below its own limit (Sforce-Limit-Info, per-app-api-usage)."""
    headers = {"Sforce-Limit-Info": "api-usage=18/5000; per-app-api-usage=250/250(appName=x)"}
    body = b'[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "x"}]'
    assert refusal_of(403, headers, body).kind is Kind.QUOTA


@pytest.mark.parametrize(
    ("code", "fields", "expected"),
    [
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", (), True),
        ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", ("Name",), True),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", (), True),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", ("Name",), False),
        ("REQUIRED_FIELD_MISSING", (), False),
    ],
)
def test_what_automation_may_have_said_of_all_rows_names_no_field(code, fields, expected):
    assert is_of_a_chunk(RowError(code, "no", fields)) is expected


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("code", ["", "Request blocked", "Request blocked for your safety"])
def test_a_refusal_without_a_code_is_of_a_server_in_between(status: int, code: str) -> None:
    assert classify(status, code).meaning == NOT_FROM_THE_API.meaning


@pytest.mark.parametrize(
    ("status", "code"), [(401, ""), (404, ""), (404, "Not Found"), (403, "A_NEW_CODE")]
)
def test_other_refusals_are_salesforces_own(status: int, code: str) -> None:
    assert classify(status, code).meaning != NOT_FROM_THE_API.meaning
