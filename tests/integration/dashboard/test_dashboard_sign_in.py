"""Sign-in by a provider and by a trusted proxy, over real HTTP: who gets in, and who does not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from multidict import CIMultiDict

from dashboard.app import build_app
from dashboard.server import serve_dashboard
from dashboard.site.state import ATTEMPT_COOKIE, COOKIE
from sandbox.oidc.provider import OidcProvider, User
from sandbox.ports import free_port
from stream.config import Role, load_settings

SECRET = "of the client: 9f2c71b0+&%"
GROUPS = {"dashboard_operator_groups": "operators", "dashboard_reader_groups": "support"}


@asynccontextmanager
async def site(port: int, **settings: Any) -> AsyncIterator[str]:
    """The dashboard without Kafka: who may look can be seen without figures."""
    made = load_settings(
        Role.DASHBOARD,
        env_file=None,
        kafka_bootstrap_servers=f"127.0.0.1:{free_port()}",
        **{**GROUPS, **settings},
    )
    async with serve_dashboard(build_app(made), "127.0.0.1", port) as url:
        yield url


class Browser:
    """Follows one redirect at a time, and keeps cookies."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        """Return status, text and where it leads."""
        url = path if "://" in path else self.url + path
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.get(url, headers=given, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def to_provider(self) -> str:
        """Return the provider's address that the dashboard sends this browser to."""
        status, _, where = await self.get("/login/start")
        assert status == 303
        return where

    async def sign_in(self) -> tuple[int, str]:
        _, _, back = await self.get(await self.to_provider())
        status, text, _ = await self.get(back)
        return status, text

    def cookie(self, name: str) -> Any:
        return next((c for c in self.http.cookie_jar if c.key == name), None)


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
    async with site(0, dashboard_operator_password="operators-0123456789") as url:
        browser = Browser(url)
        assert (await browser.get("/login/start"))[0] == 404
        assert (await browser.get("/login/callback?code=x&state=y"))[0] == 404
        await browser.http.close()


PROXY = {
    "dashboard_proxy_user_header": "X-Forwarded-User",
    "dashboard_proxy_groups_header": "X-Forwarded-Groups",
}
ANN = {"X_Forwarded_User": "ann", "X_Forwarded_Groups": "staff,operators"}


async def test_a_listed_proxy_signs_people_in_for_as_long_as_it_says_so() -> None:
    async with site(0, dashboard_proxy_addresses="10.0.0.0/8, 127.0.0.1", **PROXY) as url:
        ann = Browser(url)
        assert (await ann.get("/", **ANN))[2] == "/login"
        assert (await ann.get("/login", **ANN))[0] == 200
        page = (await ann.get("/replay", **ANN))[1]
        assert "<small>operator</small>" in page
        # The cookie alone is worth nothing: not without the header, for another name, or role.
        assert (await ann.get("/replay"))[2] == "/login"
        assert (await ann.get("/replay", **{**ANN, "X_Forwarded_User": "eve"}))[2] == "/login"
        assert (await ann.get("/replay", **{**ANN, "X_Forwarded_Groups": "support"}))[2] == "/login"
        stranger = Browser(url)
        assert (await stranger.get("/login", X_Forwarded_User="eve"))[0] == 403
        async with stranger.http.get(
            url + "/login",
            headers=CIMultiDict([("X-Forwarded-User", "a"), ("X-Forwarded-User", "b")]),
        ) as answer:
            assert COOKIE not in answer.cookies
        await ann.http.close()
        await stranger.http.close()


async def test_the_headers_of_anybody_else_say_nothing() -> None:
    password = "operators-0123456789"
    async with site(
        0, dashboard_proxy_addresses="10.1.2.3", dashboard_operator_password=password, **PROXY
    ) as url:
        eve = Browser(url)
        status, page, _ = await eve.get("/login", **ANN)
        assert (status, "Password" in page) == (200, True)
        assert eve.cookie(COOKIE) is None
        await eve.http.close()


async def test_a_link_of_another_site_leads_on_and_never_to_another_host() -> None:
    """A Strict cookie is kept back on the first request; the page asks again from here."""
    async with site(0, dashboard_operator_password="operators-0123456789") as url:
        browser = Browser(url)
        came = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
        came["Sec_Fetch_Dest"] = "document"
        _, page, where = await browser.get("/letters?order=000000042", **came)
        assert 'content="0;url=/letters?order=000000042"' in page
        assert where == ""
        assert (await browser.get("//evil.example/", **came))[2] == "/login"
        assert (await browser.get("/letters", Sec_Fetch_Site="same-origin"))[2] == "/login"
        await browser.http.close()
