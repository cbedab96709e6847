"""The dispatcher against an org over HTTP whose messages come in another language."""

from __future__ import annotations

import pytest
from support.answer_proxy import answer_proxy, html
from support.org_settings import settings_for
from support.salesforce_fixtures import org_keys, salesforce_org

from agents.delivery.dispatcher import SalesforceDispatcher
from agents.delivery.types import NotSent, RefusedWrite, WriteSet, Written
from agents.pacing.wiring import build_gate
from agents.salesforce.api.wiring import build_client
from agents.salesforce.interrupt import Interrupt
from schemas.salesforce import Row
from stream.ops.alerts import Alerts

__all__ = ["org_keys", "salesforce_org"]

CUSTOMER, ORDER = "Magento_Customer_Key__c", "Magento_Order_ID__c"
LANGUAGES = ["Não foi possível.", "Das ging nicht.", "できませんでした。"]


def order(number: int, **fields: object) -> WriteSet:
    who = "anna@example.com"
    link = {"Account": {CUSTOMER: who}}
    values = {"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-02-01", **link, **fields}
    rows = (
        Row("Account", CUSTOMER, who, insert_fields={"Name": who}),
        Row("Opportunity", ORDER, f"o{number}", values),
    )
    return WriteSet(f"o{number}", rows, lock_key=who)


@pytest.mark.parametrize("sentence", LANGUAGES)
async def test_a_known_customer_a_lost_parent_and_a_bad_order_end_as_in_english(
    salesforce_org, sentence: str
) -> None:
    async with answer_proxy(salesforce_org.url) as proxy:
        settings = settings_for(
            salesforce_org, salesforce_login_url=proxy.url, salesforce_insecure_url=proxy.url
        )
        alerts = Alerts()
        client = build_client(settings, alerts=alerts)
        proxy.speak(sentence)

        def fresh() -> SalesforceDispatcher:
            gate = build_gate(settings, alerts, Interrupt(), ask_limits=client.limits)
            return SalesforceDispatcher(client, gate)

        async def send(dispatcher: SalesforceDispatcher, *writes: WriteSet):
            return await dispatcher.send(writes)

        try:
            dispatcher = fresh()
            (first,) = await send(dispatcher, order(1))
            (known,) = await send(fresh(), order(2))  # another worker: the Account exists already
            assert isinstance(first, Written)
            assert isinstance(known, Written)
            assert known.ids["Account"] == first.ids["Account"]

            salesforce_org.org.reset()
            (again,) = await send(dispatcher, order(3))  # the parent was deleted behind its back
            assert isinstance(again, Written)
            good, bad = await send(dispatcher, order(4), order(5, StageName=""))
            assert isinstance(good, Written)
            assert isinstance(bad, RefusedWrite)
            assert not bad.is_unproven

            proxy.answer(lambda call: html(404) if "composite" in call.path else None)
            (held,) = await send(dispatcher, order(6))
            assert isinstance(held, NotSent)
        finally:
            client.close()
