"""Pages of a store that goes on saving, and whose limits are lower than what is asked for."""

from __future__ import annotations

import pytest
from support.magento_rest import IMPATIENT, an_order, store_of, store_settings

from agents.mapping.mapping import Mapping
from agents.reconcile.findings import Difference, Finding, Judged
from agents.reconcile.run import Reconciler
from sandbox.magento.rest import RestStore
from sandbox.magento.rest_serve import generated_rows
from schemas.event import Kind
from stream.backfill.corrections import publish_fixes
from stream.magento.client import open_magento
from stream.magento.criteria import Resource
from stream.magento.paging import Window, changed, having

LONG_AGO = Window("2026-01-01 00:00:00", "2026-01-31 23:59:59")
LATER = "2026-06-01 00:00:00"


async def read(store, window=LONG_AGO, *, page_size=10, began=LATER):
    settings = store_settings(store, magento_page_size=page_size)
    async with open_magento(settings, patience=IMPATIENT) as magento:
        pages = changed(magento, settings, Resource.ORDERS, window, began=began)
        return [document["entity_id"] async for page in pages for document in page.documents]


class Nothing:
    """An org without records, and Kafka that takes what is published."""

    def __init__(self) -> None:
        self.published = []
        self.publisher = self

    async def query(self, _soql):
        return
        yield

    async def record(self, *_action, **_detail):
        pass

    async def publish_each(self, records):
        self.published += records
        return [None for _ in records]


def orders_of_january(count):
    return [an_order(n, f"2026-01-14 18:00:{n:02d}") for n in range(1, count + 1)]


async def test_a_row_saved_after_its_page_was_loaded_and_before_it_was_counted_ends_nothing():
    """Magento loads a page, completes each order, and then counts: seconds, on a busy store."""
    store = store_of(*orders_of_january(11))

    def shopper():
        store.orders.save(an_order(3, LATER, version=2))

    store.before_count = shopper
    async with store.serve():
        assert await read(store) == list(range(1, 12))


async def test_a_row_committed_late_between_an_empty_page_and_its_count_is_read():
    store = store_of(*orders_of_january(10))
    counts = iter(range(9))

    def checkout():
        if next(counts, None) == 1:
            store.orders.save(an_order(99, "2026-01-14 18:00:59"))

    store.before_count = checkout
    async with store.serve():
        assert await read(store) == [*range(1, 11), 99]


@pytest.mark.parametrize("limit", [7, 20, 60])
async def test_a_store_that_says_its_limit_in_german_is_read_in_pages_of_that_size(limit):
    store = RestStore(
        orders=generated_rows(50),
        max_page_size=limit,
        too_many_rows="Die maximale Seitengröße der Suche beträgt %max",
    )
    async with store.serve():
        assert await read(store, page_size=100) == list(range(1, 51))
    assert store.calls == 1 + 50 // limit + 1


async def test_the_second_look_and_the_repair_see_every_document_of_a_store_with_small_pages():
    """Else what was cut off was reported as equal, and --fix said it had published all."""
    store = RestStore(orders=generated_rows(50), max_page_size=20)
    org, wanted = Nothing(), list(range(1, 51))
    problems = [
        Judged(
            Finding.MISSING, Kind.ORDER, str(n), n, differences=(Difference("Opportunity", "x"),)
        )
        for n in wanted
    ]
    async with store.serve():
        settings = store_settings(store, operator_signing_key="6b1f0c4de5a97823" * 4)
        async with open_magento(settings, patience=IMPATIENT) as magento:
            reconciler = Reconciler(settings, magento, org, None, Mapping.load())
            still = await reconciler._look_again(problems)
            assert sorted(item.entity_id for item in still) == wanted
            ids = {Kind.ORDER: wanted}
            assert await publish_fixes(settings, magento, org, ids, job_id="j", why="") == 50
    assert len({record.key for record in org.published}) == 50


class WithoutTopics(Reconciler):
    """A comparison of store and org alone."""

    async def _explain(self, problems, _window):
        return problems

    async def _extra(self, _window, keys):
        return [Judged(Finding.EXTRA, Kind.ORDER, key) for key in sorted(keys)]


async def test_an_order_that_is_read_twice_counts_once_and_one_deleted_since_is_not_equal():
    """It was equal by subtraction, and in Salesforce it stayed: nobody asked for it as extra."""
    store = store_of(*orders_of_january(3))

    def shopper():
        store.before_count = None
        store.orders.save(an_order(1, LATER, version=2))  # behind all that was read

    store.before_count = shopper
    async with store.serve():
        settings = store_settings(store, magento_page_size=2)
        async with open_magento(settings, patience=IMPATIENT) as magento:
            both = WithoutTopics(settings, magento, Nothing(), None, Mapping.load())

            def delete(done, _total):
                if done >= 3:
                    store.orders.remove(2)

            both.progress = delete
            report = await both.run(
                (Kind.ORDER,), Window(LONG_AGO.since, LATER), began=LATER, total=3
            )
    assert report.checked == 2
    assert report.found == {Finding.MISSING: 2, Finding.EXTRA: 2, Finding.EQUAL: 0}


async def test_documents_are_named_in_searches_that_fit_into_a_request_line():
    """Apache takes 8,190 bytes of it; a letter of a number in Japanese takes nine."""
    numbers = [f"注文番号-{n:08d}" * 3 for n in range(100)]
    named = [an_order(n + 1, LATER, increment_id=number) for n, number in enumerate(numbers)]
    store = store_of(*named, an_order(500, LATER, increment_id="a,b"))
    longest = 0

    def look(request):
        nonlocal longest
        longest = max(longest, len(request.raw_path))

    store.look_at = look
    async with store.serve(), open_magento(store_settings(store)) as magento:
        found = await having(magento, Resource.ORDERS, "increment_id", [*numbers, "a,b"])
    assert {order["increment_id"] for order in found} == {*numbers, "a,b"}
    assert longest < 8_000
