"""The session of whoever was let in, as cookies."""

from __future__ import annotations

import time

import structlog
from aiohttp import web

from dashboard.site.render import render
from dashboard.site.sessions import UserRole, Way
from dashboard.site.state import COOKIE, DEVICE_COOKIE, STATE, cookie_name, is_https

log = structlog.get_logger()

DEVICE_SECONDS = 30 * 24 * 3600


def enter(request: web.Request, name: str, role: UserRole, way: Way) -> web.StreamResponse:
    """Begin a session; returns the page that leads on."""
    state = request.app[STATE]
    session = state.sessions.begin(name, role, now=time.time(), way=way)
    log.info(
        "dashboard_login",
        who=session.name,
        role=role.value,
        way=way.value,
        address=request.remote or "",
    )
    if way is Way.PASSWORD:
        answer: web.Response = web.Response(status=303, headers={"Location": "/"})
        _set(request, answer, DEVICE_COOKIE, state.sessions.device(), DEVICE_SECONDS)
    else:
        answer = render(request, "welcome.html", to="/")
    lasts = int(session.expires_at - time.time())
    _set(request, answer, COOKIE, state.sessions.cookie(session), lasts)
    return answer


def _set(request: web.Request, answer: web.Response, name: str, value: str, seconds: int) -> None:
    answer.set_cookie(
        cookie_name(request, name),
        value,
        max_age=seconds,
        httponly=True,
        samesite="Strict",
        secure=is_https(request),
        path="/",
    )
