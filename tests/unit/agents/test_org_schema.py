"""An org whose answers have an unforeseen shape is waited for; it ends no worker."""

import pytest

from agents.mapping.mapping import Mapping
from agents.pacing.stall_clock import Progress
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from agents.worker.org_schema import FRESH_SECONDS, OrgSchema
from agents.worker.shutdown import Shutdown
from stream.ops.alerts import Alert, Alerts

PLAIN = Mapping.load(None)


class Org:
    """Answers `describe`, the next one with `shape` among its fields if there is any."""

    def __init__(self, *shapes):
        self.shapes = list(shapes)
        self.guarded_from = 0

    async def describe(self, _sobject):
        field = {"name": "Name", "type": "string", "length": 80}
        return {"fields": [{**field, **(self.shapes.pop() if self.shapes else {})}]}

    async def read(self, *_what):
        return {}

    async def query(self, _soql):
        yield {"Id": "01s000000000001"}

    def guard_from(self, _describes):
        self.guarded_from += 1
        return frozenset()


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def schema_of(org, clock, probe_seconds=0, alerts=None):
    return OrgSchema(
        client=org,
        mapping=PLAIN,
        alerts=alerts or Alerts(),
        life=Shutdown(),
        progress=Progress(),
        probe_seconds=probe_seconds,
        clock=clock,
    )


SHAPES = [
    {"length": [80]},
    {"length": "long"},
    {"type": "picklist", "restrictedPicklist": True, "picklistValues": 7},
    {"type": "picklist", "restrictedPicklist": True, "picklistValues": [None]},
    {"type": "double", "precision": {"digits": 18}},
]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_worker_that_cannot_read_its_first_describe_asks_again(shape):
    org = Org(shape)
    assert await schema_of(org, Clock()).mapping() is not None
    assert org.guarded_from == 1, "what cannot be read switches no guard off"


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_later_one_that_cannot_be_read_leaves_the_answer_before(shape):
    org, clock = Org(), Clock()
    schema = schema_of(org, clock)
    before = await schema.mapping()
    clock.now += FRESH_SECONDS + 1
    org.shapes = [shape]
    assert await schema.mapping() is before
    assert await schema.mapping() is not None


@pytest.mark.parametrize("bug", [RuntimeError("x"), AssertionError(), RecursionError()])
async def test_a_bug_over_the_first_answer_is_no_event_s(bug):
    org = Org()
    honest, org.describe = org.describe, None

    async def broken(_sobject):
        org.describe = honest
        raise bug

    org.describe = broken
    assert await schema_of(org, Clock()).mapping() is not None


async def test_an_org_that_is_doubted_and_does_not_answer_is_not_asked_for_each_event():
    org, clock = Org(), Clock()
    schema = schema_of(org, clock, probe_seconds=60)
    before = await schema.mapping()
    asked = []

    async def silent(sobject):
        asked.append(sobject)
        raise SalesforceError("no", kind=ErrorKind.TRANSIENT)

    org.describe, clock.now = silent, 1000.0
    for _ in range(50):
        assert schema.doubt()
        assert await schema.mapping() is before
        clock.now += 1
    assert len(asked) == 1


async def told_while_describe_fails(*kinds):
    """Return what was told as each describe failed, and whether it is over at the end."""
    org, alerts, told = Org(), Alerts(), []
    honest, failures = org.describe, list(kinds)

    async def failing(sobject):
        told.append(alerts.active.get(Alert.WRITES_HELD))
        if not failures:
            return await honest(sobject)
        raise SalesforceError("no", kind=failures.pop(0), code="NOT_FOUND", meaning="Not here.")

    org.describe = failing
    await schema_of(org, Clock(), alerts=alerts).mapping()
    return told[: len(kinds) + 1], alerts.active


async def test_an_object_that_the_user_may_not_see_at_a_start_is_told_with_its_name():
    """No event was written, and only the log knew: such a wait is no stall, and opens no breaker."""
    told, active = await told_while_describe_fails(ErrorKind.CONFIG)
    assert told[0] is None
    assert told[1] == (
        "Account cannot be described (may the user see it?), so nothing is written: "
        "NOT_FOUND: Not here."
    )
    assert active == {}


async def test_an_outage_at_a_start_is_told_when_it_lasts_and_a_login_has_an_alert_of_its_own():
    told, active = await told_while_describe_fails(*[ErrorKind.TRANSIENT] * 3)
    assert [bool(one) for one in told] == [False, False, False, True]
    assert active == {}
    told, _ = await told_while_describe_fails(*[ErrorKind.AUTH] * 5)
    assert not any(told)
