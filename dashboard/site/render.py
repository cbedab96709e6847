"""Templates to answers: escaped by default, numbers and times written one way everywhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from inspect import isawaitable
from itertools import zip_longest
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from dashboard.data.figures import UNKNOWN, show_count, show_counted, show_rate, show_span
from dashboard.site.state import SESSION, STATE
from stream.lag.evaluator import GroupLag, LagState, PartitionLag
from stream.ops.masking import mask_text
from stream.times import show_time


@cache
def environment() -> Environment:
    """Return the template environment; unknown names are errors, all values are escaped."""
    made = Environment(
        loader=PackageLoader("dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "count": show_count,
        "counted": show_counted,
        "rate": show_rate,
        "seconds": show_span,
        "when": show_time,
        "ago": show_age,
        "masked": mask_text,
        "marked": mark_code,
        "percent": show_percent,
        "to_zero": show_to_zero,
    }
    made.globals["static"] = static_path
    return made


def compile_templates() -> None:
    """Compile every template; one with a mistake stops the start, not a page at night."""
    for name in environment().list_templates():
        environment().get_template(name)


def render(
    request: web.Request, template: str, *, status: int = 200, **values: Any
) -> web.Response:
    """Return a page; templates know the session, the form tokens and where they are."""
    session = request.get(SESSION)
    sessions = request.app[STATE].sessions

    def token(action: str) -> str:
        return sessions.form_token(session, action) if session else ""

    text = (
        environment()
        .get_template(template)
        .render(
            session=session,
            token=token,
            path=request.path,
            warnings=request.app[STATE].watch.warnings if session else [],
            **values,
        )
    )
    return web.Response(text=text, status=status, content_type="text/html")


def live(path: str, name: str, values: Callable[[web.Request], Any]) -> tuple[web.RouteDef, ...]:
    """Return the routes of a page, and of its part that the browser asks for again and again.

    `name` is the template's; `values` returns what both show, or an awaitable of it.
    """

    async def answer(request: web.Request) -> web.StreamResponse:
        shown = values(request)
        suffix = "_live" if request.path.startswith("/part/") else ""
        page = f"{name}{suffix}.html"
        return render(request, page, **(await shown if isawaitable(shown) else shown))

    part = "/overview" if path == "/" else path
    return web.get(path, answer), web.get(f"/part{part}", answer)


def mark_code(text: str) -> Markup:
    """Return text with what stands between backticks as code; everything is escaped."""
    parts = text.split("`")
    marked = (Markup("<code>{}</code>").format(part) for part in parts[1::2])
    plain = map(escape, parts[::2])
    pairs = zip_longest(plain, marked, fillvalue=Markup())
    return Markup().join(piece for pair in pairs for piece in pair)


def show_percent(part: float) -> str:
    """Return a share; small ones with a decimal."""
    return f"{part:.0%}" if part == 0 or part >= 0.1 else f"{part:.1%}"  # noqa: PLR2004 - digits


def show_to_zero(lag: PartitionLag | GroupLag) -> str:
    """Return the time to zero; a lag that neither grows nor shrinks while all is well is steady."""
    is_steady = math.isinf(lag.seconds_to_zero) and lag.state is LagState.OK
    return "steady" if is_steady else show_span(lag.seconds_to_zero)


def show_age(at_ms: int | None) -> str:
    """Return how long ago a time was."""
    return UNKNOWN if at_ms is None else show_span(max(0.0, time.time() - at_ms / 1000))


@cache
def static_path(name: str) -> str:
    """Return the address of a static file; it changes with the content, so it is kept for long."""
    content = (files("dashboard") / "static" / name).read_bytes()
    return f"/static/{blake2b(content, digest_size=6).hexdigest()}/{name}"
