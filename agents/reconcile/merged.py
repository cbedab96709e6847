"""Records that people merged away in Salesforce, and the twins that came of it.

The loser of a merge goes to the Recycle Bin with its key; its `MasterRecordId` names the winner.
Nobody holds that key any more, so the next event of the customer makes a new record beside the
winner: a twin. An event that is published again would only make it sooner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from agents.mapping.mapping import Mapping as RecordMapping
from agents.reconcile.findings import Finding, Identity, Judged
from agents.reconcile.run import ReconcileReport
from agents.salesforce.api.client import OrgClient
from agents.salesforce.api.soql import id_lists
from agents.salesforce.errors.errors import SalesforceError
from schemas.event import Kind

MERGEABLE = frozenset({"Account", "Contact", "Lead"})


@dataclass(frozen=True, slots=True)
class Merge:
    """A record that was merged into `winner`; `twin` has its key now, '' while there is none."""

    sobject: str
    key: str
    loser: str
    winner: str
    twin: str = ""

    @property
    def sentence(self) -> str:
        """What happened, and what a person does about it."""
        gone = f"{self.sobject} {self.loser} was merged into {self.winner}"
        if not self.twin:
            return f"{gone}: the next event makes a new one, unless {self.winner} gets this key"
        return (
            f"{gone}, and its key made {self.twin} anew: delete that and give {self.winner} the "
            "key, or keep both"
        )


async def find_merges(
    client: OrgClient, mapping: RecordMapping, tell: Callable[[str], None]
) -> dict[Identity, Merge]:
    """Return the merges of records that have a key of ours, as far as the Recycle Bin knows.

    `tell` is told what could not be asked: it is no reason to say nothing else.
    """
    found: dict[Identity, Merge] = {}
    kinds = {(rule.sobject, rule.external_id) for rule in mapping.rulebook.active_rows()}
    for sobject, key in sorted(kinds):
        if sobject not in MERGEABLE:
            continue
        try:
            found |= await _merges(client, sobject, key)
        except SalesforceError as error:
            tell(f"merges of {sobject}: {error.code or error.status}")
    return found


async def _merges(client: OrgClient, sobject: str, key: str) -> dict[Identity, Merge]:
    gone = (
        f"SELECT Id, {key}, MasterRecordId FROM {sobject} "  # noqa: S608 - API names
        f"WHERE IsDeleted = true AND MasterRecordId != null AND {key} != null"
    )
    found = {
        (sobject, str(record[key]).casefold()): Merge(
            sobject, str(record[key]), str(record["Id"]), str(record["MasterRecordId"])
        )
        async for record in client.query(gone, with_deleted=True)
    }
    last = await _survivors(client, sobject, {merge.winner for merge in found.values()})
    found = {
        place: replace(merge, winner=last[merge.winner])
        for place, merge in found.items()
        if merge.winner in last  # else the winner was deleted later: the record is plainly missing
    }
    for keys in id_lists([merge.key for merge in found.values()]):
        there = f"SELECT Id, {key} FROM {sobject} WHERE {key} IN ({', '.join(keys)})"  # noqa: S608 - keys are quoted
        async for record in client.query(there):
            place = sobject, str(record[key]).casefold()
            merge = found.get(place)  # where a field is not unique, two may have the key
            if merge and record["Id"] == merge.winner:
                del found[place]  # the winner kept or got the key: all is well
            elif merge:
                found[place] = replace(merge, twin=str(record["Id"]))
    return found


async def _survivors(client: OrgClient, sobject: str, winners: set[str]) -> dict[str, str]:
    """Return which record stands for each winner now: it may have been merged away itself."""
    masters: dict[str, str | None] = {}  # of the deleted ones; '' stands for those that are there
    ask = winners
    while ask:
        for ids in id_lists(sorted(ask)):
            soql = (
                f"SELECT Id, IsDeleted, MasterRecordId FROM {sobject} "  # noqa: S608 - API names
                f"WHERE Id IN ({', '.join(ids)})"
            )
            async for record in client.query(soql, with_deleted=True):
                is_gone = record["IsDeleted"] is True
                masters[str(record["Id"])] = record.get("MasterRecordId") if is_gone else ""
        ask = {master for master in masters.values() if master} - masters.keys() - ask
    found = {}
    for winner in winners:
        last, seen = winner, {winner}
        while (master := masters.get(last)) and master not in seen:
            seen.add(last := master)
        if masters.get(last) == "":
            found[winner] = last
    return found


def tell_merges(report: ReconcileReport, merges: Mapping[Identity, Merge]) -> None:
    """Say in the report what is missing because of a merge, and which twins there are."""
    told: set[Identity] = set()

    def explained(item: Judged) -> Judged:
        gone = [
            place
            for one in item.differences
            if not one.field and (place := (one.sobject, one.external_id.casefold())) in merges
        ]
        if item.finding is not Finding.MISSING or not gone:
            return item
        told.update(gone)
        reason = "; ".join(merges[place].sentence for place in gone)
        return replace(item, finding=Finding.MERGED, reason=reason)

    report.judged = [explained(item) for item in report.judged]
    report.judged += [
        Judged(Finding.MERGED, Kind.CUSTOMER, merge.key, reason=merge.sentence)
        for place, merge in merges.items()
        if merge.twin and place not in told
    ]
    report.judged.sort(key=lambda item: (list(Finding).index(item.finding), item.updated_at))
    equal = report.found[Finding.EQUAL]
    report.found = Counter(item.finding for item in report.judged)
    report.found[Finding.EQUAL] = equal
