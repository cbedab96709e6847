"""Orders that are wrongly dated are wrong in one way each, and right in all the rest."""

import orjson

from chaos.scenarios.documents import WAYS, wrongly_dated
from sandbox.magento.numbered import numbered_webhook, version_of


def order_of(webhook):
    return orjson.loads(webhook.body)["order"]


def dates(n):
    return [
        order_of(wrongly_dated(n, version, customers=5)).get("updated_at") for version in (1, 2)
    ]


def test_every_way_is_used_and_no_two_are_alike():
    first = [dates(n)[0] for n in range(len(WAYS))]
    assert len(set(first)) == len(WAYS)
    assert None in first


def test_the_judge_still_knows_order_and_version():
    for n in range(len(WAYS)):
        made = wrongly_dated(n, 3, customers=5)
        right = numbered_webhook(n, 3, customers=5)
        assert made.key == right.key
        assert version_of(order_of(made)["grand_total"]) == 3
        assert order_of(made).keys() | {"updated_at"} == order_of(right).keys()
