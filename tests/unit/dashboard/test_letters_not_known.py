"""The dead-letter pages say what is not known, and never that there is nothing."""

from __future__ import annotations

from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from dashboard.app import build_app
from dashboard.data.dry_runs import DryRun
from dashboard.pages import dead_letter, dead_letters
from dashboard.site.render import environment
from dashboard.site.sessions import Session, UserRole
from dashboard.site.state import SESSION, STATE
from stream.config import load_settings
from stream.dlq.index import LetterFilter
from stream.dlq.requeue import RequeuePlan
from stream.jobs.spec import JobKind

NO_LEADER = "no leader: salesforce.dlq-1"
NOTHING = ("Nobody has to do anything", "no open dead letter fits", "nothing fits", "all quiet")


def request_of(path: str, unknown: str | None) -> web.Request:
    """A request to a dashboard that knows of no letter; `unknown` None: it has not looked yet."""
    app = build_app(
        load_settings(
            env_file=None,
            kafka_bootstrap_servers="unused:9092",
            dashboard_operator_password="operators-9f3c1be27a60",
        )
    )
    shelf = app[STATE].watch.shelf
    shelf.unknown = shelf.unknown if unknown is None else unknown
    request = make_mocked_request("GET", path, app=app, match_info={"id": "1-0"})
    request[SESSION] = Session("ann", UserRole.OPERATOR, "nonce", 1e12)
    return request


@pytest.mark.parametrize("path", ["/letters", "/letters?all=1", "/letters?code=A"])
@pytest.mark.parametrize("unknown", [NO_LEADER, None, ""])
async def test_a_page_without_letters_says_whether_that_is_known(path: str, unknown) -> None:
    text = (await dead_letters.letters_page(request_of(path, unknown))).text
    assert any(said in text for said in NOTHING) == (unknown == "")
    assert ("Not known: there may be other" in text) == (unknown != "")
    assert (unknown or "") in text


async def test_who_drops_is_told_what_is_not_known() -> None:
    text = (await dead_letters.drop_page(request_of("/letters/drop?code=A", NO_LEADER))).text
    assert NO_LEADER in text


@pytest.mark.parametrize(
    ("unknown", "answer"),
    [
        (NO_LEADER, web.HTTPServiceUnavailable),
        (None, web.HTTPServiceUnavailable),
        ("", web.HTTPNotFound),
    ],
)
async def test_a_letter_that_is_not_found_is_missing_only_when_all_are_known(
    unknown, answer
) -> None:
    with pytest.raises(answer) as said:
        await dead_letter.letter_page(request_of("/letters/1-0", unknown))
    assert (unknown or "") in said.value.text


@pytest.mark.parametrize("unread", [NO_LEADER, ""])
def test_a_dry_run_names_what_it_could_not_read(unread: str) -> None:
    draft = DryRun("1", JobKind.REQUEUE, 1.0, LetterFilter(), is_done=True)
    draft.requeue = RequeuePlan(LetterFilter(), None, 0, 0, 0, None, (), (), unread)
    page = environment().get_template("draft_live.html").render(draft=draft, can_run=False)
    assert unread in page
    assert ("nothing fits" in page) == (not unread)
    assert ("stay open" in page) == bool(unread)


class Sampler:
    """Takes samples of which only the dead letters matter."""

    letters = SimpleNamespace(version=(1,), letters=lambda: iter(()))

    def __init__(self, said: list) -> None:
        self._said = said

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error):
        pass

    async def sample(self):
        return SimpleNamespace(groups=(SimpleNamespace(unknown=1),), dead_letters=self._said.pop(0))


async def test_what_a_sample_does_not_know_the_pages_do_not(monkeypatch) -> None:
    watch = request_of("/", None).app[STATE].watch
    watch.snapshot = object()
    said = [NO_LEADER, SimpleNamespace(count=0), NO_LEADER]
    monkeypatch.setattr("dashboard.data.snapshots.LagSampler", lambda _settings: Sampler(said))
    monkeypatch.setattr("dashboard.data.snapshots.export", lambda *_given, **_options: None)
    async with AsyncExitStack() as stack:
        step = await watch._open_lag(stack)
        for unknown in (NO_LEADER, "", NO_LEADER):
            await step()
            assert watch.shelf.unknown == unknown


async def test_while_kafka_cannot_be_read_a_letter_that_is_not_found_may_be_there() -> None:
    request = request_of("/letters/1-0", "")
    request.app[STATE].watch._failed("lag", "Kafka did not answer")
    with pytest.raises(web.HTTPServiceUnavailable) as said:
        await dead_letter.letter_page(request)
    assert said.value.text is not None
    assert "Kafka did not answer" in said.value.text
