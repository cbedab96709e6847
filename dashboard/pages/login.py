"""Login and logout. The password says what one may do, the name is what the audit topic gets."""

from __future__ import annotations

import asyncio
import math
import time

import structlog
from aiohttp import web

from dashboard.site.forms import text_of
from dashboard.site.login_limit import keys_of
from dashboard.site.render import render
from dashboard.site.sessions import role_of
from dashboard.site.state import COOKIE, DEVICE_COOKIE, SESSION, STATE, cookie_name, is_https
from stream.http.route_limits import read_form

log = structlog.get_logger()

DEVICE_SECONDS = 30 * 24 * 3600
WRONG_SECONDS = 0.5  # a wrong password costs this long


async def login_page(request: web.Request) -> web.StreamResponse:
    if request.get(SESSION) is not None:
        raise web.HTTPSeeOther("/")
    return render(request, "login.html", problem="", name="")


async def login(request: web.Request) -> web.StreamResponse:
    state, form = request.app[STATE], await read_form(request)
    name, address = text_of(form, "name"), request.remote or ""
    tried = request.cookies.get(cookie_name(request, DEVICE_COOKIE), "")
    keys = keys_of(address, name, tried if state.sessions.is_device(tried) else "")
    wait = state.limit.wait_seconds(keys, now=time.monotonic())
    if wait > 0:
        text = f"Too many wrong passwords. Try again in {math.ceil(wait)} s."
        page = render(request, "login.html", status=429, problem=text, name="")
        page.headers["Retry-After"] = str(math.ceil(wait))
        return page
    role = role_of(form.get("password", ""), state.passwords)
    if role is None or not name:
        if role is None:
            state.limit.failed(keys, now=time.monotonic())
            log.warning("dashboard_login_refused", address=address)
            await asyncio.sleep(WRONG_SECONDS)
        problem = "The password is wrong." if role is None else "Say who you are."
        return render(request, "login.html", status=403, problem=problem, name=name)
    state.limit.succeeded(keys)
    session = state.sessions.begin(name, role, now=time.time())
    log.info("dashboard_login", who=session.name, role=role.value, address=address)
    answer = web.HTTPSeeOther("/")
    lasts = int(session.expires_at - time.time())
    _set(request, answer, COOKIE, state.sessions.cookie(session), lasts)
    _set(request, answer, DEVICE_COOKIE, state.sessions.device(), DEVICE_SECONDS)
    raise answer


def _set(
    request: web.Request, answer: web.HTTPSeeOther, name: str, value: str, seconds: int
) -> None:
    answer.set_cookie(
        cookie_name(request, name),
        value,
        max_age=seconds,
        httponly=True,
        samesite="Strict",
        secure=is_https(request),
        path="/",
    )


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
