"""The table of errors where nothing but the status speaks, and what each row of it must say."""

from __future__ import annotations

import pytest

from agents.pacing.system_failure import reason_of
from agents.salesforce.errors import error_table
from agents.salesforce.errors.error_kind import ErrorKind as Kind
from agents.salesforce.errors.error_rule import Advice, ErrorRule, words
from agents.salesforce.errors.error_table import (
    BY_CODE,
    BY_STATUS,
    NESTED_CODES,
    RULES,
    by_status,
    is_sign_of_life,
)
from agents.salesforce.errors.errors import classify
from agents.salesforce.errors.fixes import dead_letter_advice
from agents.salesforce.errors.own_errors import OWN_RULES
from agents.salesforce.http.answers import refusal_of


@pytest.mark.parametrize(
    ("statuses", "kind", "meaning"),
    [
        ((200, 299, 400), Kind.UNKNOWN, "An error that orderstream does not know."),
        ((300,), Kind.PERMANENT, "Several records hold this external id."),
        ((301, 304, 308, 399), Kind.CONFIG, "The address answered with a redirect"),
        ((302, 303, 307), Kind.TRANSIENT, "The address answered with a redirect"),
        ((401, 419, 440, 498), Kind.AUTH, "Salesforce does not accept the session."),
        ((408, 409, 425, 444, 460, 499), Kind.TRANSIENT, "Salesforce, or something in between"),
        ((402, 403), Kind.CONFIG, "Salesforce forbids the request."),
        ((404,), Kind.CONFIG, "Nothing answers at this address"),
        ((405,), Kind.CONFIG, "The address does not take this kind of request."),
        ((406,), Kind.TRANSIENT, "Salesforce is overloaded."),
        ((410,), BY_CODE["GONE"].kind, BY_CODE["GONE"].meaning),
        ((413, 414, 431, 494), Kind.TRANSIENT, BY_CODE["REQUEST_ENTITY_TOO_LARGE"].meaning),
        ((415,), Kind.CONFIG, "The address does not take JSON or CSV."),
        ((420, 421), Kind.TRANSIENT, "Salesforce's edge does not know"),
        ((429, 430), Kind.CONCURRENCY, "Too many long-running requests"),
        (
            (407, 411, 412, 416, 418, 422, 424, 426, 428, 432, 439, 441, 443, 445, 459, 461, 493,
             495, 497),
            Kind.CONFIG,
            "Salesforce refused a call as a whole",
        ),
        ((0, 199, 500, 599), Kind.TRANSIENT, "Salesforce or a server in front of it failed."),
    ],
)  # fmt: skip
def test_a_status_has_its_row(statuses, kind, meaning) -> None:
    for status in statuses:
        rule = by_status(status)
        assert (rule.kind, rule.meaning[: len(meaning)]) == (kind, meaning), status


@pytest.mark.parametrize("status", [400, 413, 414, 431])
def test_a_row_may_explain_that_its_call_was_refused(status) -> None:
    assert classify(status, "STRING_TOO_LONG").kind is Kind.PERMANENT


def test_a_row_of_the_table_has_no_code_and_no_advice_unless_it_says_so() -> None:
    assert ErrorRule(Kind.LOCK, "m", "f") == ErrorRule(Kind.LOCK, "m", "f", (), Advice.NONE)
    assert [advice for advice in Advice if not advice] == [Advice.NONE]
    assert words("ONE TWO\nTHREE") == ("ONE", "TWO", "THREE")


FLOW = "The flow tried to create these records: null. This error occurred: {code}: [Subject]."


@pytest.mark.parametrize("code", ["REQUIRED_FIELD_MISSING", "INVALID_FIELD_FOR_INSERT_UPDATE"])
def test_what_a_flow_could_not_write_is_not_said_of_the_mapping(code) -> None:
    """A task without subject of the org's own flow sent people to mapping.yaml and its rights."""
    verdict = classify(200, "CANNOT_EXECUTE_FLOW_TRIGGER", FLOW.format(code=code))
    assert (verdict.kind, verdict.rule) == (BY_CODE[code].kind, code)
    letter = dead_letter_advice(verdict.code, "", status=200, rule=verdict.rule)
    for told in (verdict.fix, letter.fix):
        assert told.startswith("Read the message: it comes from the org's own automation")
    assert verdict.meaning == letter.meaning
    assert verdict.meaning.startswith("Automation of the org ran into this")
    assert BY_CODE[code].meaning in verdict.meaning
    assert BY_CODE[code].fix in verdict.fix


