"""A validation that can fail: what is not as it should be is found and named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.mapping.mapping import Mapping
from cli.validate.orders import validation_story
from cli.validate.run import Validation, ValidationVerdict
from schemas.codec import decode
from schemas.salesforce import RowError, RowResult
from stream.config import load_settings

NOW = datetime(2026, 3, 14, 18, 0, tzinfo=UTC)
STEPS = {step.name: step for step in validation_story("ab12", NOW)}


class FakeOrg:
    """Records that a perfect pipe would have written, and what is changed in them."""

    def __init__(self) -> None:
        self.spoilt: dict[tuple[str, str], object] = {}
        self.missing: set[str] = set()
        self.deleted: list[str] = []
        self.refuses: list[RowError] = []

    def know(self, mapped) -> None:
        self.rows = {(row.sobject, row.external_id): row for row in mapped.rows}

    async def retrieve(self, sobject, _field, external_id):
        if sobject in self.missing:
            return None
        row = self.rows[sobject, external_id]
        values = {**row.insert_fields, **row.fields}
        record = {"Id": f"{sobject}-{external_id}"}
        for name, value in values.items():
            if isinstance(value, dict):
                record[f"{name}Id"] = f"{name}-{next(iter(value.values()))}"
            else:
                record[name] = value
        record |= {f: v for (o, f), v in self.spoilt.items() if o == sobject}
        return record

    async def delete(self, ids):
        if self.refuses:
            return [RowResult(success=False, errors=(self.refuses[0],))]
        self.deleted += ids
        return [RowResult(success=True)]


@pytest.fixture
def org() -> FakeOrg:
    return FakeOrg()


@pytest.fixture
def run(org) -> Validation:
    settings = load_settings(env_file=None)
    return Validation(settings, Mapping.load(), org, timeout_seconds=1)  # type: ignore[arg-type]


async def compare(run: Validation, org: FakeOrg, name: str = "first order") -> ValidationVerdict:
    step = STEPS[name]
    org.know(run.mapping.apply(decode(step.body)))
    verdict = run.verdicts[name] = ValidationVerdict(name)
    await run.compare(verdict, step.body, is_new=step.is_new_customer)
    verdict.problem = run._kinship(step, verdict)
    return verdict


async def test_what_is_as_the_mapping_says_is_good(run, org):
    verdict = await compare(run, org)
    assert verdict.is_good
    assert verdict.compared > 20
    assert any("FirstName: cut from" in text for text in verdict.fitted)


@pytest.mark.parametrize(
    ("sobject", "field", "value"),
    [
        ("Opportunity", "StageName", "Closed Won"),
        ("Opportunity", "Amount", 127.0),
        ("Contact", "FirstName", "Zoë"),
        ("Opportunity", "AccountId", "Account-somebody-else"),
    ],
)
async def test_a_field_that_differs_is_named_with_both_values(run, org, sobject, field, value):
    org.spoilt[sobject, field] = value
    verdict = await compare(run, org)
    assert [(d.sobject, d.field, d.found) for d in verdict.differences] == [(sobject, field, value)]
    assert not verdict.is_good


async def test_a_record_that_is_not_there_is_named(run, org):
    org.missing.add("Opportunity")
    verdict = await compare(run, org)
    assert [d.field for d in verdict.differences] == ["Magento_Order_ID__c"]


async def test_a_second_order_that_took_the_first_ones_record_is_found(run, org):
    await compare(run, org)
    org.spoilt["Opportunity", "Id"] = run.verdicts["first order"].records["Opportunity"]
    verdict = await compare(run, org, "second order, same customer")
    assert "overwrote" in verdict.problem


async def test_an_update_that_made_a_new_record_is_found(run, org):
    await compare(run, org)
    org.spoilt["Opportunity", "Id"] = "another"
    verdict = await compare(run, org, "update of the first")
    assert "another record" in verdict.problem


async def test_what_was_made_is_removed_children_first_and_only_that(run, org):
    await compare(run, org)
    assert await run.clean_up() == []
    assert [name.partition("-")[0] for name in org.deleted] == ["Opportunity", "Contact", "Account"]


async def test_what_cannot_be_removed_is_told_with_the_reason(run, org):
    await compare(run, org)
    org.refuses = [RowError("INSUFFICIENT_ACCESS_OR_READONLY", "no right to delete")]
    left = await run.clean_up()
    assert len(left) == 3
    assert "no right to delete" in left[0]


def test_every_step_has_an_address_that_no_mail_leaves_for():
    for step in STEPS.values():
        assert step.order["customer_email"].endswith(".example")
