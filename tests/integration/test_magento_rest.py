"""The REST client against a store that checks signatures and sets its traps."""

from __future__ import annotations

import time

import aiohttp
import pytest
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, Client
from support.magento_rest import IMPATIENT, an_order, store_of, store_settings

from sandbox.magento.rest import RestStore
from sandbox.magento.rest_auth import DeniedError, Integration
from sandbox.magento.rest_serve import generated_rows
from stream.config import Settings
from stream.errors import MagentoError
from stream.magento.client import open_magento
from stream.magento.criteria import Filter, Resource, Search
from stream.magento.paging import Cursor, Window, changed, count_changed

EVERYTHING = Window("2026-01-01 00:00:00", "2026-12-31 23:59:59")
LATER = "2027-06-01 00:00:00"


async def read(store, window=EVERYTHING, *, page_size=10, began=LATER, overlap=300.0, cursor=None):
    how = {"magento_page_size": page_size, "magento_overlap_seconds": overlap}
    settings = store_settings(store, **how)
    async with open_magento(settings, patience=IMPATIENT) as magento:
        pages = changed(magento, settings, Resource.ORDERS, window, began=began, cursor=cursor)
        return [taken async for taken in pages]


def ids(pages):
    return [document["entity_id"] for page in pages for document in page.documents]


async def ask(store, **overrides):
    settings = store_settings(store, **overrides)
    async with open_magento(settings, patience=IMPATIENT) as magento:
        return await magento.search(Resource.ORDERS, Search(page_size=5))


async def test_a_signed_search_is_let_in_and_every_row_comes_once_in_order():
    store = RestStore(orders=generated_rows(57))
    async with store.serve():
        pages = await read(store)
    assert ids(pages) == list(range(1, 58))
    assert store.calls == 6
    assert [page.left for page in pages] == [47, 37, 27, 17, 7, 0]


async def test_a_value_that_must_be_encoded_keeps_its_signature():
    store = store_of(an_order(1, "2026-03-14 18:00:00", increment_id="a/b c+d&e=ü%20,"))
    async with store.serve(), open_magento(store_settings(store)) as magento:
        search = Search(((Filter("increment_id", "a/b c+d&e=ü%20,"),),), page_size=5)
        assert (await magento.search(Resource.ORDERS, search)).total == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"magento_consumer_key": "x"}, "MAGENTO_CONSUMER_KEY is not known"),
        ({"magento_consumer_secret": "x"}, "MAGENTO_CONSUMER_SECRET or"),
        ({"magento_access_token": "x"}, "check the four MAGENTO_ keys"),
        ({"magento_auth": "bearer"}, "grant the integration"),
        ({"magento_rest_path": "/wrong"}, "MAGENTO_REST_PATH"),
    ],
)
async def test_a_refusal_says_what_to_do_and_is_not_repeated(change, says):
    store = store_of()
    async with store.serve():
        with pytest.raises(MagentoError, match=says) as refused:
            await ask(store, **change)
    assert refused.value.is_lasting
    assert store.calls <= 1


async def test_a_resource_that_is_not_granted_names_itself():
    store = store_of(integration=Integration(granted=frozenset({"customers"})))
    async with store.serve():
        with pytest.raises(MagentoError, match=r"Magento_Sales::actions_view.*Orders > Actions"):
            await ask(store)


async def test_the_token_as_a_bearer_works_where_it_is_enabled():
    store = store_of(integration=Integration(is_bearer_enabled=True))
    async with store.serve():
        assert (await ask(store, magento_auth="bearer")).total == 0


async def test_an_hmac_sha1_signature_is_refused_by_the_store():
    store = store_of()
    keys = store.integration
    client = Client(
        keys.consumer_key,
        client_secret=keys.consumer_secret,
        resource_owner_key=keys.access_token,
        resource_owner_secret=keys.access_token_secret,
        signature_method=SIGNATURE_HMAC_SHA1,
    )
    async with store.serve(), aiohttp.ClientSession() as session:
        url, headers, _ = client.sign(f"{store.url}/rest/all/V1/orders")
        async with session.get(url, headers=headers) as answer:
            assert answer.status == 401
            assert "HMAC-SHA1 is not supported" in (await answer.json())["message"]


