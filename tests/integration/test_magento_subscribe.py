"""`orderstream magento subscribe`: signed calls to a store, and what it may answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from sandbox.magento.rest_auth import DeniedError, Integration
from stream.config import Role, Settings, load_settings
from stream.errors import MagentoError
from stream.magento.subscriptions import DEFAULT_EVENTS, subscribe, subscriptions_for

TOKEN = "a-mageos-token-0123456789"
INGRESS = "https://in.example.com"


@dataclass
class Store:
    """A store with mage-os async events: checks signatures, keeps what it is asked to subscribe."""

    integration: Integration = field(default_factory=Integration)
    subscribed: list[dict[str, Any]] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        if self.failures:
            return web.json_response({"message": "no"}, status=self.failures.pop(0))
        sent = f"{request.scheme}://{request.host}{request.raw_path}"
        try:
            self.integration.check("POST", sent, request.headers.get("Authorization", ""))
        except DeniedError as error:
            return web.json_response({"message": str(error)}, status=error.status)
        self.subscribed.append((await request.json())["asyncEvent"])
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        await answer.write(b'{"subscription_id": ')  # in pieces, as a proxy may pass it on
        await asyncio.sleep(0.01)
        await answer.write(f"{len(self.subscribed)}}}".encode())
        return answer

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Store]:
        app = web.Application()
        app.router.add_post("/rest/all/V1/async_event", self.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    @property
    def env(self) -> dict[str, str]:
        return {
            "MAGENTO_BASE_URL": self.url,
            "MAGENTO_INSECURE_URL": self.url,
            "MAGEOS_VERIFICATION_TOKEN": TOKEN,
            **self.integration.env,
        }

    def settings(self, **changes: str) -> Settings:
        values = {name.lower(): value for name, value in self.env.items()} | changes
        return load_settings(Role.MAGENTO, env_file=None, **values)


async def subscribed(settings: Settings, *events: str) -> list[Any]:
    wanted = subscriptions_for(INGRESS, events or DEFAULT_EVENTS)
    return [answer async for _, answer in subscribe(settings, wanted)]


async def test_every_event_gets_an_address_of_its_own_and_the_token() -> None:
    async with Store().serve() as store:
        answers = await subscribed(store.settings())
    assert [item["event_name"] for item in store.subscribed] == list(DEFAULT_EVENTS)
    assert store.subscribed[0] == {
        "event_name": "sales.order.created",
        "recipient_url": f"{INGRESS}/magento/webhook/sales.order.created",
        "verification_token": TOKEN,
        "metadata": "http",
    }
    assert answers[-1] == {"subscription_id": len(DEFAULT_EVENTS)}


async def test_a_wrong_secret_is_told_with_its_fix_and_nothing_is_subscribed() -> None:
    async with Store().serve() as store:
        settings = store.settings(magento_consumer_secret="another-consumer-secret-0123")
        with pytest.raises(MagentoError, match="MAGENTO_CONSUMER_SECRET"):
            await subscribed(settings)
    assert store.subscribed == []


async def test_a_store_without_the_module_is_told_apart_from_a_wrong_address() -> None:
    async with Store(failures=[404]).serve() as store:
        with pytest.raises(MagentoError, match="mageos-async-events"):
            await subscribed(store.settings())


async def test_a_refusal_stops_the_row_and_is_not_repeated_by_itself() -> None:
    async with Store(failures=[503, 503]).serve() as store:
        with pytest.raises(MagentoError):
            await subscribed(store.settings())
    assert (store.failures, store.subscribed) == ([503], [])


async def test_a_store_that_is_away_is_one_clear_error() -> None:
    async with Store().serve() as store:
        settings = store.settings()
    with pytest.raises(MagentoError, match="does not answer"):
        await subscribed(settings)


async def command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cli", "magento", "subscribe", *arguments],
        env={"PATH": "/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_the_command_subscribes_and_prints_what_it_did() -> None:
    async with Store().serve() as store:
        ran = await command(INGRESS, "--event", "sales.order.created", **store.env)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [
        {
            "event": "sales.order.created",
            "recipient_url": f"{INGRESS}/magento/webhook/sales.order.created",
            "id": 1,
        }
    ]
    assert TOKEN not in ran.stdout + ran.stderr


async def test_a_look_needs_no_settings_and_a_missing_token_is_named() -> None:
    looked = await command(f"{INGRESS}/magento/webhook/", "--dry-run")
    assert looked.returncode == 0, looked.stderr
    assert len(json.loads(looked.stdout)) == len(DEFAULT_EVENTS)
    async with Store().serve() as store:
        ran = await command(INGRESS, **store.env | {"MAGEOS_VERIFICATION_TOKEN": ""})
    assert ran.returncode == 2
    assert "MAGEOS_VERIFICATION_TOKEN: missing" in ran.stderr
    assert store.subscribed == []
