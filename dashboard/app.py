"""The application: one table of pages, what every request passes, and what runs beside them.

build_app      settings → application; nothing is connected yet
watch          keeps the figures (`watch.py`), from the brokers and the workers' metrics
pages_*.py     one file per part of the site; each ends with its routes
"""

from __future__ import annotations

from aiohttp import web

from agents.mapping.mapping import MAX_FILE_BYTES
from dashboard.data.dry_runs import DryRuns
from dashboard.data.health import Health
from dashboard.data.job_runner import JobRunner
from dashboard.data.payloads import Payloads
from dashboard.data.snapshots import Snapshots
from dashboard.pages import dead_letter as pages_letter
from dashboard.pages import dead_letters as pages_letters
from dashboard.pages import jobs as pages_jobs
from dashboard.pages import login as pages_login
from dashboard.pages import mapping as pages_mapping
from dashboard.pages import overview as pages_overview
from dashboard.pages import replay as pages_replay
from dashboard.pages import sign_in as pages_sign_in
from dashboard.pages import status as pages_status
from dashboard.pages import tail as pages_tail
from dashboard.pages import trace as pages_trace
from dashboard.site import guard
from dashboard.site.identity_provider import IdentityProvider
from dashboard.site.render import compile_templates
from dashboard.site.sessions import Sessions, UserRole
from dashboard.site.state import STATE, SiteState
from stream.config import Settings
from stream.http.route_limits import STREAM, RouteLimit, RouteTable, admission
from stream.kafka.publisher import KafkaPublisher
from stream.topics import MAX_MESSAGE_BYTES

PAGES = (
    pages_overview,
    pages_letters,
    pages_letter,
    pages_jobs,
    pages_replay,
    pages_trace,
    pages_tail,
    pages_mapping,
    pages_login,
    pages_sign_in,
    pages_status,
)
HOUR_SECONDS = 3600
LIMITS: RouteTable = {
    "POST /login": RouteLimit(4 * 1024),
    # An edited payload comes back as a form: up to three characters per byte.
    "POST /letters/{id}/edit": RouteLimit(3 * MAX_MESSAGE_BYTES),
    "POST /mapping/try": RouteLimit(3 * MAX_FILE_BYTES),
    "GET /tail/stream": STREAM,
}


def build_app(settings: Settings) -> web.Application:
    """Return the dashboard of checked settings (Role.DASHBOARD); it connects when it starts."""
    app = web.Application(middlewares=[guard.errors, admission(LIMITS), guard.access])
    app[STATE] = SiteState(
        settings=settings,
        sessions=Sessions(seconds=settings.dashboard_session_hours * HOUR_SECONDS),
        passwords={
            UserRole.OPERATOR: settings.dashboard_operator_password.get_secret_value(),
            UserRole.READER: settings.dashboard_reader_password.get_secret_value(),
        },
        watch=Snapshots(settings),
        desk=JobRunner(settings, KafkaPublisher(settings)),
        drafts=DryRuns(settings),
        payloads=Payloads(settings),
        health=Health(settings),
        public_origin=guard.origin_of(settings.dashboard_public_url),
        provider=IdentityProvider(settings) if settings.dashboard_oidc_issuer else None,
    )
    app[STATE].watch.on_erasure = app[STATE].drafts.forget
    for pages in PAGES:
        app.router.add_routes(pages.ROUTES)
    app.on_response_prepare.append(guard.add_headers)
    app.on_startup.append(_start)
    app.on_shutdown.append(_end_streams)
    app.on_cleanup.append(_stop)
    return app


async def _start(app: web.Application) -> None:
    compile_templates()  # now, so that nobody's first page waits for it
    await app[STATE].desk.publisher.start()
    await app[STATE].watch.start()


async def _end_streams(app: web.Application) -> None:
    app[STATE].watch.tail.close()


async def _stop(app: web.Application) -> None:
    state = app[STATE]
    await state.desk.stop()
    await state.drafts.stop()
    await state.health.stop()
    await state.watch.stop()
    await state.payloads.close()
    if state.provider is not None:
        await state.provider.close()
    await state.desk.publisher.stop()
