"""One login for all callers, and none that cannot succeed."""

from __future__ import annotations

import asyncio
import threading

import orjson
import pytest
from support.fakes import a_token

from agents.salesforce.api.caller import is_doubtful, is_session_refused
from agents.salesforce.auth.oauth_flows import Token
from agents.salesforce.auth.token_provider import TokenProvider
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError, SalesforceError
from agents.salesforce.http.answers import refusal_of
from stream.ops.alerts import Alert, Alerts

REFUSED = SalesforceError(
    "Session expired", kind=ErrorKind.AUTH, code="INVALID_SESSION_ID", status=401
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class ScriptedFlow:
    """Answers logins in order; the last answer stays. Waits for `gate` inside each."""

    def __init__(self, *answers: Token | Exception) -> None:
        self.answers = list(answers)
        self.logins = 0
        self.gate = threading.Event()
        self.gate.set()

    def fetch(self) -> Token:
        self.logins += 1
        assert self.gate.wait(10)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def a_failure(kind: ErrorKind = ErrorKind.AUTH, retry_after: float | None = None) -> LoginError:
    return LoginError(
        "no", kind=kind, code="invalid_grant", fix="Do this.", retry_after_seconds=retry_after
    )


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def alerts():
    alerts = Alerts()
    yield alerts
    alerts.resolve(Alert.AUTH_BROKEN)


@pytest.fixture
def make(clock, alerts):
    def build(flow, **more):
        return TokenProvider(
            flow, alerts=alerts, probe_seconds=60, clock=clock, jitter=lambda: 1.0, **more
        )

    return build


async def test_twenty_callers_with_the_same_refused_token_make_one_login(make):
    old, new = a_token("old"), a_token("new")
    flow = ScriptedFlow(old, new)
    tokens = make(flow)
    assert await tokens.token() is old
    flow.gate.clear()
    callers = [asyncio.create_task(tokens.token(stale=old)) for _ in range(20)]
    await asyncio.sleep(0)
    flow.gate.set()
    assert set(await asyncio.gather(*callers)) == {new}
    assert flow.logins == 2


async def test_a_caller_that_is_late_with_its_refused_token_makes_no_login(make):
    old, new = a_token("old"), a_token("new")
    flow = ScriptedFlow(old, new)
    tokens = make(flow)
    await tokens.token()
    await tokens.token(stale=old)
    assert await tokens.token(stale=old) is new
    assert flow.logins == 2


async def test_a_login_that_answers_with_the_same_session_is_still_one_login(make):
    first, second = a_token("same"), a_token("same")
    flow = ScriptedFlow(first, second)
    tokens = make(flow)
    await tokens.token()
    got = await asyncio.gather(*(tokens.token(stale=first) for _ in range(20)))
    assert all(token is second for token in got)
    assert flow.logins == 2


async def test_a_refused_login_is_not_repeated_within_the_pause(make, clock, alerts):
    flow = ScriptedFlow(a_failure())
    tokens = make(flow)
    for _ in range(50):
        with pytest.raises(LoginError) as caught:
            await tokens.token()
    assert flow.logins == 1
    assert caught.value.kind is ErrorKind.AUTH
    assert caught.value.retry_after_seconds == pytest.approx(60)
    assert "Do this." in alerts.active[Alert.AUTH_BROKEN]


async def test_the_pause_grows_but_not_without_end(make, clock):
    flow = ScriptedFlow(a_failure())
    tokens = make(flow)
    pauses = []
    for _ in range(6):
        with pytest.raises(LoginError) as caught:
            await tokens.token()
        pauses.append(caught.value.retry_after_seconds)
        clock.now += pauses[-1]
    assert pauses == pytest.approx([60, 120, 240, 300, 300, 300])
    assert flow.logins == 6


async def test_the_pause_is_jittered_downwards_by_half_at_most(clock, alerts):
    tokens = TokenProvider(
        ScriptedFlow(a_failure()), alerts=alerts, probe_seconds=60, clock=clock, jitter=lambda: 0.0
    )
    with pytest.raises(LoginError) as caught:
        await tokens.token()
    assert caught.value.retry_after_seconds == pytest.approx(30)


async def test_it_recovers_by_itself_once_the_login_works(make, clock, alerts):
    token = a_token()
    tokens = make(ScriptedFlow(a_failure(), token))
    with pytest.raises(LoginError):
        await tokens.token()
    clock.now += 61
    assert await tokens.token() is token
    assert Alert.AUTH_BROKEN in alerts.active  # not before Salesforce accepted it
    tokens.confirm(token)
    assert alerts.active == {}


async def test_a_new_token_that_is_refused_too_stops_the_logins(make, clock, alerts):
    flow = ScriptedFlow(a_token("1"), a_token("2"), a_token("3"))
    tokens = make(flow)
    first = await tokens.token()
    second = await tokens.token(stale=first)
    tokens.refused(second, REFUSED)
    assert Alert.AUTH_BROKEN in alerts.active
    for _ in range(10):
        with pytest.raises(LoginError):
            await tokens.token(stale=second)
    assert flow.logins == 2
    clock.now += 61
    third = await tokens.token()
    tokens.confirm(third)
    assert alerts.active == {}


async def test_an_old_tokens_refusal_does_not_spoil_the_new_one(make, alerts):
    tokens = make(ScriptedFlow(a_token("1"), a_token("2")))
    first = await tokens.token()
    second = await tokens.token(stale=first)
    tokens.refused(first, REFUSED)
    assert await tokens.token() is second
    assert alerts.active == {}


async def test_an_outage_of_the_login_host_pauses_briefly_and_is_no_alert(make, clock, alerts):
    token = a_token()
    flow = ScriptedFlow(a_failure(ErrorKind.TRANSIENT), a_failure(ErrorKind.TRANSIENT), token)
    tokens = make(flow)
    pauses = []
    for _ in range(2):
        with pytest.raises(LoginError) as caught:
            await tokens.token()
        assert caught.value.kind is ErrorKind.TRANSIENT
        pauses.append(caught.value.retry_after_seconds)
        clock.now += pauses[-1]
    assert pauses == pytest.approx([1, 2])
    assert await tokens.token() is token
    assert alerts.active == {}


async def test_the_servers_wish_to_wait_is_granted(make):
    tokens = make(ScriptedFlow(a_failure(retry_after=3600)))
    with pytest.raises(LoginError) as caught:
        await tokens.token()
    assert caught.value.retry_after_seconds == pytest.approx(3600)


async def test_sessions_that_die_at_once_do_not_lock_the_user_out(make, clock):
    flow = ScriptedFlow(*(a_token(str(n)) for n in range(30)))
    tokens = make(flow, worker_count=180)  # this worker's share: 10 logins an hour
    token = None
    for _ in range(10):
        token = await tokens.token(stale=token)
    with pytest.raises(LoginError, match="too many") as caught:
        await tokens.token(stale=token)
    assert flow.logins == 10
    clock.now += caught.value.retry_after_seconds
    await tokens.token(stale=token)
    assert flow.logins == 11


async def test_a_login_that_hangs_is_given_up(make):
    flow = ScriptedFlow(a_token())
    flow.gate.clear()
    tokens = make(flow, timeout_seconds=0.05)
    with pytest.raises(LoginError, match="no token within"):
        await tokens.token()
    flow.gate.set()


async def test_a_cancelled_caller_leaves_the_others_alone(make):
    token = a_token()
    flow = ScriptedFlow(token)
    flow.gate.clear()
    tokens = make(flow)
    first = asyncio.create_task(tokens.token())
    second = asyncio.create_task(tokens.token())
    while not flow.logins:
        await asyncio.sleep(0.001)
    first.cancel()
    flow.gate.set()
    assert await second is token


def test_a_token_does_not_show_itself():
    assert "secret" not in repr(Token("secret", "https://x", "secret", "id"))


async def test_a_host_that_does_not_know_the_org_is_doubted_once_per_probe(make, clock):
    before = a_token("old")
    after = Token("new", "https://acme--moved.my.salesforce.com")
    flow = ScriptedFlow(before, after)
    tokens = make(flow)
    assert await tokens.token() is before
    assert await tokens.moved(before) is after
    assert await tokens.token() is after
    assert await tokens.moved(before) is after
    assert await tokens.moved(after) is None
    assert flow.logins == 2
    clock.now += 61
    assert await tokens.moved(after) is None
    assert flow.logins == 3


@pytest.mark.parametrize(
    ("status", "body", "is_elsewhere"),
    [
        (404, '[{"errorCode":"URL_NOT_RESET","message":"x"}]', True),
        (500, '[{"errorCode":"ORG_NOT_OWNED_BY_INSTANCE"}]', True),
        (404, '{"message":"no Route matched with those values"}', True),
        (451, "<html>", True),
        (300, "<html>choose</html>", True),
        (300, '["/services/data/v60.0/x"]', False),
        (307, "", True),
        (404, '[{"errorCode":"NOT_FOUND"}]', False),
        *[(status, "<html>", False) for status in (408, 413, 425, 429, 430, 499, 503, 525)],
    ],
)
def test_what_does_not_come_from_the_api_doubts_the_host(status, body, is_elsewhere):
    assert is_doubtful(refusal_of(status, {}, body.encode())) is is_elsewhere


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, ""), (440, ""), (498, ""), (400, "InvalidSessionId"), (403, "Bad_OAuth_Token")],
)
def test_who_is_not_let_in_logs_in_again(status, code):
    assert is_session_refused(refusal_of(status, {}, orjson.dumps([{"errorCode": code}])))
