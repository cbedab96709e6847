"""What every request passes: the headers of every answer, the login, the role, the form's origin.

Everything needs a login unless a route is listed as open; everything that is posted needs, besides
the SameSite=Strict cookie, an Origin of our own and the token of that very form. Whatever goes
wrong ends as a page with one sentence, never with a traceback.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog
from aiohttp import web
from yarl import URL

from dashboard.site.access import Access, access_of
from dashboard.site.groups import role_of_groups
from dashboard.site.render import render
from dashboard.site.sessions import Session, Way
from dashboard.site.state import COOKIE, FORM, SESSION, STATE, cookie_name, is_https
from dashboard.site.trusted_proxy import user_of_proxy
from stream.errors import StreamError
from stream.http.route_limits import Form, Handler, is_bad_input, read_form

log = structlog.get_logger()


STATIC = "/static/"
BY_ITSELF = ("/part/", "/tail/stream", STATIC)  # a page asks for these, not a person
TOKEN_FIELD = "token"  # noqa: S105 - the name of a form field

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers would then post forms with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the security headers (an on_response_prepare signal: streams have them, too)."""
    response.headers.update(HEADERS)
    if is_https(request):
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if not request.path.startswith(STATIC):
        response.headers.setdefault("Cache-Control", "no-store")


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what goes wrong into a page: the product's own errors as they are, others without."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - redirects
            raise
        return problem(request, error.status, error.text or error.reason)
    except StreamError as error:
        return problem(request, 503, str(error))
    except Exception as error:
        log.exception("dashboard_error", path=request.path)
        if is_bad_input(error):
            return problem(request, 400, "That cannot be read as it was sent.")
        return problem(request, 500, "That did not work; the dashboard's log says why.")


def problem(request: web.Request, status: int, text: str) -> web.Response:
    """Return a page that says what is wrong."""
    return render(request, "problem.html", status=status, code=status, text=text)


@web.middleware
async def access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who may: a session for pages, an operator, origin and token for every change."""
    state = request.app[STATE]
    cookie = request.cookies.get(cookie_name(request, COOKIE), "")
    is_use = not request.path.startswith(BY_ITSELF)
    session = state.sessions.read(cookie, now=time.time(), is_use=is_use)
    if session is not None and not _is_still_proved(request, session):
        session = None
    if session is not None:
        request[SESSION] = session
    if request.method not in ("GET", "HEAD"):
        check_origin(request.headers, request.scheme, request.host, state.public_origin)
    resource = request.match_info.route.resource
    needed = access_of(request.method, resource.canonical if resource else "")
    if needed is Access.OPEN:
        return await handler(request)
    if needed is Access.NOBODY:
        raise web.HTTPForbidden(text="This page has no policy.")
    if session is None and is_from_elsewhere(request):
        return render(request, "welcome.html", to=request.path_qs)
    if session is None:
        raise web.HTTPSeeOther("/login")
    if request.method not in ("GET", "HEAD"):
        await check_form(request, session)
    if needed is Access.OPERATOR and not session.is_operator:
        raise web.HTTPForbidden(text="Only operators may do that; you are logged in to look.")
    return await handler(request)


def _is_still_proved(request: web.Request, session: Session) -> bool:
    """Whether a proxy that let somebody in still says so: with every request, and the same name."""
    if session.way is not Way.PROXY:
        return True
    settings = request.app[STATE].settings
    user = user_of_proxy(request.headers, request.remote, settings)
    return (
        user is not None
        and user.name == session.name
        and session.role
        is role_of_groups(
            user.groups, operators=settings.operator_groups, readers=settings.reader_groups
        )
    )


def is_from_elsewhere(request: web.Request) -> bool:
    """Whether a person followed a link of another site: the browser keeps a Strict cookie back.

    A page of ours that leads to the same address makes it the next request's own site.
    """
    return (
        request.method == "GET"
        and request.path_qs[1:2] not in {"/", "\\"}  # would lead to another host
        and request.headers.get("Sec-Fetch-Site") == "cross-site"
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and request.headers.get("Sec-Fetch-Dest") == "document"
    )


def check_origin(headers: Mapping[str, str], scheme: str, host: str, public: str) -> None:
    """Raise 403 unless a form comes from a page of ours. Browsers send Origin with every POST."""
    origin = headers.get("Origin", "")
    if origin == (public or f"{scheme}://{host}"):
        return
    raise web.HTTPForbidden(
        text="The form did not come from this page. Behind a proxy, set DASHBOARD_PUBLIC_URL."
    )


async def check_form(request: web.Request, session: Session) -> Form:
    """Raise 403 unless the posted form carries its own token."""
    form = request[FORM] = await read_form(request)
    sessions = request.app[STATE].sessions
    if not sessions.is_form_token(form.get(TOKEN_FIELD, ""), session, request.path):
        raise web.HTTPForbidden(text="The form is not of this session. Go back and load it again.")
    return form


def origin_of(url: str) -> str:
    """Return the origin of a URL as browsers write it; empty for none.

    In small letters, in punycode, without the port that is the scheme's own, without a user.
    """
    return str(URL(url).origin()) if url else ""
