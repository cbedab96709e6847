"""The HTTP session below every call: a deadline, no redirects, no surprises from the environment.

One response hook turns every answer that is not 2xx into a SalesforceError before simple-salesforce
sees it: the library knows HTTP statuses only and drops the headers. `requests` times out per socket
operation, so a server that trickles bytes would hold a call for ever; here the body is read against
the call's deadline. And a body is one such operation when it is sent, which had to be over within
the time for connecting; here it is sent in portions, against the same deadline.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NameResolutionError, NewConnectionError

from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import NoAnswerError, TimedOutError
from agents.salesforce.http.answers import refusal_of
from agents.salesforce.http.usage import Usage, read_usage

CONNECT_SECONDS = 10.0
CHUNK_BYTES = 65536
SENT_WHOLE_BYTES = 16384  # what urllib3 takes of a larger body at once
# Unpacked. The largest honest answer is a page of a Bulk result; a batch of 200 rows is a tenth.
MAX_ANSWER_BYTES = 128 * 1024 * 1024
SUCCESS = range(200, 300)

OnUsage = Callable[[Usage], None]


def make_session(
    *, pool_size: int, timeout_seconds: float, on_usage: OnUsage | None = None
) -> requests.Session:
    """Return a session for Salesforce. `on_usage` is called in the thread of the call."""
    session = requests.Session()
    session.trust_env = False  # no proxy, .netrc or CA bundle that nobody set on purpose
    session.max_redirects = 0
    adapter = DeadlineAdapter(timeout_seconds, pool_size)
    session.mount("https://", adapter)
    session.mount("http://", adapter)

    def judge(response: requests.Response, *_args: Any, **_kwargs: Any) -> None:
        usage = read_usage(response.headers.get("Sforce-Limit-Info", ""))
        if usage and on_usage:
            on_usage(usage)
        if response.status_code not in SUCCESS:
            raise refusal_of(response.status_code, response.headers, response.content)

    session.hooks["response"].append(judge)
    return session


def no_answer(error: requests.RequestException) -> NoAnswerError:
    """Return what a failure of the network means: was the request sent, and is it the network."""
    cause = _root(error)
    is_unsent = isinstance(
        error, (requests.ConnectTimeout, requests.exceptions.SSLError)
    ) or isinstance(cause, (NewConnectionError, NameResolutionError))
    is_certificate = "CERTIFICATE_VERIFY_FAILED" in str(error)
    what = "was not sent" if is_unsent else "may have been carried out"
    is_late = isinstance(error, requests.Timeout) and not is_unsent
    return (TimedOutError if is_late else NoAnswerError)(
        f"no answer from Salesforce ({type(cause).__name__}); the request {what}",
        kind=ErrorKind.CONFIG if is_certificate else ErrorKind.TRANSIENT,
        code="CERTIFICATE" if is_certificate else "NO_ANSWER",
        meaning="The server's certificate is not trusted." if is_certificate else "",
        fix="Check for a proxy that opens TLS connections."
        if is_certificate
        else "It is repeated by itself. If it lasts, check network, DNS and firewall.",
        is_outcome_unknown=not is_unsent,
    )


def _root(error: BaseException) -> BaseException:
    while True:
        reason = getattr(error, "reason", None)
        inner = reason if isinstance(reason, BaseException) else None
        inner = inner or next((a for a in error.args if isinstance(a, BaseException)), None)
        if inner is None:
            return error
        error = inner


class AnswerTooLargeError(requests.RequestException):
    """An answer that would not fit into the memory of a worker."""


class DeadlineAdapter(HTTPAdapter):
    """Gives every request a deadline, also those of library methods without a timeout."""

    def __init__(self, timeout_seconds: float, pool_size: int) -> None:
        self._timeout_seconds = timeout_seconds
        super().__init__(pool_connections=4, pool_maxsize=pool_size, max_retries=0)

    def send(  # noqa: PLR0917 (the signature is requests')
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 (the body is always read against the deadline)
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        seconds = timeout if isinstance(timeout, (int, float)) else self._timeout_seconds
        deadline = time.monotonic() + seconds
        if isinstance(request.body, bytes) and len(request.body) > SENT_WHOLE_BYTES:
            request.body = _DeadlinePortions(request.body, deadline)  # type: ignore[assignment]  # what it reads from may be a file
        response = super().send(
            request,
            stream=True,
            timeout=(min(CONNECT_SECONDS, seconds), seconds),
            verify=verify,
            cert=cert,
            proxies=proxies,
        )
        response.raw = _DeadlineBody(response.raw, deadline)
        return response


class _DeadlinePortions(io.BytesIO):
    """A body that urllib3 takes portion by portion, with an end in time."""

    def __init__(self, body: bytes, deadline: float) -> None:
        super().__init__(body)
        self._deadline = deadline

    def read(self, size: int | None = -1) -> bytes:
        if time.monotonic() > self._deadline:
            raise requests.Timeout("the body was not taken within the deadline")
        return super().read(size)


class _DeadlineBody:
    """The part of urllib3's response that `requests` reads from, with an end in time."""

    def __init__(self, raw: Any, deadline: float) -> None:
        self._raw = raw
        self._deadline = deadline

    def stream(self, _chunk: int, *, decode_content: bool = True) -> Iterator[bytes]:
        read = 0
        while True:
            if time.monotonic() > self._deadline:
                self._raw.close()
                raise requests.ReadTimeout("the body did not arrive within the deadline")
            chunk = self._raw.read1(CHUNK_BYTES, decode_content=decode_content)
            if not chunk:
                return
            read += len(chunk)
            if read > MAX_ANSWER_BYTES:
                self._raw.close()
                raise AnswerTooLargeError(f"an answer is larger than {MAX_ANSWER_BYTES:,} bytes")
            yield chunk

    def close(self) -> None:
        self._raw.close()

    def release_conn(self) -> None:
        self._raw.release_conn()
