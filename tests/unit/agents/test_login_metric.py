"""What the metric of logins is counted by: an alert rule tells by it who must act."""

from __future__ import annotations

import pytest

from agents.salesforce.auth.token_provider import TokenProvider
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError
from stream.ops import metrics
from stream.ops.alerts import Alert, Alerts


class Refusing:
    """A flow that has no token but this error."""

    def __init__(self, error: LoginError) -> None:
        self.error = error

    def fetch(self):
        raise self.error


@pytest.mark.parametrize(
    ("kind", "code", "result"),
    [
        (ErrorKind.TRANSIENT, "HTTP_503", "outage"),
        (ErrorKind.QUOTA, "REQUEST_LIMIT_EXCEEDED", "outage"),
        (ErrorKind.AUTH, "invalid_grant", "invalid_grant"),
        (ErrorKind.AUTH, "request 4711 of jane@example.com is blocked", "auth"),
        (ErrorKind.AUTH, "", "auth"),
    ],
)
async def test_the_metric_tells_an_outage_from_a_refusal_and_quotes_codes_only(kind, code, result):
    def count():
        return metrics.SALESFORCE_LOGINS.labels(result)._value.get()

    before, alerts = count(), Alerts()
    flow = Refusing(LoginError("no", kind=kind, code=code))
    with pytest.raises(LoginError):
        await TokenProvider(flow, alerts=alerts).token()
    alerts.resolve(Alert.AUTH_BROKEN)
    assert count() == before + 1
