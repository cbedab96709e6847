"""Ids, indexes and the undo journal of the simulated org, without any HTTP."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.salesforce.errors import RecordError
from sandbox.salesforce.org import Org
from sandbox.salesforce.records.dml import Call, Dml
from sandbox.salesforce.records.objects import stock_org
from sandbox.salesforce.records.records import Store, record_id, with_suffix
from sandbox.salesforce.settings import Settings

KEY = "Magento_Customer_Key__c"


def test_an_id_is_18_characters_and_its_suffix_tells_capitals_apart():
    assert len(record_id("001", 1)) == 18
    assert with_suffix("0010000000000Ab") != with_suffix("0010000000000aB")
    assert with_suffix("00D000000000062") == "00D000000000062EAA"  # a published example id


@given(st.sets(st.integers(0, 10**9), min_size=2, max_size=20))
def test_ids_of_different_records_differ_even_without_case(numbers: set[int]):
    ids = {record_id("001", number).casefold() for number in numbers}
    assert len(ids) == len(numbers)


STEPS = st.lists(
    st.tuples(st.sampled_from(["create", "rename", "delete"]), st.integers(0, 5)), max_size=12
)


class World:
    """An org of accounts, changed by steps that may fail, as rows may."""

    def __init__(self) -> None:
        self.org = Org(Settings())
        self.table = self.org.store.tables["Account"]
        self.key = self.table.sobject.fields[KEY]

    def do(self, call: Call, step: tuple[str, int]) -> None:
        verb, number = step
        row: dict[str, Any] = {KEY: f"k{number}", "Name": f"{verb} {len(call.writes)}"}
        dml: Dml = self.org.dml
        if verb == "delete":
            for known in list(self.table.ids_with(KEY, f"k{number}")):
                dml.delete(call, self.table, known)
        else:
            dml.upsert(call, self.table, self.key, dml.prepare(self.table, row), row)

    def seen(self) -> Any:
        return deepcopy((self.table.records, self.table.indexes(), self.table.deleted))


@given(STEPS, STEPS, STEPS)
def test_undo_restores_records_indexes_and_history_whatever_happened(before, inside, nested):
    world = World()
    call = world.org.new_call()
    for step in before:
        world.do(call, step)
    seen, writes = world.seen(), list(call.writes)
    with world.org.dml.atomic(call) as undo:
        for step in inside:
            world.do(call, step)
        with world.org.dml.atomic(call):
            for step in nested:
                world.do(call, step)
        undo()
    assert world.seen() == seen
    assert call.writes == writes


def test_a_schema_change_builds_the_indexes_again():
    store = Store(stock_org())
    table = store.tables["Account"]
    table.put("001x", {"Id": "001x", "Phone": "1", KEY: "a"})
    sobject = table.sobject
    sobject.drop(KEY)
    assert KEY not in table.indexes()
    with pytest.raises(KeyError):
        sobject.drop(KEY)


def test_a_locked_row_is_told_by_the_locked_record():
    org = Org(Settings())
    org.faults.add({"kind": "lock", "sobject": "Account", "external_id": "a"})
    error = org.faults.row_error("Account", "A", "001x", [])
    assert isinstance(error, RecordError)
    assert error.message.endswith(": 001x")
    assert org.faults.row_error("Account", "b", "001y", []) is None
