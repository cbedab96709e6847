"""Records that were merged away in the org: found, with the twins that came of them."""

from __future__ import annotations

from collections import Counter

import pytest
import typer
from support.org_settings import settings_for
from support.salesforce_fixtures import ACCOUNT_KEY, org_keys, salesforce_org

from agents.mapping.mapping import Mapping
from agents.reconcile.findings import Difference, Finding, Judged
from agents.reconcile.merged import find_merges, tell_merges
from agents.reconcile.run import ReconcileReport
from agents.salesforce.api.composite import Collection
from agents.salesforce.api.wiring import build_client
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from cli.commands.reconcile import _bounds, exit_code
from cli.commands.reconcile_view import report_json
from schemas.event import Kind
from schemas.salesforce import Row
from stream.magento.paging import Window
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]


async def written(client, *names: str) -> list[str]:
    rows = tuple(Row("Account", ACCOUNT_KEY, name, {"Name": name}) for name in names)
    (answer,) = await client.composite([Collection("Account", ACCOUNT_KEY, "upsert", rows)])
    return [result.id for result in answer.results or ()]


async def test_a_merge_is_told_with_its_twin_and_is_not_repaired_by_an_event(salesforce_org):
    org, accounts = salesforce_org.org, salesforce_org.org.store.tables["Account"]
    client = build_client(settings_for(salesforce_org), alerts=Alerts())
    try:
        winner, gone, doubled = await written(client, "w", "gone", "doubled")
        for loser in (gone, doubled):
            org.dml.merge(org.new_call(), accounts, winner, loser)
        (twin,) = await written(client, "doubled")
        found = await find_merges(client, Mapping.load(), pytest.fail)
    finally:
        client.close()
    assert {merge.key: merge.twin for merge in found.values()} == {"gone": "", "doubled": twin}
    lost = Difference("Account", "GONE")
    missing = Judged(Finding.MISSING, Kind.ORDER, "1", differences=(lost,))
    report = ReconcileReport(Window("", ""), (Kind.ORDER,), checked=1, judged=[missing])
    report.found = Counter({Finding.MISSING: 1, Finding.EQUAL: 5})
    tell_merges(report, found)
    assert {item.key: item.finding for item in report.judged} == {
        "1": Finding.MERGED,
        "doubled": Finding.MERGED,
    }
    assert all(winner in item.reason for item in report.judged)
    assert report.fixable() == []
    assert (report.found[Finding.MERGED], report.found[Finding.EQUAL]) == (2, 5)


@pytest.mark.parametrize("others", [0, 1])
async def test_a_winner_that_got_the_key_has_no_twin(salesforce_org, others):
    """Also where the field is not unique in this org, and others have the key."""
    org, accounts = salesforce_org.org, salesforce_org.org.store.tables["Account"]
    client = build_client(settings_for(salesforce_org), alerts=Alerts())
    try:
        winner, loser = await written(client, "a", "b")
        org.dml.merge(org.new_call(), accounts, winner, loser)
        await client.update("Account", winner, {ACCOUNT_KEY: "b"})
        for number in range(others):
            (record,) = await written(client, f"other-{number}")
            accounts.put(record, accounts.records[record] | {ACCOUNT_KEY: "b"})
        assert await find_merges(client, Mapping.load(), pytest.fail) == {}
    finally:
        client.close()


@pytest.mark.parametrize("has_key", [True, False])
async def test_a_winner_that_was_merged_away_itself_is_followed_to_the_last(
    salesforce_org, has_key
):
    """Else people were told to delete the record that is left, and to give the key to a dead one."""
    org, accounts = salesforce_org.org, salesforce_org.org.store.tables["Account"]
    client = build_client(settings_for(salesforce_org), alerts=Alerts())
    try:
        last, middle, loser = await written(client, "last", "middle", "loser")
        org.dml.merge(org.new_call(), accounts, middle, loser)
        org.dml.merge(org.new_call(), accounts, last, middle)
        await client.update("Account", last, {ACCOUNT_KEY: "loser" if has_key else "middle"})
        found = await find_merges(client, Mapping.load(), pytest.fail)
    finally:
        client.close()
    left = "middle" if has_key else "loser"
    assert {merge.key: (merge.winner, merge.twin) for merge in found.values()} == {left: (last, "")}


async def test_a_winner_that_was_deleted_has_no_claim_to_a_key(salesforce_org):
    org, accounts = salesforce_org.org, salesforce_org.org.store.tables["Account"]
    client = build_client(settings_for(salesforce_org), alerts=Alerts())
    try:
        winner, loser = await written(client, "winner", "loser")
        org.dml.merge(org.new_call(), accounts, winner, loser)
        org.dml.delete(org.new_call(), accounts, winner)
        await written(client, "loser")
        assert await find_merges(client, Mapping.load(), pytest.fail) == {}
    finally:
        client.close()


async def test_merges_that_could_not_be_asked_for_are_no_equality(salesforce_org):
    report, client = (
        ReconcileReport(Window("", ""), ()),
        build_client(settings_for(salesforce_org), alerts=Alerts()),
    )
    assert exit_code(report) == 0
    try:
        client.query = refused
        tell_merges(report, await find_merges(client, Mapping.load(), report.unknown.append))
    finally:
        client.close()
    assert report.unknown == ["merges of Account: X", "merges of Contact: X"]
    assert exit_code(report) == 3
    assert report_json(report, 0, is_masked=True)["unknown"] == report.unknown


async def refused(*_soql, **_how):
    raise SalesforceError("no", kind=ErrorKind.CONFIG, code="X")
    yield


@pytest.mark.parametrize("until", ["2d", None])
def test_a_window_that_ends_before_it_begins_is_not_equal(until, capsys):
    with pytest.raises(typer.Exit) as left:
        _bounds("1d" if until else "1m", until, "", "2m")
    assert left.value.exit_code == 2
    assert "--from is later" in capsys.readouterr().err
