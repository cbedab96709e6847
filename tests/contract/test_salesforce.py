"""One contract for whoever plays Salesforce: the fake of the unit tests, and the real client on the
simulated org."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.fake_org import KEY, FakeOrg, refused, times
from support.org_settings import settings_for

from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.composite import Collection, CollectionAnswer
from agents.salesforce.api.send_right import asked_before_requests
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError, classify_row
from sandbox.salesforce.server import SalesforceOrg
from schemas.salesforce import Row, RowError, RowResult
from stream.errors import FrozenError
from stream.ops.alerts import Alerts

LOCKED = RowError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")


@dataclass
class Subject:
    """A client, its names of external ids, and how to make its org misbehave."""

    client: OrgClient
    account_key: str
    order_key: str
    refuse_row: Callable[[str, RowError], None]
    poison: Callable[[str], None]
    fail_calls: Callable[[int], None]
    cut_after_write: Callable[[], None]

    def account(self, key: str, **fields: object) -> Row:
        return Row("Account", self.account_key, key, fields={"Name": key, **fields})

    def order(self, key: str, of: str = "", **fields: object) -> Row:
        link = {"Account": {self.account_key: of}} if of else {}
        values = {"Name": key, "StageName": "Prospecting", "CloseDate": "2026-01-02"}
        return Row("Opportunity", self.order_key, key, fields={**values, **link, **fields})

    async def write(self, *rows: Row, method: str = "upsert") -> tuple[RowResult, ...]:
        first = rows[0]
        collection = Collection(first.sobject, first.external_id_field, method, rows)  # type: ignore[arg-type]
        (answer,) = await self.client.composite([collection])
        assert answer.error is None
        assert answer.results is not None
        return answer.results

    async def write_waves(self, *waves: tuple[Row, ...]) -> list[CollectionAnswer]:
        return await self.client.composite(
            [Collection(w[0].sobject, w[0].external_id_field, "upsert", w) for w in waves]
        )


@asynccontextmanager
async def fake_subject(_folder: Path) -> AsyncIterator[Subject]:
    org = FakeOrg()
    unavailable = refused(503, "SERVER_UNAVAILABLE", "busy")
    cut = SalesforceError(
        "cut", kind=ErrorKind.TRANSIENT, code="NO_ANSWER", is_outcome_unknown=True
    )
    yield Subject(
        org,
        KEY,
        KEY,
        refuse_row=lambda key, error: org.row_errors.setdefault(key, []).append(error),
        poison=lambda key: org.poison.update(
            {key: refused(400, "JSON_PARSER_ERROR", "Cannot deserialize instance of date")}
        ),
        fail_calls=lambda count: org.call_faults.append(times(count, unavailable)),
        cut_after_write=lambda: org.after_write.append(cut),
    )


@asynccontextmanager
async def simulated_subject(folder: Path) -> AsyncIterator[Subject]:
    async with SalesforceOrg.serve(key_folder=folder) as simulated:
        client = build_client(settings_for(simulated), alerts=Alerts())
        faults = simulated.org.faults
        await client.guard(["Account", "Opportunity"])
        yield Subject(
            client,
            "Magento_Customer_Key__c",
            "Magento_Order_ID__c",
            refuse_row=lambda key, error: faults.add(
                {
                    "kind": "row_error",
                    "external_id": key,
                    "code": error.code,
                    "message": error.message,
                    "times": 1,
                }
            ),
            poison=lambda key: faults.add(
                {
                    "kind": "poison",
                    "external_id": key,
                    "status": 400,
                    "code": "JSON_PARSER_ERROR",
                    "message": "Cannot deserialize instance of date",
                }
            ),
            fail_calls=lambda count: faults.add({"kind": "unavailable", "times": count}),
            cut_after_write=lambda: faults.add({"kind": "cut_after", "times": 1}),
        )
        client.close()


SUBJECTS = {"fake": fake_subject, "simulated": simulated_subject}


@pytest.fixture(params=SUBJECTS)
async def subject(request, tmp_path):
    async with SUBJECTS[request.param](tmp_path) as subject:
        yield subject


async def test_a_row_is_created_once_then_updated(subject):
    (first,) = await subject.write(subject.account("a"))
    (second,) = await subject.write(subject.account("a", Phone="1"))
    assert (first.success, first.created) == (True, True)
    assert (second.success, second.created, second.id) == (True, False, first.id)
    assert len(first.id) == 18


async def test_external_ids_are_matched_whatever_their_case(subject):
    (first,) = await subject.write(subject.account("Jo@x.test"))
    (second,) = await subject.write(subject.account("jo@X.test"))
    assert (second.id, second.created) == (first.id, False)


async def test_results_come_in_the_order_of_the_rows_and_a_bad_row_costs_only_itself(subject):
    subject.refuse_row("b", LOCKED)
    results = await subject.write(*(subject.account(key) for key in "abc"))
    assert [result.success for result in results] == [True, False, True]
    assert results[1].errors[0].code == "UNABLE_TO_LOCK_ROW"
    assert classify_row(results[1].errors[0]).kind is ErrorKind.LOCK
    (again,) = await subject.write(subject.account("b"))
    assert again.created


async def test_parents_and_children_travel_in_one_call_in_the_given_order(subject):
    accounts, orders = await subject.write_waves(
        (subject.account("a"), subject.account("b")),
        (subject.order("1", of="a"), subject.order("2", of="b")),
    )
    assert [r.success for r in (*accounts.results, *orders.results)] == [True] * 4


async def test_a_child_without_parent_is_refused_for_its_order_alone(subject):
    orphan = subject.order("1", of="nobody")
    first, second = await subject.write(orphan, subject.order("2"))
    assert classify_row(first.errors[0], orphan).kind is ErrorKind.ORDERING
    assert second.success


async def test_create_is_refused_for_a_row_that_exists(subject):
    await subject.write(subject.account("a"))
    first, second = await subject.write(subject.account("a"), subject.account("b"), method="create")
    assert first.errors[0].code == "DUPLICATE_VALUE"
    assert second.created


async def test_a_poisoned_collection_is_refused_whole_and_the_others_are_written(subject):
    subject.poison("bad")
    accounts, orders = await subject.write_waves(
        (subject.account("a"), subject.account("bad")), (subject.order("1"),)
    )
    assert accounts.results is None
    assert accounts.error.status == 400
    assert not accounts.error.is_outcome_unknown
    assert orders.results[0].success


async def test_a_poisoned_collection_by_itself_is_answered_not_raised(subject):
    subject.poison("bad")
    (answer,) = await subject.write_waves((subject.account("a"), subject.account("bad")))
    assert answer.error.status == 400
    (good,) = await subject.write(subject.account("a"))
    assert good.created


async def test_a_failed_call_is_raised_and_nothing_is_written(subject):
    subject.fail_calls(1)
    with pytest.raises(SalesforceError) as caught:
        await subject.write(subject.account("a"))
    assert (caught.value.kind, caught.value.status) == (ErrorKind.TRANSIENT, 503)
    (result,) = await subject.write(subject.account("a"))
    assert result.created


async def test_a_call_that_is_cut_after_the_write_is_repeated_without_a_twin(subject):
    subject.cut_after_write()
    with pytest.raises(SalesforceError) as caught:
        await subject.write(subject.account("a"))
    assert caught.value.is_outcome_unknown
    (result,) = await subject.write(subject.account("a"))
    assert (result.success, result.created) == (True, False)


async def test_a_frozen_worker_writes_nothing(subject):
    def frozen() -> None:
        raise FrozenError("slept past its session")

    row = subject.account("a")
    collection = Collection(row.sobject, row.external_id_field, "upsert", (row,))
    with pytest.raises(FrozenError), asked_before_requests(frozen):
        await subject.client.composite([collection])
    (result,) = await subject.write(row)
    assert result.created
