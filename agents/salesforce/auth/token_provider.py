"""One token for all callers of a process, and never more logins than needed.

    have a token        everybody gets it
    a caller was refused with token T: `token(stale=T)`
        T is still ours     one login, however many callers ask at once
        T is replaced       the new one, without a login
    the login failed    nobody logs in again before a pause that grows and is jittered; callers get
                        the failure at once, with `retry_after_seconds`
    a new token is refused too (`refused`): the same pause, state "auth broken"
    nobody knows the org at the token's host (`moved`): one login per probe interval, because a
        new one names the org's present host

So a login that cannot succeed is asked slowly and recovers by itself. Salesforce locks a user out
for an hour after 3,600 logins in an hour, for all programs that use it; the guard stays under this
process's share of half of that.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog

from agents.salesforce.auth.login_errors import OUTAGES
from agents.salesforce.auth.oauth_flows import OAuthFlow, Token
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError, SalesforceError
from agents.salesforce.http.thread_bridge import in_thread
from stream.backoff import Backoff
from stream.ops import metrics
from stream.ops.alerts import Alert, Alerts

log = structlog.get_logger()

LOGINS_PER_HOUR = 3600  # per user (Salesforce Developer Limits, login rate)
SHARE_OF_LOGINS = 0.5
HOUR_SECONDS = 3600.0
OUTAGE_BACKOFF = Backoff(first_seconds=1.0, cap_seconds=30.0)
LONGEST_PROBE_FACTOR = 5
CODE = re.compile(r"\w{1,60}", re.ASCII)


class TokenProvider:
    """Single-flight tokens for one process; used from its event loop only."""

    def __init__(
        self,
        flow: OAuthFlow,
        *,
        alerts: Alerts,
        probe_seconds: float = 60.0,
        timeout_seconds: float = 60.0,
        worker_count: int = 1,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._flow = flow
        self._alerts = alerts
        self._probe_seconds = probe_seconds
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._jitter = jitter
        self._lock = asyncio.Lock()
        self._token: Token | None = None
        self._failure: LoginError | None = None
        self._failures = 0
        self._closed_until = 0.0
        self._doubt_again_at = 0.0
        self._logins: deque[float] = deque()
        self._most_logins = max(1, int(LOGINS_PER_HOUR * SHARE_OF_LOGINS / worker_count))

    async def token(self, *, stale: Token | None = None) -> Token:
        """Return a token other than `stale`. Raises LoginError when there is none now."""
        async with self._lock:
            if self._token is not None and self._token is not stale:
                return self._token
            self._refuse_within_pause()
            return await self._login()

    async def moved(self, token: Token) -> Token | None:
        """Return a token for the host the org has moved to, None as far as it has not moved.

        A token's host is where the org was at the login: a new My Domain, another instance or a
        refreshed sandbox leaves a redirect, a page of somebody else, or nothing there.
        """
        async with self._lock:
            if self._token is not None and self._token is not token:
                return self._token if self._token.instance_url != token.instance_url else None
            now = self._clock()
            if now < self._doubt_again_at:
                return None
            self._doubt_again_at = now + self._probe_seconds
            self._refuse_within_pause()
            try:
                fresh = await self._login()
            except LoginError:
                self._token = token  # doubted, not refused: it may be right all the same
                raise
        if fresh.instance_url == token.instance_url:
            return None
        metrics.SALESFORCE_LOGINS.labels("moved").inc()
        log.warning("salesforce_moved", before=token.instance_url, now=fresh.instance_url)
        return fresh

    def confirm(self, token: Token) -> None:
        """Say that Salesforce accepted the token: whatever was broken is over."""
        if token is self._token and (self._failures or self._failure):
            self._failures = 0
            self._failure = None
            self._alerts.resolve(Alert.AUTH_BROKEN)

    def refused(self, token: Token, error: SalesforceError) -> None:
        """Say that Salesforce refused a new token too: logging in again would not help now."""
        if token is not self._token:
            return
        self._token = None
        self._note(
            LoginError(
                f"Salesforce refuses a new token: {error.message}",
                kind=ErrorKind.AUTH,
                code=error.code,
                status=error.status,
                meaning=error.meaning,
                fix=error.fix,
            )
        )

    def _refuse_within_pause(self) -> None:
        now = self._clock()
        if self._failure is not None and now < self._closed_until:
            raise _again(self._failure, self._closed_until - now)
        while self._logins and self._logins[0] <= now - HOUR_SECONDS:
            self._logins.popleft()
        if len(self._logins) >= self._most_logins:
            wait = self._logins[0] + HOUR_SECONDS - now
            raise LoginError(
                f"{len(self._logins)} logins within an hour are too many",
                kind=ErrorKind.AUTH,
                code="LOGIN_GUARD",
                meaning="Salesforce would lock the user out for an hour.",
                fix="Something ends the sessions as soon as they begin: look at Setup > Session "
                "Settings and Login History.",
                retry_after_seconds=wait,
            )

    async def _login(self) -> Token:
        self._logins.append(self._clock())
        try:
            async with asyncio.timeout(self._timeout_seconds):
                token = await in_thread(self._flow.fetch, name="salesforce-login")
        except TimeoutError:
            self._note(_timed_out(self._timeout_seconds))
        except LoginError as error:
            self._note(error)
        except SalesforceError as error:
            self._note(_again(error, None))
        else:
            metrics.SALESFORCE_LOGINS.labels("ok").inc()
            log.info("salesforce_login", instance_url=token.instance_url)
            metrics.SALESFORCE_HOST.clear()
            metrics.SALESFORCE_HOST.labels(urlsplit(token.instance_url).netloc).set(1)
            self._token = token
            if self._failure is not None and self._failure.kind is not ErrorKind.AUTH:
                self._failures = 0
            return token
        assert self._failure is not None
        raise _again(self._failure, self._closed_until - self._clock())

    def _note(self, error: LoginError) -> None:
        """Remember a failure and how long nobody tries again."""
        self._failures += 1
        self._failure = error
        self._token = None
        pause = max(self._pause(error.kind), error.retry_after_seconds or 0.0)
        self._closed_until = self._clock() + pause
        metrics.SALESFORCE_LOGINS.labels(_result(error)).inc()
        log.error("salesforce_login_failed", code=error.code, detail=str(error), pause=pause)
        if error.kind is ErrorKind.AUTH:
            self._alerts.fire(Alert.AUTH_BROKEN, str(error))

    def _pause(self, kind: ErrorKind) -> float:
        backoff = OUTAGE_BACKOFF
        if kind is ErrorKind.AUTH:
            backoff = Backoff(self._probe_seconds, self._probe_seconds * LONGEST_PROBE_FACTOR)
        return backoff.seconds(self._failures) * (0.5 + 0.5 * self._jitter())


def _result(error: LoginError) -> str:
    """Return the metric's label: a refusal's code, for somebody must act; an outage is just that.

    A proxy's code may be a sentence with the request's number in it, a series for each login.
    """
    if error.kind in OUTAGES:
        return "outage"
    return error.code if CODE.fullmatch(error.code) else error.kind.value


def _again(error: SalesforceError, retry_after_seconds: float | None) -> LoginError:
    return LoginError(
        error.message,
        kind=error.kind,
        code=error.code,
        status=error.status,
        fields=error.fields,
        meaning=error.meaning,
        fix=error.fix,
        retry_after_seconds=retry_after_seconds,
        body_kind=error.body_kind,
        server_date=error.server_date,
    )


def _timed_out(seconds: float) -> LoginError:
    return LoginError(
        f"no token within {seconds:g} seconds",
        kind=ErrorKind.TRANSIENT,
        code="NO_ANSWER",
        fix="It is repeated by itself. If it lasts, check network, DNS and firewall.",
    )
