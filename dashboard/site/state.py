"""What the pages share: one object per application, and the keys it is found by."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web
from multidict import MultiDictProxy

from dashboard.data.dry_runs import DryRuns
from dashboard.data.job_runner import JobRunner
from dashboard.data.payloads import Payloads
from dashboard.data.snapshots import Snapshots
from dashboard.site.sessions import LoginLimit, Session, Sessions, UserRole
from stream.config import Settings

COOKIE = "orderstream_session"


@dataclass(slots=True)
class SiteState:
    """The application's parts. `public_origin` is empty when browsers reach it directly."""

    settings: Settings
    sessions: Sessions
    passwords: dict[UserRole, str] = field(repr=False)
    watch: Snapshots
    desk: JobRunner
    drafts: DryRuns
    payloads: Payloads
    public_origin: str = ""
    limit: LoginLimit = field(default_factory=LoginLimit)
    streams: int = 0


STATE = web.AppKey("state", SiteState)
SESSION = web.RequestKey("session", Session)  # set when somebody is logged in
FORM = web.RequestKey("form", MultiDictProxy[str])  # what was posted, once its token was right


def form_of(request: web.Request) -> MultiDictProxy[str]:
    """Return what was posted; the guard has read it."""
    return request[FORM]
