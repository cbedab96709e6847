"""simple-salesforce, one object per token, with what it lacks set from outside.

The library brings URLs, headers and methods. It gets a session with deadline and error hook (see
`agents.salesforce.http.http_session`) and an existing token, so that neither its login nor its
refresh path
is ever used: the first ignores timeouts, the second repeats without end and drops headers.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import requests
from simple_salesforce.api import Salesforce

from agents.salesforce.auth.oauth_flows import Token
from agents.salesforce.http.answers import bad_answer, decode, is_refusal, refusal
from agents.salesforce.http.http_session import no_answer

T = TypeVar("T")

GZIP_LEVEL = 1  # JSON of records shrinks tenfold at the cheapest level already


class OrgApi(Salesforce):
    """One org with one token. Methods block and raise SalesforceError or RequestException."""

    def __init__(self, token: Token, session: requests.Session, version: str) -> None:
        super().__init__(
            session_id=token.access_token,
            instance_url=token.instance_url,
            session=session,
            version=version.removeprefix("v"),
        )
        # The library writes https:// whatever the token says; a simulator speaks http.
        root = f"{token.instance_url}/services/data/{version}/"
        self.base_url = root
        self.bulk2_url = f"{root}jobs/"
        self.headers.pop("X-PrettyPrint")  # indentation costs bytes and parsing

    def parse_result_to_json(self, result: requests.Response) -> Any:
        """Return the JSON of a 2xx answer; anything else there is a BadAnswerError.

        A proxy may give Salesforce's no the status of a yes.
        """
        value, body_kind = decode(result.content)
        if body_kind != "json":
            raise bad_answer(f"a {body_kind} body", status=result.status_code, body_kind=body_kind)
        if is_refusal(value):
            raise refusal(result.status_code, value)
        return value

    def send(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str],
        timeout_seconds: float,
    ) -> requests.Response:
        """Return the raw answer of a call below the version: CSV in and out."""
        response: requests.Response = self.session.request(
            method,
            self.base_url + path,
            data=data,
            headers={**self.headers, **headers},
            timeout=timeout_seconds,
        )
        return response


@dataclass
class OrgSession:
    """Makes calls with whatever token it is given; the pooled session outlives the tokens."""

    session: requests.Session
    version: str
    _token: Token | None = None
    _org: OrgApi | None = None

    def call(self, token: Token, work: Callable[[OrgApi], T]) -> T:
        """Return what `work` returns. Raises SalesforceError; blocks."""
        try:
            return work(self._org_of(token))
        except requests.RequestException as error:
            raise no_answer(error) from None

    def _org_of(self, token: Token) -> OrgApi:
        org = self._org
        if org is None or self._token is not token:
            org = OrgApi(token, self.session, self.version)
            self._token, self._org = token, org
        return org

    def close(self) -> None:
        self.session.close()


def packed(body: bytes, *, is_compressed: bool) -> tuple[bytes, dict[str, str]]:
    """Return (body, headers) to send, gzipped if wished."""
    if not is_compressed:
        return body, {}
    return gzip.compress(body, compresslevel=GZIP_LEVEL, mtime=0), {"Content-Encoding": "gzip"}
