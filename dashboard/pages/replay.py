"""The replay launcher: choose events of the past, look at what would change, then run."""

from __future__ import annotations

from aiohttp import web

from dashboard.site.forms import Fields, limit_of, rate_of, text_of, time_of
from dashboard.site.render import render
from dashboard.site.state import STATE, form_of
from stream.config import Settings
from stream.jobs.replay import ReplayFilter, ReplayRange
from stream.jobs.spec import DEFAULT_RATE


async def replay_page(request: web.Request) -> web.StreamResponse:
    return _form(request, {"from": "24h", "rate": f"{DEFAULT_RATE:g}", "choice": "latest"}, "")


async def plan_replay(request: web.Request) -> web.StreamResponse:
    """Start the dry run; its page shows what comes out."""
    state, form = request.app[STATE], form_of(request)
    try:
        chosen, rate = replay_range_of(state.settings, form), rate_of(form)
    except ValueError as error:
        return _form(request, form, str(error), status=400)
    draft = state.drafts.replay(chosen, rate=rate)
    raise web.HTTPSeeOther(f"/drafts/{draft.draft_id}")


def replay_range_of(settings: Settings, form: Fields) -> ReplayRange:
    """Return the events a form chooses; raises ValueError naming the field."""
    order = text_of(form, "order")
    since_ms = time_of(form, "from", "From")
    if since_ms is None and not order:
        raise ValueError("From: say how far back, or give an order.")
    topic = text_of(form, "topic") or settings.topics.orders
    if topic not in settings.topics.facts:
        raise ValueError("Topic: choose one of the list.")
    wanted = ReplayFilter(
        order=settings.identity.key_of_target(order),
        store=text_of(form, "store"),
        status=text_of(form, "status"),
        is_latest_only=text_of(form, "choice") != "all",
        is_forced=bool(text_of(form, "force")),
        limit=limit_of(form),
    )
    return ReplayRange(topic, since_ms, time_of(form, "to", "To"), wanted)


def _form(request: web.Request, form: Fields, problem: str, *, status: int = 200) -> web.Response:
    names = ("topic", "from", "to", "order", "store", "status", "rate", "limit", "choice", "force")
    return render(
        request,
        "replay.html",
        status=status,
        topics=request.app[STATE].settings.topics.facts,
        form={name: text_of(form, name) for name in names},
        problem=problem,
    )


ROUTES = (
    web.get("/replay", replay_page),
    web.post("/replay", plan_replay),
)
