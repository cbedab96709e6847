"""No request of any shape brings the simulated org down: it is answered, and answered as JSON."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.salesforce import routes as rest
from sandbox.salesforce.errors import RequestError
from sandbox.salesforce.org import Org
from sandbox.salesforce.records.schema import SObject
from sandbox.salesforce.rest.answer import RestRequest
from sandbox.salesforce.settings import Settings

KEY = "Magento_Customer_Key__c"
ORDER = "Magento_Order_ID__c"
BASE = "/services/data/v60.0"

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6
)  # fmt: skip
names = st.sampled_from(
    [
        *(KEY, ORDER, "Name", "name", "LastName", "Amount", "CloseDate", "StageName", "Account"),
        *("AccountId", "Id", "id", "attributes", "Magento_Updated_At__c", "Status", "Nothing__c"),
        *("Quantity", "UnitPrice", "PricebookEntryId", "OpportunityId", "HasOptedOutOfEmail"),
    ]
)
parents = st.dictionaries(st.sampled_from([KEY, "Id", "Phone", "x"]), anything, max_size=2)
records = st.dictionaries(names, anything | parents, max_size=6)
typed = st.builds(
    lambda record, name: {"attributes": {"type": name}, **record},
    records,
    st.sampled_from(["Account", "account", "Opportunity", "Order", "Nothing"]),
)
bodies = (
    st.builds(lambda rows, flag: {"records": rows, "allOrNone": flag}, st.lists(typed, max_size=3), st.booleans())
    | records
    | anything
)  # fmt: skip
paths = st.sampled_from(
    [
        *("composite", "composite/graph", "composite/batch", "composite/sobjects"),
        *(f"composite/sobjects/Account/{KEY}", f"composite/sobjects/Opportunity/{ORDER}"),
        *("composite/sobjects/Account", "composite/sobjects/Account/Phone"),
        *("sobjects/Account", f"sobjects/Account/{KEY}/a", "sobjects/Account/001Os0000000001IAA"),
        *("sobjects/Opportunity/Id/x", "sobjects/Nothing", "jobs/ingest", "jobs/query", "query"),
        *("jobs/ingest/x", "limits", "nothing", "sobjects/Account/describe"),
    ]
)
methods = st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"])
subrequests = st.builds(
    lambda method, path, body, ref: {"method": method, "url": f"{BASE}/{path}", "body": body, "referenceId": ref},
    methods, paths, bodies, st.sampled_from(["a", "b", "c", "d"]) | anything,
)  # fmt: skip
composites = st.builds(
    lambda subs, flag: {"compositeRequest": subs, "allOrNone": flag},
    st.lists(subrequests, max_size=4),
    st.booleans(),
)


def carry_out(org: Org, method: str, path: str, body: Any) -> int:
    request = RestRequest(
        org, org.new_call(), method, path.split("/"), {"q": "SELECT Id FROM Account"}, body
    )
    try:
        answer = rest.execute(request)
    except RequestError as error:
        return error.status
    org.finish(request.call)
    if not isinstance(answer.body, bytes):
        orjson.dumps(answer.body)
    return answer.status


@given(methods, paths, bodies | composites)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_every_request_is_answered(method: str, path: str, body: Any):
    org = Org(Settings())
    carry_out(org, "POST", "sobjects/Account", {"Name": "A", KEY: "a"})
    if path == "jobs/query":
        body = None  # needs a running loop; the bulk tests have it
    assert 200 <= carry_out(org, method, path, body) < 500
    assert org.duplicates() == []


@given(anything, st.sampled_from([KEY, ORDER, "Name"]))
@settings(max_examples=200, deadline=None)
def test_any_value_may_stand_where_a_key_belongs(value: Any, name: str):
    org = Org(Settings())
    order = {"Name": "O", "StageName": "x", "CloseDate": "2026-01-01", ORDER: "1"}
    records = [order | {"Account": {KEY: value}}, order | {ORDER: value}, order | {name: value}]
    for record in records:
        assert 200 <= carry_out(org, "POST", "sobjects/Opportunity", record) < 500
    typed_records = [{"attributes": {"type": "Opportunity"}, **record} for record in records]
    path = f"composite/sobjects/Opportunity/{ORDER}"
    assert 200 <= carry_out(org, "PATCH", path, {"records": typed_records}) < 500
    changes = [{"attributes": {"type": "Opportunity"}, "id": value, "Name": "x"}]
    assert 200 <= carry_out(org, "PATCH", "composite/sobjects", {"records": changes}) < 500
    ids = {"ids": [value], "fields": ["Name"]}
    assert 200 <= carry_out(org, "POST", "composite/sobjects/Opportunity", ids) < 500


@given(st.lists(st.tuples(st.sampled_from(["a", "A", "b"]), bodies), max_size=5))
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_indexes_and_records_agree_whatever_was_sent(steps):
    org = Org(Settings())
    for key, body in steps:
        carry_out(org, "PATCH", f"sobjects/Account/{KEY}/{key}", body)
    table = org.store.tables["Account"]
    keys = [values[KEY].casefold() for values in table.records.values()]
    assert sorted(keys) == sorted(set(keys))
    assert sorted(table.indexes()[KEY]) == sorted(keys)


def test_deleting_a_parent_takes_its_dependents_and_frees_the_others():
    org = Org(Settings())
    call = org.new_call()
    carry_out(org, "POST", "sobjects/Account", {"Name": "A", KEY: "a"})
    order = {"Name": "O", "StageName": "x", "CloseDate": "2026-01-01", ORDER: "1"}
    carry_out(org, "POST", "sobjects/Opportunity", order | {"Account": {KEY: "a"}})
    carry_out(org, "POST", "sobjects/Contact", {"LastName": "C", KEY: "a"})
    tables = org.store.tables
    (opportunity,) = tables["Opportunity"].records
    (contact,) = tables["Contact"].records
    role = {"OpportunityId": opportunity, "ContactId": contact}
    carry_out(org, "POST", "sobjects/OpportunityContactRole", role)
    org.dml.delete(call, tables["Account"], next(iter(tables["Account"].records)))
    assert tables["Opportunity"].records[opportunity]["AccountId"] is None
    org.dml.delete(call, tables["Opportunity"], opportunity)
    assert tables["OpportunityContactRole"].records == {}
    assert contact in tables["Contact"].records


@pytest.mark.parametrize("name", list(Org(Settings()).store.schema))
def test_every_object_describes_itself_as_json(name: str):
    sobject: SObject = Org(Settings()).store.schema[name]
    described = orjson.loads(orjson.dumps(sobject.describe(BASE)))
    assert len(described["keyPrefix"]) == 3
    names = [item["name"] for item in described["fields"]]
    assert len(names) == len(set(names))
    assert all(item["label"] for item in described["fields"])
