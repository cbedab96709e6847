"""Sign-in by a trusted proxy, over real HTTP: its word counts, and nobody else's does."""

from __future__ import annotations

from multidict import CIMultiDict
from support.sign_in_site import Browser, site

from dashboard.site.state import COOKIE

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
    password = "operators-9f3c1be27a60"
    async with site(
        0, dashboard_proxy_addresses="10.1.2.3", dashboard_operator_password=password, **PROXY
    ) as url:
        eve = Browser(url)
        status, page, _ = await eve.get("/login", **ANN)
        assert (status, "Password" in page) == (200, True)
        assert eve.cookie(COOKIE) is None
        await eve.http.close()