def test_a_call_that_was_recorded_cannot_be_sent_again_nor_much_later():
    keys = Integration()
    client = Client(
        keys.consumer_key,
        client_secret=keys.consumer_secret,
        resource_owner_key=keys.access_token,
        resource_owner_secret=keys.access_token_secret,
        signature_method="HMAC-SHA256",
    )
    url, headers, _ = client.sign("https://shop.example/rest/all/V1/orders?a=1")
    keys.check("GET", url, headers["Authorization"])
    with pytest.raises(DeniedError, match="nonce"):
        keys.check("GET", url, headers["Authorization"])
    keys.clock = lambda: time.time() + 3600
    with pytest.raises(DeniedError, match="timestamp"):
        keys.check("GET", url, headers["Authorization"])


@pytest.mark.parametrize("status", [429, 503, 500])
async def test_a_store_that_is_busy_is_asked_again(status):
    store = store_of(an_order(1, "2026-03-14 18:00:00"))
    store.fail_next(status, 3)
    async with store.serve():
        assert (await ask(store)).total == 1
    assert store.calls == 4


async def test_a_store_that_stays_away_is_an_error_that_may_pass():
    store = store_of()
    store.fail_next(503, 50)
    async with store.serve():
        with pytest.raises(MagentoError, match="503") as away:
            await ask(store)
        assert not away.value.is_lasting
    with pytest.raises(MagentoError, match="does not answer") as away:
        await ask(store)
    assert not away.value.is_lasting


async def test_a_page_for_people_amid_good_answers_is_asked_again():
    """A maintenance page or a bot check, sent as 200: the store is no other one for that."""
    store = RestStore(orders=generated_rows(30))
    store.before_search = lambda: store.calls == 2 and store.fail_next(200, 3)
    async with store.serve():
        assert ids(await read(store)) == list(range(1, 31))


async def test_a_page_for_people_that_stays_may_pass_and_one_at_once_is_a_wrong_address():
    store = RestStore(orders=generated_rows(30))
    store.before_search = lambda: store.calls == 2 and store.fail_next(200, 50)
    async with store.serve():
        with pytest.raises(MagentoError, match="no JSON") as page:
            await read(store)
        assert not page.value.is_lasting
        calls = store.calls
        with pytest.raises(MagentoError, match="MAGENTO_REST_PATH") as page:
            await ask(store)
        assert (page.value.is_lasting, store.calls) == (True, calls + 1)


def test_what_the_store_asks_for_is_waited_for_up_to_the_cap():
    assert IMPATIENT.wait_seconds(1, "7") == 0.01
    assert all(0 <= IMPATIENT.wait_seconds(n, "") <= 0.01 for n in range(1, 9))


