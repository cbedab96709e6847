"""`orderstream map`: the answer on stdout, what is wrong on stderr, and the exit code."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from agents.mapping.mapping import default_text
from cli.console import terminal
from cli.main import app
from sandbox.salesforce.records.objects import stock_org
from stream.errors import MappingFileError

ORDER = {
    "event": "sales_order_save_after",
    "order": {
        "increment_id": "000000123",
        "state": "new",
        "customer_email": "jane.doe@example.com",
        "customer_lastname": "Doe",
        "created_at": "2023-10-26 10:00:00",
        "updated_at": "2023-10-26 10:05:00",
        "items": [{"item_id": 1, "name": "Product X", "qty_ordered": 1}],
    },
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAPPING_FILE", raising=False)
    (tmp_path / "order.json").write_text(json.dumps(ORDER))

    # A console takes its width when it is made, whatever the terminal is later.
    monkeypatch.setattr(terminal.stdout, "_width", 160)

    def invoke(*args: str, **more):
        return CliRunner().invoke(app, ["map", *args], **more)

    return invoke


def test_it_prints_every_row_and_every_note(run) -> None:
    result = run("order.json")
    assert result.exit_code == 0
    for text in ("Order 000000123 - Doe", "only if new", "external ID", "Prospecting"):
        assert text in result.stdout
    assert "note: lines.code: missing, used `no SKU`" in result.stdout
    assert "3 rows" in result.stdout


def test_json_has_the_records_as_the_blueprint_writes_them(run) -> None:
    answer = json.loads(run("order.json", "--json").stdout)
    assert answer["records"][2]["sobjectType"] == "Opportunity"
    assert answer["records"][2]["Magento_Order_ID__c"] == "000000123"
    assert answer["rows"][2]["version"] == "2023-10-26T10:05:00Z"
    assert answer["lock_key"] == "jane.doe@example.com"
    assert answer["notes"]


def test_it_reads_standard_input_and_takes_the_events_name(run) -> None:
    body = json.dumps({"data": ORDER["order"]})
    result = run("-", "--json", "--event", "sales.order.updated", input=body)
    assert json.loads(result.stdout)["event"] == "sales.order.updated"


def test_an_instance_prefix_is_part_of_the_key(run, monkeypatch) -> None:
    monkeypatch.setenv("MAGENTO_INSTANCE", "eu")
    assert json.loads(run("order.json", "--json").stdout)["key"] == "eu:000000123"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("nonsense", "the body is not JSON"),
        ("[]", "expected an object"),
        ("{}", "no event name, no order"),
        ('{"event": "sales_order_save_after", "order": {}}', "no order ID found"),
        (
            '{"event": "catalog_product_save_after"}',
            "the event `catalog_product_save_after` is ignored",
        ),
        ('{"increment_id": "1"}', "says of the order only that it was saved"),
    ],
)
def test_a_body_that_cannot_be_mapped_is_exit_1_and_says_why(run, body, says) -> None:
    result = run("-", input=body)
    assert result.exit_code == 1
    assert says in result.stderr


def test_a_missing_file_or_no_file_at_all_is_exit_2(run) -> None:
    result = run("nowhere.json")
    assert (result.exit_code, "cannot be read: No such file" in result.stderr) == (2, True)
    assert run().exit_code == 2


def test_print_default_prints_the_shipped_file(run) -> None:
    assert run("--print-default").stdout == default_text()


def test_another_mapping_is_taken_from_the_option_or_the_setting(
    run, tmp_path, monkeypatch
) -> None:
    (tmp_path / "mine.yaml").write_text(
        default_text().replace("target: opportunity", "target: lead", 1)
    )
    as_lead = json.loads(run("order.json", "--json", "--mapping", "mine.yaml").stdout)
    assert [record["sobjectType"] for record in as_lead["records"]] == ["Lead"]
    monkeypatch.setenv("MAPPING_FILE", "mine.yaml")
    assert json.loads(run("order.json", "--json").stdout) == as_lead


def test_a_wrong_mapping_file_is_named_with_its_line(run, tmp_path) -> None:
    (tmp_path / "mine.yaml").write_text("order:\n  row: []\n")
    result = run("order.json", "--mapping", "mine.yaml")
    assert isinstance(result.exception, MappingFileError)
    assert "mine.yaml line 2" in str(result.exception)


@pytest.fixture
def describes(tmp_path):
    folder = tmp_path / "describes"
    folder.mkdir()
    for name, sobject in stock_org().items():
        (folder / f"{name}.json").write_text(json.dumps(sobject.describe("")))
    return folder


def test_check_says_that_the_mapping_fits(run, describes) -> None:
    result = run("--check", "--describe-dir", str(describes))
    assert result.exit_code == 0
    assert "0 errors" in result.stdout


def test_check_names_line_and_fix_and_is_exit_1(run, describes) -> None:
    (describes / "Contact.json").unlink()
    result = run("--check", "--describe-dir", str(describes))
    assert result.exit_code == 1
    assert "the org shows no such object" in result.stdout
    assert "default.yaml:" in result.stdout
    found = json.loads(run("--check", "--json", "--describe-dir", str(describes)).stdout)
    assert found[0].keys() == {"severity", "place", "sobject", "field", "problem", "fix"}


def test_check_and_a_file_maps_with_the_orgs_own_lengths(run, describes) -> None:
    answer = json.loads((describes / "Opportunity.json").read_text())
    next(field for field in answer["fields"] if field["name"] == "Name")["length"] = 10
    (describes / "Opportunity.json").write_text(json.dumps(answer))
    result = run("order.json", "--check", "--describe-dir", str(describes))
    assert "note: Opportunity.Name: cut from 21 to 10 characters" in result.stdout


def test_check_refuses_what_is_no_describe_answer(run, describes, tmp_path) -> None:
    assert "no such folder" in run("--check", "--describe-dir", str(tmp_path / "no")).stderr
    (describes / "Account.json").write_text("[]")
    assert "it has no list `fields`" in run("--check", "--describe-dir", str(describes)).stderr


def test_check_against_the_org_names_every_missing_setting(run) -> None:
    result = run("--check")
    assert "SALESFORCE_CLIENT_ID: missing" in str(result.exception)
    assert "KAFKA" not in str(result.exception)
