"""Sign-in by the company's provider (OpenID Connect): there and back.

The answer is taken once the state is this browser's and the ID token is right. The session's cookie
is `SameSite=Strict`, and a browser that comes from the provider does not send such a cookie; so the
answer is a page of ours that leads on.
"""

from __future__ import annotations

import time

import structlog
from aiohttp import web

from dashboard.pages.entrance import enter
from dashboard.site.groups import ProvedUser, role_of_groups
from dashboard.site.id_token import SignInError, user_of
from dashboard.site.sessions import Way
from dashboard.site.sign_in_attempt import ATTEMPT_SECONDS
from dashboard.site.state import ATTEMPT_COOKIE, STATE, cookie_name, is_https

log = structlog.get_logger()

CALLBACK = "/login/callback"
MAX_CODE_CHARACTERS = 4_000


async def start(request: web.Request) -> web.StreamResponse:
    """Send the browser to the provider."""
    state = request.app[STATE]
    if state.provider is None:
        raise web.HTTPNotFound(text="No sign-in provider is set.")
    attempt = state.attempts.begin(now=time.time())
    answer = web.HTTPSeeOther(await state.provider.sign_in_url(_back(request), attempt))
    answer.set_cookie(
        cookie_name(request, ATTEMPT_COOKIE),
        state.attempts.cookie(attempt),
        max_age=int(ATTEMPT_SECONDS),
        httponly=True,
        samesite="Lax",  # the provider's page leads back here
        secure=is_https(request),
        path="/",
    )
    raise answer


async def callback(request: web.Request) -> web.StreamResponse:
    """Take the provider's answer."""
    state = request.app[STATE]
    if state.provider is None:
        raise web.HTTPNotFound(text="No sign-in provider is set.")
    cookie = request.cookies.get(cookie_name(request, ATTEMPT_COOKIE), "")
    attempt = state.attempts.read(cookie, request.query.get("state", ""), now=time.time())
    if attempt is None:
        raise web.HTTPForbidden(text="This is not the answer to a sign-in that began here.")
    state.attempts.answered(attempt, now=time.time())
    code = request.query.get("code", "")
    if not code or len(code) > MAX_CODE_CHARACTERS:
        raise web.HTTPForbidden(text="The sign-in provider let nobody in.")
    try:
        claims = await state.provider.claims(code, _back(request), attempt)
        user = user_of(
            claims,
            name_claim=state.settings.dashboard_oidc_name_claim,
            groups_claim=state.settings.dashboard_oidc_groups_claim,
        )
    except SignInError as error:
        log.warning("dashboard_sign_in_refused", address=request.remote or "", reason=str(error))
        raise web.HTTPForbidden(text=str(error)) from None
    return admit(request, user, Way.SIGN_IN)


def admit(request: web.Request, user: ProvedUser, way: Way) -> web.StreamResponse:
    """Begin the session of somebody whose name another system has proved."""
    settings = request.app[STATE].settings
    role = role_of_groups(
        user.groups, operators=settings.operator_groups, readers=settings.reader_groups
    )
    if role is None:
        log.warning("dashboard_sign_in_refused", who=user.name, reason="no group")
        raise web.HTTPForbidden(text="You are known, but none of your groups may look in here.")
    return enter(request, user.name, role, way)


def _back(request: web.Request) -> str:
    return f"{request.app[STATE].public_origin}{CALLBACK}"


ROUTES = (
    web.get("/login/start", start),
    web.get(CALLBACK, callback),
)
