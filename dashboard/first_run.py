"""What `orderstream dashboard` serves where nothing is configured: the steps, and how far they are.

It has no login, because there is no password yet, so it does nothing and listens on this machine
only: `orderstream setup` performs the steps, this page shows what doctor says of each.
"""

from __future__ import annotations

import time
from pathlib import Path

from aiohttp import web

from agents.doctor.check import Check
from agents.doctor.examine import examine, settings_in_force
from agents.doctor.setup_steps import SETUP_STEPS, verdict_of
from dashboard.pages.status import serve_static
from dashboard.site.guard import HEADERS
from dashboard.site.render import environment
from stream.config import Role, Settings
from stream.http.route_limits import admission

ROLES = (Role.INGRESS, Role.WORKER, Role.RELAY, Role.DASHBOARD, Role.JOBS)
# Also as what a browser calls us: another name that leads here is somebody else's page.
THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
ENV_FILE = web.AppKey("env_file", Path)


def is_first_run(settings: Settings) -> bool:
    """Return whether nothing is configured, and only this machine would see the page."""
    password = settings.dashboard_operator_password.get_secret_value()
    is_empty = not settings.kafka_bootstrap_servers and not password
    return is_empty and settings.dashboard_host in THIS_MACHINE


def build_first_run(env_file: Path) -> web.Application:
    """Return the application of one page."""
    app = web.Application(middlewares=[admission({})])
    app[ENV_FILE] = env_file
    app.router.add_get("/", first_run_page)
    app.router.add_get("/part/setup", first_run_part)
    app.router.add_get("/static/{digest}/{name}", serve_static)
    app.on_response_prepare.append(_add_headers)
    return app


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


async def first_run_page(request: web.Request) -> web.Response:
    return await _render(request, "first_run.html")


async def first_run_part(request: web.Request) -> web.Response:
    return await _render(request, "first_run_live.html")


async def _render(request: web.Request, template: str) -> web.Response:
    if request.url.host not in THIS_MACHINE:
        raise web.HTTPForbidden(text="This page is for this machine only.")
    checks, problems = await _local_checks(request.app[ENV_FILE])
    steps = [
        {
            "step": step,
            "verdict": verdict_of(step, checks),
            "missing": [
                line
                for line in problems
                if line.partition(":")[0]
                in {*step.makes, *(question.name for question in step.questions)}
            ],
        }
        for step in SETUP_STEPS
    ]
    text = (
        environment()
        .get_template(template)
        .render(
            session=None,
            warnings=[],
            path="/",
            steps=steps,
            env_file=str(request.app[ENV_FILE].resolve()),
            is_complete=not problems,
            at_ms=int(time.time() * 1000),
        )
    )
    return web.Response(text=text, content_type="text/html")


async def _local_checks(env_file: Path) -> tuple[list[Check], list[str]]:
    """Ask the machine only: nobody is logged in, so nobody is asked on this page's behalf."""
    settings, problems = settings_in_force(ROLES, env_file=env_file)
    found: list[Check] = []
    async for area in examine(settings, problems, roles=ROLES, env_file=env_file, is_live=False):
        found += area
    return found, problems
