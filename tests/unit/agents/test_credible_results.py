"""Successes that cannot be true: another record's id, another order, of every road to the org."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import Collection, read_collection
from agents.salesforce.api.record_updates import KeyUpdate, give_keys
from agents.salesforce.http.answers import BAD_ROW, credible, row_result
from schemas.salesforce import Row, RowError, RowResult

ACCOUNT, GIFT = "001000000000001AAA", "a0B000000000001AAA"
REFUSED = {"success": False, "errors": [{"statusCode": "STRING_TOO_LONG", "message": "m"}]}


@dataclass
class Told:
    """A caller that is told the same whatever it asks; jobs of it too."""

    value: Any

    async def call(self, _operation: str, _work: Any, **_options: Any) -> Any:
        return self.value

    async def parts(self, parts: Any, send: Any, _error_of: Any) -> Any:
        return await send(parts)

    async def run(self, *_args: Any, **_options: Any) -> Any:
        return self.value


def an_org(value: Any) -> OrgClient:
    org = OrgClient(Told(value), version="v60.0", headers={})  # type: ignore[arg-type] - tells only the answer
    org._bulk = Told(value)  # type: ignore[assignment] - so does this
    org.guard_from({"Account": {"keyPrefix": "001"}, "Gift__c": {"keyPrefix": "a0B"}})
    return org


def written(record_id: str) -> dict[str, object]:
    return {"success": True, "id": record_id, "errors": [], "created": False}


def success(record_id: str) -> RowResult:
    return RowResult(success=True, id=record_id)


def accounts(known: str) -> Collection:
    """Return a collection of rows, one for each letter, of which the records end in `known`."""
    return Collection(
        "Account",
        "Ext__c",
        "upsert",
        tuple(
            Row("Account", "Ext__c", f"k{n}", known_id=n.strip() and f"00100000000000{n}")
            for n in known
        ),
    )


@pytest.mark.parametrize("created", [{}, {"created": None}, {"created": "true"}, {"created": 1}])
def test_an_upsert_that_does_not_say_whether_the_record_is_new_is_no_result(created):
    told = {"success": True, "id": ACCOUNT, "errors": [], **created}
    assert row_result(told, tells_created=True) == BAD_ROW
    assert row_result(told).success


def test_a_success_that_names_a_record_which_cannot_be_the_rows_is_none():
    refused = RowResult(success=False, errors=(RowError("X", "m"),))
    told = [success(GIFT), refused, success(ACCOUNT), success(ACCOUNT[:15])]
    assert credible(told[:3], ["001"] * 3) == [BAD_ROW, refused, told[2]]
    assert credible(told[:3], [""] * 3) == told[:3]
    assert credible(told[2:], ["001"] * 2) == [BAD_ROW] * 2
    assert credible(told[2:3], [ACCOUNT[:15]]) == told[2:3]
    assert credible(told[3:], [ACCOUNT]) == told[3:]
    assert credible(told[3:], ["001000000000002AAA"]) == [BAD_ROW]


@pytest.mark.parametrize("known", ["123", "1 3"])
def test_results_that_are_not_in_the_order_of_the_rows_are_no_answer(known):
    told = [written(f"00100000000000{n}AAA") for n in "123"]
    if "2" in known:
        assert read_collection(told, accounts(known)).results
    for moved in ([told[2], told[1], told[0]], [REFUSED, told[0], REFUSED]):
        answer = read_collection(moved, accounts(known))
        assert answer.results is None
        assert answer.error
        assert answer.error.is_outcome_unknown


async def test_a_row_that_became_a_record_of_another_kind_is_in_doubt_by_every_road():
    told = [written(ACCOUNT), written(GIFT)]
    parts = [{"referenceId": f"c{n}", "httpStatusCode": 200, "body": told} for n in range(2)]
    rows = accounts("  ").rows
    wanted = [Collection(name, "Ext__c", "create", rows) for name in ("Account", "Gift__c")]
    both = await an_org({"compositeResponse": parts}).composite(wanted)
    (alone,) = await an_org(told).composite(wanted[:1])
    jobs = await an_org([success(ACCOUNT), success(GIFT)]).upsert_bulk("Gift__c", "Ext__c", rows)
    successes = [[r.success for r in answer.results or ()] for answer in (*both, alone)]
    assert successes == [[True, False], [False, True], [True, False]]
    assert jobs == [BAD_ROW, success(GIFT)]


@pytest.mark.parametrize(("record_id", "is_this"), [(ACCOUNT, True), ("001000000000002AAA", False)])
async def test_what_is_changed_or_deleted_by_its_id_is_answered_with_that_id(record_id, is_this):
    org = an_org([written(ACCOUNT[:15])])
    for result in (
        *await org.delete([record_id]),
        *await give_keys(org, [KeyUpdate("Account", record_id, "Ext__c", "k")]),
    ):
        assert result.success is is_this
