"""Answers in every shape Salesforce, its edge and proxies send them."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.salesforce.api.caller import is_doubtful
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import BadAnswerError, SalesforceError
from agents.salesforce.http.answers import (
    BAD_ROW,
    MAX_RETRY_AFTER_SECONDS,
    decode,
    errors_in,
    refusal_of,
    row_result,
    row_results,
)
from schemas.salesforce import RowError, RowResult

GOOD_ID = "001000000000001AAA"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["success", "id", "errors", "created", "statusCode", "message", "fields"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)


def test_a_rest_error_array_is_read():
    body = b'[{"message":"No such column","errorCode":"INVALID_FIELD","fields":["Foo__c"]}]'
    error = refusal_of(400, {}, body)
    assert (error.kind, error.code, error.fields) == (
        ErrorKind.CONFIG,
        "INVALID_FIELD",
        ("Foo__c",),
    )
    assert "No such column" in str(error)


SOAP = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>'
    "sf:INVALID_SESSION_ID</faultcode><faultstring>Sitzung abgelaufen</faultstring></s:Fault>"
)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (SOAP, "INVALID_SESSION_ID", "Sitzung abgelaufen"),
        (
            "<Error><errorCode>REQUEST_LIMIT_EXCEEDED</errorCode><message>Total</message></Error>",
            "REQUEST_LIMIT_EXCEEDED",
            "Total",
        ),
        ("<error><exceptionCode>ExceededQuota</exceptionCode></error>", "ExceededQuota", ""),
        (
            "<OAuth><error>invalid_grant</error><error_description>Öffnen</error_description>",
            "invalid_grant",
            "Öffnen",
        ),
        (
            "<n:statusCode n:type='c'> UNABLE_TO_LOCK_ROW </n:statusCode><n:message>レコード</n:message>",
            "UNABLE_TO_LOCK_ROW",
            "レコード",
        ),
    ],
)
def test_an_error_in_xml_is_judged_by_its_code(body, code, message):
    error = refusal_of(403, {}, body.encode())
    assert (error.code, error.rule, error.message) == (code, code, message)
    assert not is_doubtful(error)


UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", *UNICODE])
@pytest.mark.parametrize(
    "body",
    [
        '[{"errorCode": "UNABLE_TO_LOCK_ROW ", "message": "Zugriff verweigert für é"}]',
        "<Errors><errorCode>UNABLE_TO_LOCK_ROW</errorCode><message>für é</message></Errors>",
    ],
)
def test_an_error_in_a_proxys_encoding_is_judged_by_its_code(body, encoding):
    assert refusal_of(400, {}, body.encode(encoding)).kind is ErrorKind.LOCK


@pytest.mark.parametrize("encoding", UNICODE)
def test_an_answer_is_read_in_every_encoding_of_unicode(encoding):
    assert decode('{"Name": "Łódź"}'.encode(encoding)) == ({"Name": "Łódź"}, "json")


LOCK = {"errorCode": "UNABLE_TO_LOCK_ROW", "message": "zajęty"}


@pytest.mark.parametrize(
    "value",
    [
        LOCK,
        {"errors": [LOCK]},
        {"error": LOCK},
        {"hasErrors": True, "results": [{"statusCode": "UNABLE_TO_LOCK_ROW"}]},
        [{"body": [LOCK], "httpStatusCode": 400}],
        {"compositeResponse": [{"body": [LOCK], "httpStatusCode": 400}]},
        {"status": 400, "error": "Bad Request", "message": "x", "errors": [LOCK]},
        {"error": {"code": "UNABLE_TO_LOCK_ROW", "message": "zajęty"}},
        [[LOCK]],
    ],
)
def test_an_error_in_a_wrapper_is_judged_by_its_code(value):
    error = refusal_of(400, {}, orjson.dumps(value))
    assert (error.kind, error.code) == (ErrorKind.LOCK, "UNABLE_TO_LOCK_ROW")
    assert row_result(value if isinstance(value, dict) else value[0]).success is False


def test_an_error_that_was_cut_is_judged_by_its_code():
    for body in (orjson.dumps([LOCK])[:-9], "UNABLE_TO_LOCK_ROW: zajęty".encode()):
        assert refusal_of(401, {}, body).code == "UNABLE_TO_LOCK_ROW"


@pytest.mark.parametrize("body", [b"<h1>Invalid Hostname</h1>", b"", b'{"message":"no"}', b"no"])
def test_a_400_without_a_code_is_a_gateways_and_condemns_no_row(body):
    assert refusal_of(400, {}, body).kind is ErrorKind.TRANSIENT
    assert refusal_of(400, {}, b'[{"errorCode":"NEXT_YEAR"}]').kind is ErrorKind.UNKNOWN


def test_several_addresses_in_a_page_are_no_several_records():
    assert refusal_of(300, {}, b"<html>choose</html>").kind is ErrorKind.CONFIG
    assert refusal_of(300, {}, b'["/services/data/v60.0/x"]').kind is ErrorKind.PERMANENT


def test_of_several_errors_the_first_known_one_counts():
    unknown, lock = {"errorCode": "OF_NEXT_YEAR"}, {"errorCode": "UNABLE_TO_LOCK_ROW"}
    assert refusal_of(400, {}, orjson.dumps([unknown, lock])).code == "UNABLE_TO_LOCK_ROW"
    assert refusal_of(400, {}, orjson.dumps([unknown])).code == "OF_NEXT_YEAR"


def test_an_oauth_error_object_is_read():
    body = b'{"error":"invalid_grant","error_description":"audience is invalid"}'
    error = refusal_of(400, {}, body)
    assert (error.code, error.message) == ("invalid_grant", "audience is invalid")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>busy</html>", "html"),
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"no healthy upstream", "text"),
    ],
)
def test_a_body_that_is_no_json_is_named(body, kind):
    error = refusal_of(503, {}, body)
    assert error.body_kind == kind
    assert error.kind is ErrorKind.TRANSIENT
    assert error.is_outcome_unknown


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *[("7", 7.0), ("0.5", 0.5), ("", None), ("-1", None), ("inf", None), ("Wed, 21 Oct", None)],
        *[("nan", None), ("120, 120", None), ("PT5S", None), ("Mon, 1 Jan 99999 0:0 +9", None)],
        ("Wed, 21 Oct 2026 07:30:00 GMT", 120.0),
        ("Wed, 21 Oct 2026 07:00:00 GMT", None),
        ("Wed, 28 Oct 2026 07:28:00 GMT", MAX_RETRY_AFTER_SECONDS),
        ("1000000000", MAX_RETRY_AFTER_SECONDS),
    ],
)
def test_retry_after_is_seconds_or_a_date_of_the_servers_clock_and_has_an_end(header, seconds):
    headers = {"Retry-After": header, "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    assert refusal_of(429, headers, b"").retry_after_seconds == seconds


def test_a_retry_after_date_without_the_servers_clock_says_nothing():
    headers = {"Retry-After": "Wed, 21 Oct 2026 07:30:00 GMT"}
    assert refusal_of(429, headers, b"").retry_after_seconds is None


def test_the_servers_date_is_kept_for_judging_the_clock():
    assert refusal_of(400, {"Date": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"").server_date


def test_a_code_at_the_end_of_what_a_flow_tells_is_still_read():
    told = "O processo falhou. " * 200 + "UNABLE_TO_LOCK_ROW: acesso exclusivo"
    body = orjson.dumps([{"errorCode": "CANNOT_EXECUTE_FLOW_TRIGGER", "message": told}])
    assert refusal_of(500, {}, body).kind is ErrorKind.LOCK
    endless = orjson.dumps([{"errorCode": "X", "message": "m" * 100_000}])
    assert len(refusal_of(400, {}, endless).message) < 10_000


def test_a_duplicate_error_with_its_misspelt_detail_is_read():
    body = [
        {
            "duplicateResut": {"allowSave": True},
            "errorCode": "DUPLICATES_DETECTED",
            "message": "Use one of these records?",
        }
    ]
    assert errors_in(body) == (RowError("DUPLICATES_DETECTED", "Use one of these records?"),)


def test_what_a_duplicate_rule_says_of_its_matches_is_no_error_of_its_own():
    matches = {"matchResults": [{"errors": [{"statusCode": "UNABLE_TO_LOCK_ROW"}]}]}
    body = [{"errorCode": "DUPLICATES_DETECTED", "duplicateResult": matches}]
    assert [error.code for error in errors_in(body)] == ["DUPLICATES_DETECTED"]


def test_a_success_with_errors_is_none():
    errors = [{"statusCode": "REQUIRED_FIELD_MISSING", "message": "必須項目", "fields": ["X__c"]}]
    result = row_result({"id": GOOD_ID, "success": True, "errors": errors})
    assert not result.success
    assert result.errors[0].code == "REQUIRED_FIELD_MISSING"


def test_a_written_row_has_its_id_and_whether_it_is_new():
    entry = {"id": GOOD_ID, "success": True, "errors": [], "created": True}
    assert row_result(entry) == RowResult(success=True, id=GOOD_ID, created=True)


def test_created_means_nothing_without_success():
    entry = {
        "success": False,
        "created": True,
        "errors": [
            {"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "message": "m", "fields": []}
        ],
    }
    result = row_result(entry)
    assert not result.success
    assert not result.created
    assert result.errors[0].code == "ALL_OR_NONE_OPERATION_ROLLED_BACK"


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "ok",
        {},
        {"success": "true", "id": GOOD_ID},
        {"success": 1, "id": GOOD_ID},
        {"success": True},
        {"success": True, "id": None},
        {"success": True, "id": "../../x"},
        {"success": True, "id": ""},
        {"success": True, "id": [GOOD_ID]},
        {"success": True, "id": GOOD_ID, "errors": ["text"]},
        {"success": True, "id": GOOD_ID, "errors": [{"message": "without a code"}]},
        {"success": True, "id": GOOD_ID, "errors": {"message": "no list"}},
        {"success": False},
        {"success": False, "errors": [], "created": True},
        {"success": False, "errors": ["text"]},
    ],
)
def test_an_entry_that_is_no_clear_result_is_a_failed_row(entry):
    assert row_result(entry) == BAD_ROW


@pytest.mark.parametrize("value", [None, {}, "x", [], [{}], [{}, {}, {}]])
def test_a_list_of_another_length_is_no_answer(value):
    with pytest.raises(BadAnswerError) as caught:
        row_results(value, 2)
    assert caught.value.kind is ErrorKind.TRANSIENT
    assert caught.value.is_outcome_unknown


@given(st.lists(json_values, max_size=4), st.integers(0, 4))
def test_no_decoded_answer_raises_anything_but_bad_answer(value, expected):
    try:
        results = row_results(value, expected)
    except BadAnswerError:
        assert len(value) != expected
    else:
        assert len(results) == expected
        assert all(result.success or result.errors for result in results)


@given(st.integers(0, 999), st.binary(max_size=60))
def test_any_body_of_any_status_becomes_an_error(status, body):
    error = refusal_of(status, {}, body)
    assert isinstance(error, SalesforceError)
    assert error.code
