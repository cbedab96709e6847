"""What an event does not say is never written over what another one said."""

from __future__ import annotations

import pytest

from agents.mapping.mapping import Mapping
from schemas.codec import Document
from schemas.event import Kind
from stream.errors import MappingError

SHIPPED = Mapping.load()


def row_of(entity, sobject, *, kind=Kind.ORDER, mapping=SHIPPED):
    document = Document("saved", kind, entity.get("increment_id") or entity["email"], entity, "")
    mapped = mapping.apply(document, received_at_ms=1_772_600_000_000)
    return next(row for row in mapped.rows if row.sobject == sobject), mapped.notes


def test_a_status_only_event_writes_the_stage_and_nothing_it_does_not_say():
    row, notes = row_of({"increment_id": "7", "status": "complete"}, "Opportunity")
    assert dict(row.fields) == {"StageName": "Closed Won", "LeadSource": "Magento E-commerce"}
    assert {"Name", "CloseDate"} <= row.insert_fields.keys()
    assert any("only for a new record" in note and "CloseDate" in note for note in notes)


@pytest.mark.parametrize(
    ("change", "unsaid"),
    [
        ({"created_at": None}, "CloseDate"),
        ({"created_at": "14. Mär. 2026"}, "CloseDate"),
        ({"state": "of_our_own", "status": "x"}, "StageName"),
        ({"customer_lastname": None}, "Name"),
        (
            {"customer_email": None, "billing_address": {"email": "b@c.de"}},
            "Magento_Customer_Email__c",
        ),
        ({"items": [{"item_id": 5}]}, "Description"),
        ({"grand_total": None, "base_grand_total": 3}, "Amount"),
    ],
)
def test_defaults_fallbacks_and_torn_templates_are_only_for_a_new_record(change, unsaid):
    order = {
        "increment_id": "7",
        "state": "processing",
        "customer_email": "a@b.de",
        "customer_firstname": "Ana",
        "customer_lastname": "Berg",
        "created_at": "2026-02-01 10:00:00",
        "grand_total": 3,
        "items": [{"item_id": 5, "name": "Cup", "sku": "C", "qty_ordered": 1}],
    }
    assert unsaid in row_of(order, "Opportunity")[0].fields
    row, _ = row_of(order | change, "Opportunity")
    assert unsaid not in row.fields
    assert unsaid in row.insert_fields


def test_a_customer_without_an_address_does_not_take_the_companys_name_away():
    person = {"email": "e@r.de", "firstname": "Eva", "lastname": "Roth"}
    assert "Name" in row_of(person, "Account", kind=Kind.CUSTOMER)[0].insert_fields
    for addresses in ([], [{"default_billing": True, "city": "Ulm"}]):
        said = person | {"addresses": addresses}
        assert row_of(said, "Account", kind=Kind.CUSTOMER)[0].fields["Name"] == "Eva Roth"


def test_a_mapping_may_say_otherwise_per_field():
    rule = """
        order:
          rows:
            - sobject: Opportunity
              external_id: Ext__c
              fields:
                Ext__c: $key
                Name: {from: name, default: none, insert_only: false}
                StageName: {from: state, default: Prospecting}
                CloseDate: {one_of: [ended, created], default: 2026-01-01}
    """
    order = {"increment_id": "7", "created": "2026-02-03"}
    row, _ = row_of(order, "Opportunity", mapping=Mapping.parse(rule))
    assert dict(row.fields) == {"Name": "none", "CloseDate": "2026-02-03"}
    assert dict(row.insert_fields) == {"StageName": "Prospecting"}


@pytest.mark.parametrize(
    ("entity", "says_nothing", "lacks_a_part"),
    [
        ({"increment_id": "7"}, True, True),
        ({"entity_id": 1, "increment_id": "7", "created_at": "x", "updated_at": "y"}, True, True),
        ({"increment_id": "7", "created_at": "x", "items": [{"item_id": 5}]}, True, True),
        ({"increment_id": "7", "status": "complete"}, False, True),
        ({"increment_id": "7", "grand_total": 3, "items": [{"sku": "C"}]}, False, True),
    ],
)
def test_an_announcement_is_what_lacks_all_that_the_mapping_reads(
    entity, says_nothing, lacks_a_part
):
    reads = SHIPPED.reads(Kind.ORDER)
    assert reads.says_nothing(entity) is says_nothing
    assert reads.lacks_a_part(Kind.ORDER, entity) is lacks_a_part


def test_a_part_of_an_order_without_its_number_makes_no_second_record():
    part = {"id": 417, "status": "complete", "updated_at": "2026-02-01 10:00:05"}
    with pytest.raises(MappingError, match="not its number"):
        SHIPPED.apply(Document("saved", Kind.ORDER, "id:417", part, ""))
    numbered, _ = row_of({**part, "increment_id": "000000417"}, "Opportunity")
    assert numbered.fields["StageName"] == "Closed Won"


def test_what_a_mapping_does_not_read_is_not_missed():
    reads = Mapping.parse(LINES).reads(Kind.ORDER)
    assert not reads.says_nothing({"increment_id": "7"})
    assert not reads.lacks_a_part(Kind.ORDER, {"increment_id": "7"})


def test_an_event_without_items_leaves_the_lines_alone():
    mapping = Mapping.parse("line_items: opportunity\n" + LINES)
    document = Document("saved", Kind.ORDER, "7", {"increment_id": "7", "grand_total": 9}, "")
    mapped = mapping.apply(document)
    assert mapped.lines is None
    assert "lines: left as they are, the event has no items" in mapped.notes


LINES = """
order:
  rows:
    - sobject: Opportunity
      external_id: Magento_Order_ID__c
      fields:
        Magento_Order_ID__c: $key
        Name: increment_id
        StageName: {value: Prospecting}
        CloseDate: {value: 2026-01-01}
"""


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"state": {"value": "new"}, "status": "complete"}, "Opportunity.StageName"),
        ({"customer_firstname": {"value": "Ana"}}, "full_name"),
        ({"items": [{"name": "Cup", "qty_ordered": {"n": 2}}]}, "lines.quantity"),
    ],
)
def test_an_object_where_a_value_is_read_is_always_noted(change, label):
    order = {"increment_id": "7", "customer_firstname": "A", "customer_lastname": "B", **change}
    _, notes = row_of(order, "Opportunity")
    assert f"{label}: an object cannot be read as a value, left out" in notes


def test_a_flag_is_no_amount():
    row, notes = row_of({"increment_id": "7", "grand_total": True}, "Opportunity")
    assert "Amount" not in {**row.fields, **row.insert_fields}
    assert "$amount: the event states no grand_total" in notes
