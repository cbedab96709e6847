"""Login and logout. The password says what one may do, the name is what the audit topic gets."""

from __future__ import annotations

import asyncio
import math
import time

import structlog
from aiohttp import web

from dashboard.site.forms import text_of
from dashboard.site.render import render
from dashboard.site.sessions import role_of
from dashboard.site.state import COOKIE, SESSION, STATE
from stream.http.route_limits import read_form

log = structlog.get_logger()

WRONG_SECONDS = 0.5  # a wrong password costs this long


async def login_page(request: web.Request) -> web.StreamResponse:
    if request.get(SESSION) is not None:
        raise web.HTTPSeeOther("/")
    return render(request, "login.html", problem="", name="")


async def login(request: web.Request) -> web.StreamResponse:
    state, address = request.app[STATE], request.remote or ""
    wait = state.limit.wait_seconds(address, now=time.monotonic())
    if wait > 0:
        text = f"Too many wrong passwords. Try again in {math.ceil(wait)} s."
        page = render(request, "login.html", status=429, problem=text, name="")
        page.headers["Retry-After"] = str(math.ceil(wait))
        return page
    form = await read_form(request)
    name = text_of(form, "name")
    role = role_of(form.get("password", ""), state.passwords)
    if role is None or not name:
        if role is None:
            state.limit.failed(address, now=time.monotonic())
            log.warning("dashboard_login_refused", address=address)
            await asyncio.sleep(WRONG_SECONDS)
        problem = "The password is wrong." if role is None else "Say who you are."
        return render(request, "login.html", status=403, problem=problem, name=name)
    session = state.sessions.begin(name, role, now=time.time())
    log.info("dashboard_login", who=session.name, role=role.value, address=address)
    answer = web.HTTPSeeOther("/")
    answer.set_cookie(
        COOKIE,
        state.sessions.cookie(session),
        max_age=int(session.expires_at - time.time()),
        httponly=True,
        samesite="Strict",
        secure=request.secure or state.public_origin.startswith("https://"),
        path="/",
    )
    raise answer


async def logout(request: web.Request) -> web.StreamResponse:
    request.app[STATE].sessions.end(request[SESSION], now=time.time())
    answer = web.HTTPSeeOther("/login")
    answer.del_cookie(COOKIE, path="/")
    raise answer


ROUTES = (
    web.get("/login", login_page),
    web.post("/login", login),
    web.post("/logout", logout),
)
