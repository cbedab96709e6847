"""Any mixture of guilty orders and outages: no innocent dies, and no guilty one blocks others."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_org import FakeOrg, account, contact, make_gate, opportunity, refused, whenever

from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.retry_in_place import RetryInPlace
from agents.delivery.types import RefusedWrite, WriteSet, Written
from agents.handling.outcome_rules import may_retry
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import bad_answer
from schemas.salesforce import RowError
from stream.backoff import Backoff

NO_TIME = RetryInPlace(backoff=Backoff(0.0, 0.0))
TIERS = 4
BAD = RowError("STRING_TOO_LONG", "zu lang", ("Name",))
ROW_OUTAGES = [
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
    "STORAGE_LIMIT_EXCEEDED",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
]
PART_OUTAGES = [  # what one collection of an answered call says
    refused(403, "FUNCTIONALITY_NOT_ENABLED"),
    refused(404, "NOT_FOUND"),
    refused(413, ""),
    refused(400, "ODD_CODE"),
    refused(500, "UNKNOWN_EXCEPTION"),
    bad_answer("nothing"),
]
CALL_OUTAGES = [(410, "GONE"), (404, ""), (400, ""), (400, "ODD_CODE"), (400, "INVALID_FIELD")]
outage = st.sampled_from([*ROW_OUTAGES, *PART_OUTAGES, *CALL_OUTAGES])


def order(number: int) -> WriteSet:
    who = f"c{number}"
    rows = (account(who), contact(f"p-{who}", who), opportunity(f"o{number}", who))
    return WriteSet(f"o{number}", rows, lock_key=who)


class Shop:
    """Sends what is not at its end, again and again, and counts attempts as the tiers do."""

    def __init__(self, guilty: set[int]) -> None:
        self.org = FakeOrg()
        self.guilty = guilty
        self.dispatcher = SalesforceDispatcher(
            self.org, make_gate(probe_seconds=0.0005), policy=NO_TIME, jitter=lambda: 0.0
        )
        self.waiting: dict[int, int] = {}
        self.dead: set[int] = set()

    def strike(self, kind: str | SalesforceError | tuple[int, str] | None) -> None:
        self.org.always = {f"o{n}": BAD for n in self.guilty}
        self.org.call_faults, self.org.poison = [], {}
        if isinstance(kind, SalesforceError):
            self.org.poison = {f"o{n}": kind for n in range(1000)}
        elif isinstance(kind, str):
            refused_alike = RowError(kind, "x")
            self.org.always = {f"o{n}": refused_alike for n in range(1000)}
        elif kind is not None:
            self.org.call_faults = [whenever(r"o\d+", refused(*kind))]

    async def work(self) -> None:
        numbers = sorted(self.waiting)
        async with asyncio.timeout(20):
            outcomes = await self.dispatcher.send([order(n) for n in numbers])
        for number, outcome in zip(numbers, outcomes, strict=True):
            if isinstance(outcome, Written):
                del self.waiting[number]
            elif isinstance(outcome, RefusedWrite):
                attempt = self.waiting[number]
                if attempt < TIERS and may_retry(outcome, attempt):
                    self.waiting[number] += 1
                else:
                    del self.waiting[number]
                    self.dead.add(number)


@settings(max_examples=40, deadline=None)
@given(
    guilty=st.sets(st.integers(0, 20), max_size=6),
    rounds=st.lists(st.one_of(st.none(), outage), max_size=4),
)
def test_no_innocent_order_dies_and_every_guilty_one_is_found(guilty, rounds):
    async def story() -> Shop:
        shop = Shop(guilty)
        shop.waiting = dict.fromkeys(range(21), 0)
        for newcomer, kind in enumerate([*rounds, *[None] * 8], start=100):
            shop.waiting[newcomer] = 0  # a shop in use: somebody orders all the time
            shop.strike(kind)
            await shop.work()
        return shop

    shop = asyncio.run(story())
    assert shop.dead == guilty
    assert shop.waiting == {}
