"""One order's life, by order number, entity id, event id or e-mail address.

The form is posted and leads to an address without personal data in it (`searches`).
"""

from __future__ import annotations

import shlex
import time
from typing import Any

from aiohttp import web

from dashboard.site.forms import Fields, text_of, time_of
from dashboard.site.render import render
from dashboard.site.state import STATE, form_of
from stream.audit.trace import run_trace
from stream.audit.trace_json import trace_json

MAX_TARGET_CHARACTERS = 320  # the longest e-mail address
SHORT_ID = 8


async def find(request: web.Request) -> web.StreamResponse:
    """Lead to the address of what was asked for."""
    form = form_of(request)
    try:
        fields = {"target": target_of(form), "since": text_of(form, "since")}
        time_of(form, "since", "Look back to")
    except ValueError as error:
        return _page(request, {}, str(error))
    raise web.HTTPSeeOther(f"/trace{request.app[STATE].searches.address(fields)}")


async def trace_page(request: web.Request) -> web.StreamResponse:
    """Show the search, and the life of what was asked for; personal data masked."""
    state = request.app[STATE]
    fields: Fields = {}
    try:
        fields = state.searches.fields(request.query, now=time.time())
        target, since_ms = target_of(fields), time_of(fields, "since", "Look back to")
        life = None
        if target:
            found = await run_trace(state.settings, target, since_ms=since_ms)
            life = trace_json(found, state.settings)
    except ValueError as error:
        return _page(request, fields, str(error))
    return _page(request, fields, "", life)


def _page(
    request: web.Request, fields: Fields, problem: str, life: dict[str, Any] | None = None
) -> web.Response:
    target = text_of(fields, "target")
    return render(
        request,
        "trace.html",
        status=400 if problem else 200,
        target=target,
        since=text_of(fields, "since"),
        life=life,
        problem=problem,
        short=SHORT_ID,
        command=f"orderstream trace {shlex.quote(target)}" if target else "",
    )


def target_of(fields: Fields) -> str:
    """Return what is looked for; raises ValueError when it cannot be the name of anything."""
    target = text_of(fields, "target")
    if len(target) > MAX_TARGET_CHARACTERS:
        raise ValueError("This is too long to be an order number or an address.")
    return target


ROUTES = (
    web.get("/trace", trace_page),
    web.post("/trace", find),
)
