"""Rows to CSV and result files back to rows."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.delivery.bulk_writer import BulkWriter
from agents.pacing.stall_clock import Progress
from agents.salesforce.api.bulk import job_failed
from agents.salesforce.api.bulk_csv import csv_files, match_results, read_rows
from agents.salesforce.api.composite import Collection
from agents.salesforce.errors.error_rule import Advice
from agents.salesforce.http.answers import bulk_error
from agents.salesforce.interrupt import Interrupt
from schemas.salesforce import Row, RowError

ID = "001000000000001AAA"


def a_row(key: str = "k1", version: str = "", **fields: object) -> Row:
    return Row("Account", "Ext__c", key, fields=fields, version=version)


def the_csv(*rows: Row, is_guarded: bool = False) -> list[dict[str, str]]:
    ((_, body),) = csv_files(rows, "Ext__c", is_guarded=is_guarded)
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def test_the_external_id_comes_first_and_the_other_columns_in_a_fixed_order():
    ((_, body),) = csv_files(
        [a_row(Zip="1", City="x"), a_row("k2", Name="n")], "Ext__c", is_guarded=False
    )
    assert body == b"Ext__c,City,Name,Zip\nk1,x,,1\nk2,,n,\n"


def test_null_and_empty_text_empty_the_field_but_a_missing_one_is_left_alone():
    first, second = the_csv(a_row(Phone=None, Fax=""), a_row("k2", Name="n"))
    assert (first["Phone"], first["Fax"], first["Name"]) == ("#N/A", "#N/A", "")
    assert (second["Phone"], second["Fax"]) == ("", "")


def test_a_parent_becomes_a_column_with_a_dot():
    (row,) = the_csv(a_row(Account={"Magento_Customer_Key__c": "j@x.test"}))
    assert row["Account.Magento_Customer_Key__c"] == "j@x.test"


def test_values_are_written_as_salesforce_reads_them():
    (row,) = the_csv(a_row(A=True, B=False, C=Decimal("10.10"), D=0, E=1.5))
    assert (row["A"], row["B"], row["C"], row["D"], row["E"]) == (
        "true",
        "false",
        "10.10",
        "0",
        "1.5",
    )


def test_the_version_goes_along_where_the_org_guards_against_stale_writes():
    row = a_row(version="2026-01-02T03:04:05Z", Name="n")
    assert the_csv(row, is_guarded=True)[0]["Magento_Updated_At__c"] == "2026-01-02T03:04:05Z"
    assert "Magento_Updated_At__c" not in the_csv(row)[0]


def test_files_stay_under_the_limit_and_hold_every_row_once():
    rows = [a_row(f"k{n}", Name="x" * 50) for n in range(20)]
    files = list(csv_files(rows, "Ext__c", is_guarded=False, max_bytes=300))
    assert len(files) > 3
    assert all(len(body) <= 300 for _, body in files)
    assert [row for part, _ in files for row in part] == rows
    assert [r["Ext__c"] for _, body in files for r in read_rows(body)] == [
        r.external_id for r in rows
    ]


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=4))
def test_any_text_survives_the_way_there_and_back(texts):
    rows = [a_row(f"k{n}", Name=text) for n, text in enumerate(texts)]
    ((_, body),) = csv_files(rows, "Ext__c", is_guarded=False)
    assert [record["Name"] for record in read_rows(body)] == texts


def test_results_find_their_rows_by_external_id_whatever_their_order_and_case():
    rows = [a_row("Ab"), a_row("cd"), a_row("ef"), a_row("gh"), a_row("ij"), a_row("kl")]
    results = match_results(
        rows,
        "Ext__c",
        successful=[
            {"sf__Id": ID, "sf__Created": "true", "Ext__c": "ab"},
            {"sf__Id": "?", "sf__Created": "true", "Ext__c": "ij"},
            {"sf__Id": ID, "sf__Created": "", "Ext__c": "kl"},
        ],
        failed=[{"sf__Id": "", "sf__Error": "X:m:F--", "Ext__c": "EF"}],
        unprocessed=[{"Ext__c": "cd"}],
    )
    assert (results[0].success, results[0].id, results[0].created) == (True, ID, True)
    assert results[1].errors[0].code == "UNPROCESSED"
    assert results[2].errors == (RowError("X", "m", ("F",)),)
    assert results[3].errors[0].code == "RESULT_MISSING"
    assert [result.errors[0].code for result in results[4:]] == ["BAD_ANSWER"] * 2


def test_a_row_in_two_files_counts_as_failed():
    (result,) = match_results(
        [a_row("k")],
        "Ext__c",
        successful=[{"sf__Id": ID, "Ext__c": "k"}],
        failed=[{"sf__Error": "X:m:--", "Ext__c": "k"}],
        unprocessed=[],
    )
    assert not result.success


PAGES = [b"<html>\n<body>Wartung</body>", b'[{"errorCode":"X"}]\n1', b"no healthy upstream"]


@pytest.mark.parametrize("body", PAGES)
def test_a_page_in_place_of_a_result_file_is_no_empty_file(body):
    with pytest.raises(ValueError, match="first line"):
        read_rows(body, lambda names: "Ext__c" in names)
    assert read_rows(b"", lambda names: "Ext__c" in names) == []


@pytest.mark.parametrize("told", ["Unknown", "InternalServerError : x", "TooManyLockFailure:x", ""])
async def test_after_a_job_that_failed_as_a_whole_the_rows_go_by_another_road(told):
    class Client:
        async def upsert_bulk(self, *_row, **_options):
            raise job_failed({"state": "Failed", "errorMessage": told})

    writer = BulkWriter(
        Client(), spend=lambda _calls: None, interrupt=Interrupt(), progress=Progress()
    )
    (answer,) = await writer.composite([Collection("Account", "Ext__c", "upsert", (a_row("k"),))])
    assert answer.error.advice is Advice.OTHER_API
    assert writer.is_closed


@pytest.mark.parametrize("body", [b"\xff\xfe", b'a,b\n"' + b"x" * 200_000])
def test_a_result_file_that_is_no_csv_is_a_value_error(body):
    with pytest.raises(ValueError, match=r"codec|field"):
        read_rows(body)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
            RowError(
                "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ("LastName",)
            ),
        ),
        (
            "INVALID_FIELD:Foreign key external ID: 42 not found:A__c,B__c --",
            RowError("INVALID_FIELD", "Foreign key external ID: 42 not found", ("A__c", "B__c")),
        ),
        (
            "UNABLE_TO_LOCK_ROW:unable to obtain: 001:--",
            RowError("UNABLE_TO_LOCK_ROW", "unable to obtain: 001"),
        ),
        (
            "InvalidBatch : Field name not found : X",
            RowError("InvalidBatch", "Field name not found : X"),
        ),
        ("Jane's record is locked", RowError("", "Jane's record is locked")),
        ("", RowError("", "")),
    ],
)
def test_a_bulk_error_is_taken_apart(text, error):
    assert bulk_error(text) == error
