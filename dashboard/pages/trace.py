"""One order's life, by order number, entity id, event id or e-mail address."""

from __future__ import annotations

import shlex

from aiohttp import web

from dashboard.site.forms import Fields, text_of, time_of
from dashboard.site.render import render
from dashboard.site.state import STATE
from stream.audit.trace import run_trace
from stream.audit.trace_json import trace_json

MAX_TARGET_CHARACTERS = 320  # the longest e-mail address
SHORT_ID = 8


async def trace_page(request: web.Request) -> web.StreamResponse:
    """Show the search, and the life of what was asked for; personal data masked."""
    state = request.app[STATE]
    target, problem, life = "", "", None
    try:
        target = target_of(request.query)
        since_ms = time_of(request.query, "since", "Look back to")
        if target:
            found = await run_trace(state.settings, target, since_ms=since_ms)
            life = trace_json(found, state.settings)
    except ValueError as error:
        problem = str(error)
    return render(
        request,
        "trace.html",
        status=400 if problem else 200,
        target=target,
        since=text_of(request.query, "since"),
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


ROUTES = (web.get("/trace", trace_page),)
