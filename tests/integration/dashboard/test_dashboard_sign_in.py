"""Sign-in by a provider and by a trusted proxy, over real HTTP: who gets in, and who does not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.sign_in_site import Browser, site

from dashboard.site.state import ATTEMPT_COOKIE, COOKIE
from sandbox.oidc.provider import OidcProvider, User
from sandbox.ports import free_port

SECRET = "of the client: 9f2c71b0+&%"


@pytest.fixture(params=[SECRET, ""], ids=["with a secret", "a public client"])
def client_secret(request) -> str:
    return request.param


@asynccontextmanager
async def opened(secret: str = SECRET) -> AsyncIterator[tuple[OidcProvider, Callable[[], Browser]]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    browsers: list[Browser] = []

    def browser() -> Browser:
        browsers.append(Browser(url))
        return browsers[-1]

    async with (
        OidcProvider.serve(redirect_uri=f"{url}/login/callback", client_secret=secret) as provider,
        site(
            port,
            dashboard_public_url=url,
            dashboard_oidc_issuer=provider.url,
            dashboard_oidc_insecure_url=provider.url,
            dashboard_oidc_client_id=provider.client_id,
            dashboard_oidc_client_secret=secret,
        ),
    ):
        yield provider, browser
        for one in browsers:
            await one.http.close()


@pytest.fixture
async def both() -> AsyncIterator[tuple[OidcProvider, Callable[[], Browser]]]:
    async with opened() as parts:
        yield parts


async def test_an_operator_signs_in_and_is_known_by_the_proved_name(client_secret) -> None:
    async with opened(client_secret) as (_, browser):
        ann = browser()
        assert (await ann.get("/"))[2] == "/login"
        status, page, _ = await ann.get("/login")
        assert status == 200
        assert 'href="/login/start"' in page
        assert "password" not in page
        status, page = await ann.sign_in()
        assert status == 200
        assert 'content="0;url=/"' in page
        _, page, _ = await ann.get("/replay")
        assert "ann@example.com" in page
        assert "<small>operator</small>" in page
        assert ann.cookie(COOKIE)["samesite"] == "Strict"


@pytest.mark.parametrize(
    ("groups", "role"),
    [(["x", "support"], "reader"), (["support", "operators"], "operator"), (["x"], ""), ([], "")],
)
async def test_groups_say_what_one_may_do(both, groups, role) -> None:
    provider, browser = both
    provider.user = User(groups=groups)
    somebody = browser()
    status, _ = await somebody.sign_in()
    assert status == (200 if role else 403)
    page = (await somebody.get("/replay"))[1]
    assert (f"<small>{role}</small>" in page) is bool(role)


async def test_groups_may_come_by_userinfo_of_the_same_person_only(both) -> None:
    provider, browser = both
    provider.faults.groups_by_userinfo_only = True
    assert (await browser().sign_in())[0] == 200
    provider.faults.userinfo_subject = "somebody else"
    assert (await browser().sign_in())[0] == 403


async def test_the_request_has_state_nonce_and_a_challenge_and_no_secret(both) -> None:
    _, browser = both
    ann = browser()
    where = await ann.to_provider()
    asked = parse_qs(urlsplit(where).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["response_type"] == ["code"]
    assert SECRET not in where
    kept = ann.cookie(ATTEMPT_COOKIE)
    assert (kept["httponly"], kept["samesite"]) == (True, "Lax")
    assert asked["nonce"][0] not in kept.value
    again = parse_qs(urlsplit(await ann.to_provider()).query)
    for name in ("state", "nonce", "code_challenge"):
        assert asked[name] != again[name]


def changed(**faults: Any) -> Callable[[OidcProvider], None]:
    def change(provider: OidcProvider) -> None:
        for name, value in faults.items():
            setattr(provider.faults, name, value)

    return change


def now() -> int:
    return int(time.time())


LIES: dict[str, Callable[[], Callable[[OidcProvider], None]]] = {
    "another issuer": lambda: changed(claims={"iss": "https://evil.example"}),
    "another audience": lambda: changed(claims={"aud": "another-app"}),
    "an audience of two, not for us": lambda: changed(
        claims={"aud": ["orderstream-dashboard", "b"], "azp": "b"}
    ),
    "expired": lambda: changed(claims={"exp": now() - 120}),
    "of the future": lambda: changed(claims={"iat": now() + 600, "nbf": now() + 600}),
    "no end": lambda: changed(claims={"exp": None}),
    "no subject": lambda: changed(claims={"sub": None}),
    "another nonce": lambda: changed(claims={"nonce": "x"}),
    "no nonce": lambda: changed(claims={"nonce": None}),
    "a nonce that is no text": lambda: changed(claims={"nonce": 7}),
    "no signature": lambda: changed(algorithm="none"),
    "signed by the client's secret": lambda: changed(algorithm="HS256"),
    "signed by another key": lambda: changed(signs_with_another_key=True),
    "a name that is none": lambda: changed(claims={"preferred_username": "\x1b[2J"}),
    "no token": lambda: changed(token_body=b"{}"),
    "no json": lambda: changed(token_body=b"<html>"),
    "json that is no object": lambda: changed(token_body=b"[]"),
    "too large": lambda: changed(token_body=b'{"a":"' + b"x" * 400_000 + b'"}'),
    "an error": lambda: changed(token_body=b"{}", token_status=500),
    "a redirect": lambda: changed(token_body=b"{}", token_status=307),
    "a token of no shape": lambda: changed(token_body=b'{"id_token":"a.b.c"}'),
    "a token that is no text": lambda: changed(token_body=b'{"id_token":7}'),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_is_not_right_lets_nobody_in(both, lie) -> None:
    provider, browser = both
    LIES[lie]()(provider)
    eve = browser()
    status, page = await eve.sign_in()
    assert status == 403, page
    assert "evil" not in page
    assert eve.cookie(COOKIE) is None
    assert (await eve.get("/"))[2] == "/login"


@pytest.mark.parametrize(
    "description",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "https://evil.example\\@127.0.0.1/"},
        {"authorization_endpoint": ""},
    ],
)
async def test_a_provider_that_describes_itself_wrongly_is_not_asked(both, description) -> None:
    provider, browser = both
    provider.faults.description = description
    status, page, where = await browser().get("/login/start")
    assert (status, where) == (503, "")
    assert "Traceback" not in page


async def test_an_answer_is_for_the_browser_that_asked_and_for_once(both) -> None:
    _, browser = both
    ann, eve = browser(), browser()
    _, _, back = await ann.get(await ann.to_provider())
    assert (await eve.get(back))[0] == 403  # without the cookie: somebody else's link
    await eve.to_provider()
    assert (await eve.get(back))[0] == 403  # with a cookie of another attempt
    assert (await ann.get(back))[0] == 200
    assert (await ann.get(back))[0] == 403  # the code is used up
    assert (await ann.get("/login/callback?error=access_denied"))[0] == 403


async def test_a_provider_that_turns_its_key_is_asked_once_more(both, monkeypatch) -> None:
    provider, browser = both
    assert (await browser().sign_in())[0] == 200
    provider.turn_key()
    monkeypatch.setattr("dashboard.site.identity_provider.KEYS_AGAIN_SECONDS", 0.0)
    assert (await browser().sign_in())[0] == 200
    assert provider.key_reads == 2
    monkeypatch.undo()
    provider.turn_key()
    assert (await browser().sign_in())[0] == 403  # not at every token of a stranger
    assert provider.key_reads == 2


async def test_without_a_provider_there_is_no_sign_in() -> None:
    async with site(0, dashboard_operator_password="operators-9f3c1be27a60") as url:
        browser = Browser(url)
        assert (await browser.get("/login/start"))[0] == 404
        assert (await browser.get("/login/callback?code=x&state=y"))[0] == 404
        await browser.http.close()


async def test_a_link_of_another_site_leads_on_and_never_to_another_host() -> None:
    """A Strict cookie is kept back on the first request; the page asks again from here."""
    async with site(0, dashboard_operator_password="operators-9f3c1be27a60") as url:
        browser = Browser(url)
        came = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
        came["Sec_Fetch_Dest"] = "document"
        _, page, where = await browser.get("/letters?order=000000042", **came)
        assert 'content="0;url=/letters?order=000000042"' in page
        assert where == ""
        assert (await browser.get("//evil.example/", **came))[2] == "/login"
        assert (await browser.get("/letters", Sec_Fetch_Site="same-origin"))[2] == "/login"
        await browser.http.close()
