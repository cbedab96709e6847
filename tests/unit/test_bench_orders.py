"""The load of the benchmarks is what a store could send."""

from __future__ import annotations

import orjson
import pytest

from bench import orders
from bench.orders import NEW_CUSTOMER_EVERY, Template
from bench.slow_neighbours import same_customer


def buyers(bodies: list[bytes]) -> set[tuple[int, str]]:
    sent = [orjson.loads(body)["order"] for body in bodies]
    return {(order["customer_id"], order["customer_email"]) for order in sent}


def test_an_id_has_one_email_and_an_email_one_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orders, "RETURNING_CUSTOMERS", 50)
    template = Template.make()
    numbers = range(2 * NEW_CUSTOMER_EVERY * 50)
    found = buyers([template.order(number, version) for number in numbers for version in (1, 2)])
    assert len({number for number, _ in found}) == len({email for _, email in found}) == len(found)
    assert len(found) > 50


def test_one_customer_is_one() -> None:
    assert len(buyers(same_customer(50))) == 1
