"""What `validate --wait` says of an order that went well and cannot be compared."""

from __future__ import annotations

import orjson
import pytest

from agents.mapping.mapping import Mapping
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from cli.validate import wait as validate_wait
from cli.validate.run import Validation
from sandbox.magento.numbered import numbered_webhook
from schemas.event import Envelope, Kind
from stream.config import load_settings

ORDER = numbered_webhook(7, 1).body
NOTICE = orjson.dumps({"order": {"entity_id": 7, "quote_id": 1}})


class Followed(Validation):
    """A run whose events end as the test says, and whose comparing is only noted."""

    def __init__(self, outcome, **settings):
        chosen = load_settings(env_file=None, **settings)
        super().__init__(chosen, Mapping.load(), None, timeout_seconds=1)
        self.end, self.compared = outcome, []
        self.failure = None

    async def follow(self, verdict):
        verdict.outcome = self.end

    async def compare(self, verdict, body, *, is_new, keep=False):
        assert (is_new, keep) == (False, True)
        self.compared.append(body)
        if self.failure:
            raise self.failure


@pytest.fixture
def judge(monkeypatch):
    """Return `await judge(run, body)`: the verdict of an event with these bytes."""

    async def judge_it(run, body=ORDER):
        async def comes(_settings, _timeout_seconds):
            return Envelope("id-1", "sales_order_save_after", Kind.ORDER, "7", 1, body)

        monkeypatch.setattr(validate_wait, "next_order", comes)
        return await validate_wait.judge_next_order(run)

    return judge_it


@pytest.mark.parametrize("outcome", ["synced", "unchanged"])
async def test_what_was_written_is_compared(judge, outcome):
    run = Followed(outcome)
    verdict = await judge(run)
    assert (verdict.is_good, verdict.event_id, len(run.compared)) == (True, "id-1", 1)


async def test_an_order_whose_newer_event_won_is_not_called_good(judge):
    run = Followed("superseded")
    verdict = await judge(run)
    assert (verdict.problem, run.compared) == (validate_wait.NEWER, [])


async def test_an_event_without_content_that_the_store_completed_is_not_called_different(judge):
    run = Followed("synced", magento_enrich=True)
    verdict = await judge(run, NOTICE)
    assert (verdict.problem, run.compared) == (validate_wait.CONTENTLESS, [])


async def test_an_org_that_cannot_be_read_is_the_verdict_and_no_traceback(judge):
    run = Followed("synced")
    run.failure = SalesforceError("it is down", kind=ErrorKind.TRANSIENT)
    verdict = await judge(run)
    assert "it is down" in verdict.problem