async def test_a_redirect_is_not_followed():
    from aiohttp import web

    async def elsewhere(_request):
        raise web.HTTPFound("http://127.0.0.1:1/elsewhere")

    app = web.Application()
    app.router.add_get("/{path:.*}", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        store = store_of()
        store.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        with pytest.raises(MagentoError, match="MAGENTO_BASE_URL to the store's own"):
            await ask(store)
    finally:
        await runner.cleanup()


async def test_a_store_that_limits_the_page_size_is_read_in_smaller_pages():
    store = RestStore(orders=generated_rows(50), max_page_size=20)
    async with store.serve():
        assert ids(await read(store, page_size=100)) == list(range(1, 51))


async def test_a_thousand_rows_of_one_second_do_not_stop_the_paging():
    store = store_of(*(an_order(n, "2026-03-14 18:00:00") for n in range(1, 201)))
    async with store.serve():
        assert ids(await read(store, page_size=30)) == list(range(1, 201))


async def test_rows_saved_while_one_pages_neither_shift_the_others_nor_come_twice():
    store = store_of(*(an_order(n, f"2026-03-14 18:00:{n // 4:02d}") for n in range(1, 101)))
    moved = iter(range(1, 101, 7))

    def shopper():
        n = next(moved, None)
        if n is not None:
            store.orders.save(an_order(n, "2027-01-01 00:00:00", version=2))

    store.before_search = shopper
    async with store.serve():
        found = ids(await read(store))
    assert len(found) == len(set(found))
    left = {n for n, second in store.orders.seconds.items() if second <= EVERYTHING.until}
    assert left <= set(found)


async def test_what_commits_late_in_a_second_that_was_read_is_found_by_the_second_look():
    began = "2026-03-14 18:10:00"
    window = Window("2026-03-14 00:00:00", began)
    store = store_of(*(an_order(n, f"2026-03-14 18:08:{n:02d}") for n in range(10, 40)))
    searches = 0

    def checkout():
        nonlocal searches
        searches += 1
        if searches == 3:
            store.orders.save(an_order(5, "2026-03-14 18:08:10"))

    store.before_search = checkout
    async with store.serve():
        found = ids(await read(store, window, began=began))
    assert sorted(found) == [5, *range(10, 40)]


async def test_a_read_that_goes_on_takes_the_whole_boundary_second_again():
    store = store_of(*(an_order(n, f"2026-03-14 18:00:{n // 4:02d}") for n in range(1, 21)))
    async with store.serve():
        pages = await read(store, cursor=Cursor("2026-03-14 18:00:02", 9))
    assert ids(pages) == list(range(8, 21))


async def test_a_store_that_ignores_the_search_is_found_out():
    class Stubborn:
        async def search(self, _resource, _search):
            from stream.magento.client import SearchPage

            return SearchPage([an_order(1, "2020-01-01 00:00:00")], 7)

    with pytest.raises(MagentoError, match="sends none of them"):
        async for _ in changed(
            Stubborn(), Settings(_env_file=None), Resource.ORDERS, EVERYTHING, began=LATER
        ):
            pass


async def test_counting_takes_one_call_and_knows_the_store():
    orders = [an_order(n, "2026-03-14 18:00:00", store_id=n % 2 + 1) for n in range(1, 12)]
    store = store_of(*orders)
    async with store.serve(), open_magento(store_settings(store)) as magento:
        assert await count_changed(magento, Resource.ORDERS, EVERYTHING) == 11
        of_two = Window(EVERYTHING.since, EVERYTHING.until, "2")
        assert await count_changed(magento, Resource.ORDERS, of_two) == 6
    assert store.calls == 2


async def test_the_traps_are_there_newest_first_everything_and_the_last_page_again():
    store = RestStore(orders=generated_rows(25), integration=Integration(is_bearer_enabled=True))
    headers = {"Authorization": f"Bearer {store.integration.access_token}"}
    async with store.serve(), aiohttp.ClientSession(headers=headers) as session:

        async def get(**criteria):
            url = f"{store.url}/rest/all/V1/orders"
            params = {f"searchCriteria[{name}]": str(value) for name, value in criteria.items()}
            async with session.get(url, params=params) as answer:
                return [item["entity_id"] for item in (await answer.json())["items"]]

        assert await get() == list(range(25, 0, -1))
        assert await get(pageSize=10, currentPage=3) == await get(pageSize=10, currentPage=9)
        async with session.get(f"{store.url}/rest/all/V1/orders/7") as answer:
            assert (await answer.json())["entity_id"] == 7
        async with session.get(f"{store.url}/rest/all/V1/orders/99") as answer:
            assert answer.status == 404


async def test_a_hundred_thousand_orders_cost_little():
    rows = generated_rows(100_000)
    last = rows.find([])
    assert len(last) == 100_000
    assert [order["entity_id"] for order in last.page(0, 2, is_descending=True)] == [
        100_000,
        99_999,
    ]
