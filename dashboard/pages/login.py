"""Login and logout. The password says what one may do, the name is what the audit topic gets.

Whom a trusted proxy has signed in needs neither.
"""

from __future__ import annotations

import asyncio
import math
import time

import structlog
from aiohttp import web

from dashboard.pages.entrance import enter
from dashboard.pages.sign_in import admit
from dashboard.site.forms import text_of
from dashboard.site.login_limit import keys_of
from dashboard.site.render import render
from dashboard.site.sessions import Way, role_of
from dashboard.site.state import COOKIE, DEVICE_COOKIE, SESSION, STATE, cookie_name, is_https
from dashboard.site.trusted_proxy import user_of_proxy
from stream.http.route_limits import read_form

log = structlog.get_logger()

WRONG_SECONDS = 0.5  # a wrong password costs this long


async def login_page(request: web.Request) -> web.StreamResponse:
    if request.get(SESSION) is not None:
        raise web.HTTPSeeOther("/")
    state = request.app[STATE]
    if (user := user_of_proxy(request.headers, request.remote, state.settings)) is not None:
        return admit(request, user, Way.PROXY)
    return _page(request, "")


def _page(request: web.Request, problem: str, *, name: str = "", status: int = 200) -> web.Response:
    state = request.app[STATE]
    return render(
        request,
        "login.html",
        status=status,
        problem=problem,
        name=name,
        has_sign_in=state.provider is not None,
        has_password=any(state.passwords.values()),
    )


async def login(request: web.Request) -> web.StreamResponse:
    state, form = request.app[STATE], await read_form(request)
    name, address = text_of(form, "name"), request.remote or ""
    tried = request.cookies.get(cookie_name(request, DEVICE_COOKIE), "")
    keys = keys_of(address, name, tried if state.sessions.is_device(tried) else "")
    wait = state.limit.wait_seconds(keys, now=time.monotonic())
    if wait > 0:
        text = f"Too many wrong passwords. Try again in {math.ceil(wait)} s."
        page = _page(request, text, status=429)
        page.headers["Retry-After"] = str(math.ceil(wait))
        return page
    role = role_of(form.get("password", ""), state.passwords)
    if role is None or not name:
        if role is None:
            state.limit.failed(keys, now=time.monotonic())
            log.warning("dashboard_login_refused", address=address)
            await asyncio.sleep(WRONG_SECONDS)
        problem = "The password is wrong." if role is None else "Say who you are."
        return _page(request, problem, name=name, status=403)
    state.limit.succeeded(keys)
    return enter(request, name, role, Way.PASSWORD)


async def logout(request: web.Request) -> web.StreamResponse:
    request.app[STATE].sessions.end(request[SESSION], now=time.time())
    answer = web.HTTPSeeOther("/login")
    name = cookie_name(request, COOKIE)
    answer.del_cookie(name, path="/", secure=is_https(request))
    raise answer


ROUTES = (
    web.get("/login", login_page),
    web.post("/login", login),
    web.post("/logout", logout),
)
