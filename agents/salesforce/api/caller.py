"""One call with a valid token: in a thread, against a deadline, counted.

A refused session is answered by one new token (single-flight, shared by all callers) and one
repetition of the same work, headers included: nothing was written. A second refusal means that
logging in does not help.
Somebody else's page, and no answer at all, may mean that the org has moved: a login, once per
probe, tells. Where nothing can have been carried out the work is repeated at the new host;
otherwise the error stands, and whoever repeats the work is there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from agents.salesforce.api.composite import dumps
from agents.salesforce.api.org_session import OrgApi, OrgSession
from agents.salesforce.api.send_right import check_of_context
from agents.salesforce.auth.oauth_flows import Token
from agents.salesforce.auth.token_provider import TokenProvider
from agents.salesforce.errors.config_codes import MOVED
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.error_table import BY_CODE
from agents.salesforce.errors.errors import LoginError, SalesforceError, TimedOutError
from agents.salesforce.http.thread_bridge import in_thread
from stream.ops import metrics, tracing

T = TypeVar("T")
Part = TypeVar("Part")

UNAUTHORIZED = 401
REDIRECTS = range(300, 400)
SUCCESS = range(200, 300)
# Any refusal but those of a server that knows the org and has no time, or of a request's size.
NOT_HERE = frozenset(range(400, 500)) - {401, 408, 413, 414, 425, 429, 430, 431, 444, 494, 499}
NO_ANSWER = frozenset({"NO_ANSWER", "CERTIFICATE"})
THREAD_GRACE_SECONDS = 5.0


class Caller:
    """Runs blocking work on an Org for coroutines of one event loop."""

    def __init__(
        self, tokens: TokenProvider, connection: OrgSession, *, timeout_seconds: float
    ) -> None:
        self._tokens = tokens
        self._connection = connection
        self._timeout_seconds = timeout_seconds

    async def call(
        self, operation: str, work: Callable[[OrgApi], T], *, timeout_seconds: float | None = None
    ) -> T:
        """Return what `work` returns. Raises SalesforceError, and what `send_right` raises.

        `operation` names the call in metrics. `timeout_seconds` replaces the deadline for work that
        brings its own.
        """
        deadline = timeout_seconds or self._timeout_seconds
        token = await self._tokens.token()
        try:
            return await self._once(operation, token, work, deadline)
        except SalesforceError as error:
            if is_session_refused(error):
                token = await self._tokens.token(stale=token)
            else:
                token = await self._moved(token, error)
        try:
            return await self._once(operation, token, work, deadline)
        except SalesforceError as error:
            if is_session_refused(error):
                self._tokens.refused(token, error)
            raise

    async def parts(
        self,
        parts: Sequence[Part],
        send: Callable[[Sequence[Part]], Awaitable[list[T]]],
        error_of: Callable[[T], SalesforceError | None],
    ) -> list[T]:
        """Return the answers of a call's parts; those whose session was refused go once more.

        A session may end amid a call, which is answered all the same. Raises as `call`.
        """
        token = await self._tokens.token()
        answers = await send(parts)
        if refused := _refused(answers, error_of):
            token = await self._tokens.token(stale=token)
            again = await send([parts[place] for place in refused])
            for place, answer in zip(refused, again, strict=True):
                answers[place] = answer
            for error in _refused(answers, error_of).values():
                self._tokens.refused(token, error)
        return answers

    async def json(self, method: str, path: str, body: Any = None) -> Any:
        """Return the decoded answer of a call about a Bulk job. Raises as `call`."""
        data = dumps(body) if body is not None else None
        return await self.call("bulk_job", lambda org: org.restful(path, method=method, data=data))

    async def token(self) -> Token:
        """Return the present token. Raises LoginError."""
        return await self._tokens.token()

    async def _moved(self, token: Token, error: SalesforceError) -> Token:
        """Return the token of the org's new host; raises the error when that is not the cause."""
        if not is_doubtful(error):
            raise error
        try:
            fresh = await self._tokens.moved(token)
        except LoginError:
            raise error from None
        if fresh is None or error.is_outcome_unknown:
            raise error
        return fresh

    async def _once(
        self, operation: str, token: Token, work: Callable[[OrgApi], T], timeout_seconds: float
    ) -> T:
        check_alive = check_of_context()

        def send() -> T:
            check_alive()
            return self._connection.call(token, work)

        started = time.monotonic()
        try:
            with tracing.span(f"salesforce {operation}", kind="CLIENT"):
                result = await _within(timeout_seconds + THREAD_GRACE_SECONDS, send, operation)
        except SalesforceError as error:
            _count(operation, error)
            raise
        finally:
            metrics.SALESFORCE_CALL_SECONDS.labels(operation).observe(time.monotonic() - started)
        metrics.SALESFORCE_CALLS.labels(operation, "ok").inc()
        self._tokens.confirm(token)
        return result

    def close(self) -> None:
        """Close idle connections; calls in flight end with the process."""
        self._connection.close()


def _refused(
    answers: Sequence[T], error_of: Callable[[T], SalesforceError | None]
) -> dict[int, SalesforceError]:
    """Return the parts that nobody was let in for, by their place."""
    errors = enumerate(map(error_of, answers))
    return {place: error for place, error in errors if error and is_session_refused(error)}


def is_session_refused(error: SalesforceError) -> bool:
    """Whether nobody is let in with the session, under whatever status that is told."""
    return error.status == UNAUTHORIZED or error.kind is ErrorKind.AUTH


def is_doubtful(error: SalesforceError) -> bool:
    """Whether the org may live at another host: no answer, a redirect, or nothing of the API's.

    The API answers in JSON with a code; 429, 503 and the like come from servers in front of the
    right host.
    """
    if error.status == 0:
        return error.code in NO_ANSWER
    if error.rule in MOVED:
        return True
    is_page = error.body_kind in {"html", "text", "empty"}
    is_foreign = error.status in NOT_HERE and error.code not in BY_CODE
    is_redirect = error.status in REDIRECTS and error.kind is not ErrorKind.PERMANENT
    return is_redirect or is_foreign or (is_page and error.status in SUCCESS)


def _count(operation: str, error: SalesforceError) -> None:
    metrics.SALESFORCE_CALLS.labels(operation, error.kind.value).inc()
    if error.is_outcome_unknown:
        metrics.SALESFORCE_UNKNOWN_OUTCOMES.labels(operation).inc()


async def _within(seconds: float, send: Callable[[], T], operation: str) -> T:
    try:
        async with asyncio.timeout(seconds):  # wait_for can swallow a cancellation (CPython 3.11)
            return await in_thread(send, name=f"salesforce-{operation}")
    except TimeoutError:
        raise TimedOutError(
            f"no answer from Salesforce within {seconds:g} seconds; the request "
            "may have been carried out",
            kind=ErrorKind.TRANSIENT,
            code="NO_ANSWER",
            fix="It is repeated by itself. If it lasts, raise SALESFORCE_TIMEOUT_SECONDS.",
            is_outcome_unknown=True,
        ) from None
