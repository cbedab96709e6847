"""What the pages share: one object per application, and the keys it is found by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web
from multidict import MultiDictProxy

from dashboard.data.dry_runs import DryRuns
from dashboard.data.health import Health
from dashboard.data.job_runner import JobRunner
from dashboard.data.payloads import Payloads
from dashboard.data.snapshots import Snapshots
from dashboard.site.identity_provider import IdentityProvider
from dashboard.site.login_limit import LoginLimit
from dashboard.site.searches import Searches
from dashboard.site.sessions import Session, Sessions, UserRole
from dashboard.site.sign_in_attempt import SignInAttempts
from stream.config import Settings

COOKIE, DEVICE_COOKIE = "orderstream_session", "orderstream_device"
ATTEMPT_COOKIE = "orderstream_sign_in"
# Browsers take a cookie of this name only over https, for this host and no other, and all paths.
HOST_PREFIX = "__Host-"


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
    health: Health
    public_origin: str = ""
    provider: IdentityProvider | None = None  # of a sign-in, where one is set
    attempts: SignInAttempts = field(default_factory=SignInAttempts)
    searches: Searches = field(default_factory=Searches)
    limit: LoginLimit = field(default_factory=LoginLimit)
    streams: Counter[str] = field(default_factory=Counter)  # open ones by session

    @property
    def is_public_https(self) -> bool:
        return self.public_origin.startswith("https://")


STATE = web.AppKey("state", SiteState)
SESSION = web.RequestKey("session", Session)  # set when somebody is logged in
FORM = web.RequestKey("form", MultiDictProxy[str])  # what was posted, once its token was right


def form_of(request: web.Request) -> MultiDictProxy[str]:
    """Return what was posted; the guard has read it."""
    return request[FORM]


def is_https(request: web.Request) -> bool:
    """Whether the browser came by https, here or to the proxy before us."""
    return request.secure or request.app[STATE].is_public_https


def cookie_name(request: web.Request, name: str) -> str:
    """Return a cookie's name, bound to the host where browsers can do that."""
    return f"{HOST_PREFIX}{name}" if is_https(request) else name