def test_a_lock_that_automation_lost_is_a_lock() -> None:
    told = FLOW.format(code="UNABLE_TO_LOCK_ROW")
    assert (
        classify(200, "CANNOT_EXECUTE_FLOW_TRIGGER", told).fix == BY_CODE["UNABLE_TO_LOCK_ROW"].fix
    )


@pytest.mark.parametrize("has_quota_left", [None, True, False])
def test_the_batches_of_bulk_are_not_the_calls_of_the_day(has_quota_left) -> None:
    """Read as too many at once, a backlog's jobs were asked for without end; or nobody called."""
    told = "ApiBatchItems Limit exceeded."
    verdict = classify(403, "REQUEST_LIMIT_EXCEEDED", told, has_quota_left=has_quota_left)
    assert (verdict.kind, verdict.rule) == (Kind.QUOTA, "ExceededQuota")


@pytest.mark.parametrize(
    ("code", "like"),
    [
        ("EXCEEDEDQUOTA", "ExceededQuota"),
        ("INVALIDBATCH", "InvalidBatch"),
        ("TOOMANYLOCKFAILURE", "TooManyLockFailure"),
        ("INVALIDSESSIONID", "InvalidSessionId"),
        ("TIMEOUT", "Timeout"),
    ],
)
def test_a_code_of_bulk_is_one_as_rest_writes_it(code, like) -> None:
    """INVALIDJOB, INVALIDENTITY: a code that nobody knew doubted the host, and logged in anew."""
    assert BY_CODE[code] is BY_CODE[like]


def test_too_much_apex_at_once_is_not_the_day_where_no_header_says_so() -> None:
    told = "Unable to process request. Concurrent requests limit exceeded."
    assert classify(403, "REQUEST_LIMIT_EXCEEDED", told).kind is Kind.CONCURRENCY


def test_any_refusal_but_a_busy_edges_is_a_sign_of_life() -> None:
    said = {status for status in range(600) if is_sign_of_life(status)}
    assert said == set(range(400, 500)) - {408, 420, 429}


def test_every_row_has_a_meaning_and_an_instruction() -> None:
    named = [rule for rule in vars(error_table).values() if isinstance(rule, ErrorRule)]
    for rule in (*RULES, *(rule for _, rule in BY_STATUS), *named):
        assert rule.meaning.endswith("."), rule
        assert rule.fix.endswith("."), rule


def test_what_a_wrapper_may_quote_is_no_login_no_quota_no_wrapper_and_none_of_ours() -> None:
    assert {"UNABLE_TO_LOCK_ROW", "STORAGE_LIMIT_EXCEEDED"} <= NESTED_CODES
    ours = {code for rule in OWN_RULES for code in rule.codes}
    wrappers = {"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "FIELD_CUSTOM_VALIDATION_EXCEPTION"}
    logins = {"INVALID_SESSION_ID", "INVALID_LOGIN", "REQUEST_LIMIT_EXCEEDED"}
    assert not NESTED_CODES & (ours | wrappers | logins)


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (
            Kind.PERMANENT,
            {
                "MAPPING_ERROR",
                "DECODE_ERROR",
                "UNTRUSTED_RECORD",
                "WORKER_CRASHED",
                "BREAKER_OPEN",
                "HANDLER_BUG",
                "NOT_ENCODABLE",
                "BAD_EXTERNAL_ID",
                "NO_STANDARD_PRICEBOOK",
            },
        ),
        (
            Kind.TRANSIENT,
            {
                "UNEXPECTED",
                "NO_ANSWER",
                "UNREACHABLE",
                "TLS_FAILED",
                "CUT",
                "BAD_ANSWER",
                "UNPROCESSED",
                "RESULT_MISSING",
            },
        ),
    ],
)
def test_our_own_codes_are_for_a_person_or_are_repeated(kind, codes) -> None:
    assert {code for rule in OWN_RULES if rule.kind is kind for code in rule.codes} == codes


def test_a_gateways_sentence_is_a_message_that_no_alert_shows() -> None:
    """It may quote what was sent; as a code it stood in alerts, results and the log."""
    error = refusal_of(403, {}, b'{"error": "Blocked: jane@example.com in the body"}')
    assert (error.code, error.rule) == ("HTTP_403", "HTTP_403")
    assert "jane" not in reason_of(error)
    assert error.message == "Blocked: jane@example.com in the body"


def test_a_name_is_of_plain_letters_whatever_the_gateway_speaks() -> None:
    assert refusal_of(403, {}, '{"error": "Zugriff_für_jürgen"}'.encode()).code == "HTTP_403"
    assert refusal_of(403, {}, b'{"error": "access_denied"}').code == "access_denied"


def test_a_redirect_that_stays_for_one_order_is_a_filters() -> None:
    assert classify(302, "").fix.endswith("a proxy or firewall refuses something in its texts.")
