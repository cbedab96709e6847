"""An order's number under another name: filed by its id it got a second record, without a note.

The bodies are those of published modules: `order_id` for the number beside `entity_id` (a video
module's order.placed), `order_number` of storefront resolvers, `incrementId` of serializers.
"""

from __future__ import annotations

import orjson
import pytest
from support.enrichment_shop import SAVED, Org, Shop
from support.enrichment_shop import order as stored

from agents.mapping.mapping import Mapping
from schemas.codec import decode
from stream.errors import MappingError
from tests.support.real_documents import an_order, without

SHIPPED = Mapping.load()
EVENTS = ["sales_order_save_after", "order.placed", ""]


def said(body: object, event: str = EVENTS[0]):
    return decode(orjson.dumps(body), event=event)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    "name", ["incrementId", "order_number", "number", "order_id", "order_increment_id"]
)
def test_a_number_with_zeros_before_it_is_read_by_any_name(name: str, event: str) -> None:
    document = said(without(an_order(), "increment_id") | {name: "000000417"}, event)
    assert (document.key, document.entity["entity_id"]) == ("000000417", "417")
    assert document.notes == (f"increment_id: read in `{name}` of the order",)
    (row,) = (row for row in SHIPPED.apply(document).rows if row.sobject == "Opportunity")
    assert row.fields["Name"] == "Order 000000417 - Petra Lund"


@pytest.mark.parametrize("name", ["order_number", "number", "order_id", "orderIncrementId"])
def test_another_number_is_perhaps_an_erps_so_no_record_is_made_by_the_id(name: str) -> None:
    document = said(without(an_order(), "increment_id") | {name: "SO-7"})
    assert document.key == "id:417"
    with pytest.raises(MappingError, match=f"no increment_id.*`{name}`"):
        SHIPPED.apply(document)


@pytest.mark.parametrize("name", ["order_number", "number", "order_id", "order_no"])
def test_an_invoice_in_its_own_words_is_not_written_over_the_order_it_names(name: str) -> None:
    invoice = {"entity_id": 5, name: "000000417", "grand_total": 43, "status": "paid"}
    invoice |= {"customer_email": "x@example.com", "items": [{"sku": "CUP", "qty": 1}]}
    for event in ("acme_pushed", ""):
        document = said(invoice, event)
        assert document.key == "id:5"
        with pytest.raises(MappingError, match="not its number"):
            SHIPPED.apply(document)


def test_an_order_with_nothing_but_its_id_is_filed_by_it_and_its_own_number_counts_first() -> None:
    bare = said(without(an_order(), "increment_id") | {"order_id": 417, "number": None})
    assert (bare.key, bare.notes) == ("id:417", ())
    assert SHIPPED.apply(bare).rows[-1].external_id == "id:417"
    both = said(an_order() | {"incrementId": "000000009", "order_number": "SO-7"})
    assert (both.key, both.notes) == ("000000417", ())
    assert said(without(an_order(), "increment_id") | {"incrementId": "SO-7"}).key == "so-7"


def test_the_store_is_asked_for_the_number_where_it_may_be() -> None:
    org = Org(Shop(stored(7, total=70)))
    whole = without(stored(7, total=70), "increment_id") | {"order_number": "SO-7"}
    event = org.event(whole | {"updated_at": SAVED})
    (decision,) = org.handle(event).values()
    assert decision.republish.key == b"000000007"
