"""A token's host can move: redirects, strangers' pages and nobody there lead to one new login."""

from __future__ import annotations

import pytest
from support.salesforce_bench import Bench, accounts, bench, server, the_error, written
from support.scripted_server import Reply, reply

from agents.salesforce.auth.oauth_flows import Token
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError
from sandbox.ports import free_port

__all__ = ["bench", "server"]

NOT_HERE = [
    reply(301, b"", Location="https://new.my.salesforce.com/services/data"),
    reply(404, b"<html>URL No Longer Exists</html>"),
    reply(420, b""),
    reply(403, b"<html>This domain is parked</html>"),
    reply(400, b"Unknown host"),
]
MAYBE = [reply(200, b"<html>Bem-vindo</html>"), reply(200, b"parked")]


def moves(bench: Bench, after: str, before: str = "") -> None:
    """Let the first login name another address than those after it."""

    def fetch() -> Token:
        bench.flow.logins += 1
        is_first = bench.flow.logins == 1
        return Token(f"t{bench.flow.logins}", before or bench.server.url if is_first else after)

    bench.flow.fetch = fetch  # type: ignore[method-assign]  # the flow of this test alone


@pytest.mark.parametrize("answer", NOT_HERE)
async def test_who_is_not_here_any_more_is_asked_where_he_is(bench: Bench, answer: Reply) -> None:
    moves(bench, bench.server.url.replace("127.0.0.1", "localhost"))
    bench.script(answer, reply(200, written(1)))
    (result,) = await bench.client.composite([accounts("a")])
    assert result.results
    assert bench.flow.logins == 2
    assert bench.server.requests[-1].headers["host"].startswith("localhost")


@pytest.mark.parametrize("answer", MAYBE)
async def test_where_the_work_may_have_been_done_the_next_call_goes_to_the_new_host(
    bench: Bench, answer: Reply
) -> None:
    moves(bench, bench.server.url.replace("127.0.0.1", "localhost"))
    bench.script(answer, reply(200, written(1)))
    assert (await the_error(bench)).is_outcome_unknown
    (result,) = await bench.client.composite([accounts("a")])
    assert result.results
    assert bench.flow.logins == 2
    assert bench.server.requests[-1].headers["host"].startswith("localhost")


@pytest.mark.parametrize("status", [400, 403])
async def test_a_refused_session_is_known_by_its_code(bench: Bench, status: int) -> None:
    refused = [{"errorCode": "INVALID_SESSION_ID", "message": "Sessão expirada"}]
    bench.script(reply(status, refused), reply(200, written(1)))
    (result,) = await bench.client.composite([accounts("a")])
    assert result.results
    assert bench.flow.logins == 2


async def test_a_host_that_nobody_answers_at_is_left(bench: Bench) -> None:
    moves(bench, bench.server.url, before=f"http://127.0.0.1:{free_port()}")
    bench.script(reply(200, written(1)))
    (result,) = await bench.client.composite([accounts("a")])
    assert result.results


@pytest.mark.parametrize("answer", NOT_HERE)
async def test_an_org_that_has_not_moved_is_asked_once_per_probe(
    bench: Bench, answer: Reply
) -> None:
    bench.server.answer = lambda _request: answer
    first = await the_error(bench)
    second = await the_error(bench)
    assert first.status == second.status
    assert bench.flow.logins == 2


async def test_a_record_that_is_not_found_doubts_no_host(bench: Bench) -> None:
    bench.server.answer = lambda _request: reply(404, [{"errorCode": "NOT_FOUND", "message": "x"}])
    assert await bench.client.retrieve("Account", "Ext__c", "nobody") is None
    assert bench.flow.logins == 1


async def test_a_token_that_is_only_doubted_is_kept_when_the_login_is_refused(bench: Bench) -> None:
    await bench.client.token()

    def fetch() -> Token:
        raise LoginError("no", kind=ErrorKind.AUTH, code="invalid_grant")

    bench.flow.fetch = fetch  # type: ignore[method-assign]  # the flow of this test alone
    bench.script(NOT_HERE[1], reply(200, written(1)))
    assert (await the_error(bench)).status == 404
    (result,) = await bench.client.composite([accounts("a")])
    assert result.results
