"""EAV attributes: a list in REST, an object in raw events; one path reads both."""

from __future__ import annotations

import pytest

from schemas.codec import Document
from schemas.event import Kind

ROW = {"attribute_code": "sales_rep", "value": "R7"}
OTHER = {"attribute_code": "erp_no", "value": "9"}
FORMS = {
    "REST's list": [OTHER, ROW],
    "an object of values": {"erp_no": "9", "sales_rep": "R7"},
    "an object of rows": {"erp_no": OTHER, "sales_rep": ROW},
    "rows without their name": {"sales_rep": {"value": "R7"}},
    "keyed by place": {"0": OTHER, "1": ROW},
}


@pytest.fixture
def value_of(mapping_of):
    def run(path: str, attributes):
        order = {"increment_id": "7", "custom_attributes": attributes}
        mapped = mapping_of(f"NextStep: '{path}'").apply(
            Document("order_saved", Kind.ORDER, "7", order, "")
        )
        notes = [note for note in mapped.notes if "cannot be read" in note]
        return mapped.rows[0].whole.get("NextStep"), notes

    return run


@pytest.mark.parametrize("form", FORMS)
def test_a_path_that_chooses_by_code_reads_every_form(value_of, form: str) -> None:
    path = "custom_attributes[attribute_code=sales_rep].value"
    assert value_of(path, FORMS[form]) == ("R7", [])


@pytest.mark.parametrize("form", ["REST's list", "an object of values"])
def test_a_path_that_names_the_attribute_does(value_of, form: str) -> None:
    assert value_of("custom_attributes.sales_rep", FORMS[form]) == ("R7", [])


@pytest.mark.parametrize("attributes", [[OTHER], {"erp_no": "9"}])
def test_an_attribute_that_is_not_there_is_none_without_a_note(value_of, attributes) -> None:
    for path in ("[attribute_code=sales_rep].value", ".sales_rep"):
        assert value_of(f"custom_attributes{path}", attributes) == (None, [])


@pytest.mark.parametrize("path", ["[0].value", "[code=sales_rep].value", ".sales_rep.deeper"])
def test_what_cannot_be_read_is_still_noted(value_of, path: str) -> None:
    _, notes = value_of(f"custom_attributes{path}", {"erp_no": "9", "sales_rep": "R7"})
    assert bool(notes) == (path != "[code=sales_rep].value")
    _, notes = value_of("custom_attributes.sales_rep", [{"code": "sales_rep", "value": "R7"}])
    assert notes
