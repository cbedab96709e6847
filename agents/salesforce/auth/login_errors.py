"""Why a login failed, and what to do about it in Salesforce's Setup.

OAuth errors are an object with a code and a sentence; the sentence tells more. Every one of them
but an outage is a matter of settings: it stays until somebody changes something, so it is asked
again slowly. Sources: help.salesforce.com, "OAuth 2.0 Authorization Errors", and recorded bodies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError, SalesforceError
from agents.salesforce.http.server_date import is_wrong, seconds_ahead

HOUR_SECONDS = 3600.0
REFUSALS = range(300, 500)
REDIRECTS = range(300, 400)
OUTAGES = (ErrorKind.TRANSIENT, ErrorKind.CONCURRENCY, ErrorKind.QUOTA)


@dataclass(frozen=True, slots=True)
class LoginContext:
    """What was tried. `username` is empty where the flow has none."""

    flow: str
    login_url: str
    username: str = ""


@dataclass(frozen=True, slots=True)
class LoginRule:
    """One row: a pattern in `code: description`, and what to do. `flows` empty: any."""

    pattern: str
    fix: str
    flows: tuple[str, ...] = ()
    retry_after_seconds: float | None = None


LOGIN_RULES: tuple[LoginRule, ...] = (
    LoginRule(
        r"^HTTP_\d+: ",  # an answer without code
        "What answers at {login_url} is not Salesforce's login, or not that of this org: check "
        "SALESFORCE_LOGIN_URL (best the My Domain), and look for a proxy, a firewall or a "
        "maintenance page in between.",
    ),
    LoginRule(
        r"hasn't approved|not admin approved|invalid_app_access",
        "Setup > the app > Manage > Edit Policies: 'Admin approved users are pre-authorized', then "
        "add a profile or permission set of {username} to the app.",
    ),
    LoginRule(
        r"audience",
        "The audience of the login is SALESFORCE_LOGIN_URL ({login_url}): use "
        "https://login.salesforce.com for production, https://test.salesforce.com for a sandbox, "
        "or the My Domain.",
    ),
    LoginRule(
        r"not supported on this domain",
        "{login_url} does not serve the {flow} flow: SALESFORCE_LOGIN_URL must be the org's My "
        "Domain, https://<domain>.my.salesforce.com (of a sandbox: "
        "https://<domain>--<sandbox>.sandbox.my.salesforce.com).",
    ),
    LoginRule(
        r"login.?rate|rate_limit_exceeded",
        "More than 3,600 logins of this user in an hour: it is open again after an hour. Look for "
        "another program that logs in as {username} for every call.",
        retry_after_seconds=HOUR_SECONDS,
    ),
    LoginRule(
        r"redirect_uri",
        "Setup > the app > OAuth settings: add the Callback URL that `orderstream login` uses "
        "(http://localhost:1717/OauthRedirect, or your --port).",
    ),
    LoginRule(
        r"invalid_client_id|client identifier invalid",
        "SALESFORCE_CLIENT_ID is not the Consumer Key of an app of this org (Setup > App Manager > "
        "View > Manage Consumer Details); a new app takes up to ten minutes to be known.",
    ),
    LoginRule(
        r"app_not_found|not installed",
        "Install the External Client App in this org (Setup > External Client App Manager).",
    ),
    LoginRule(
        r"inactive_org|(inactive|locked|suspended) organization",
        "The org is locked or suspended: a Salesforce administrator must reactivate it.",
    ),
    LoginRule(
        r"inactive_user|user is inactive",
        "Setup > Users: {username} is not active; activate it or change SALESFORCE_USERNAME.",
    ),
    LoginRule(
        r"ip.?restricted|RESTRICTED_(DOMAIN|TIME)",
        "Setup > the profile of {username} > Login IP Ranges and Login Hours must allow this "
        "network now; or the app's policy IP Relaxation.",
    ),
    LoginRule(
        r"frozen|lockout|locked out|(user|account) is locked",
        "Setup > Users: {username} is frozen or locked out; unfreeze or unlock it.",
    ),
    LoginRule(
        r"no client credentials user",
        "Setup > the app > Policies > Client Credentials Flow: enable it and name a Run As user.",
    ),
    LoginRule(
        r"unsupported_grant_type|grant type not supported",
        "Setup > the app > OAuth settings: enable the {flow} flow, and use the My Domain as "
        "SALESFORCE_LOGIN_URL.",
    ),
    LoginRule(
        r"invalid_client\b|invalid client credentials",
        "SALESFORCE_CLIENT_SECRET is not the Consumer Secret of this app (Setup > App Manager > "
        "View > Manage Consumer Details).",
        flows=("client_credentials", "web"),
    ),
    LoginRule(
        r"too far in the future|timestamp",
        "The time of the login's assertion is not the one of Salesforce, or it lives too long: set "
        "this machine's clock (NTP).",
        flows=("jwt",),
    ),
    LoginRule(
        r"invalid.assertion|signature|key mismatch|certificate|invalid_client\b",
        "The key of SALESFORCE_PRIVATE_KEY_PATH does not belong to the certificate of the app of "
        "SALESFORCE_CLIENT_ID: Setup > the app > Use digital signatures: upload the certificate "
        "made from this key.",
        flows=("jwt",),
    ),
    LoginRule(
        r"expired",
        "The login's assertion was too old on arrival: set this machine's clock (NTP).",
        flows=("jwt",),
    ),
    LoginRule(
        r"expired|token validity|invalid_grant",
        "The refresh token is no longer valid (revoked, rotated away or expired by policy): run "
        "`orderstream login` again.",
        flows=("web",),
    ),
    LoginRule(
        r"invalid_grant",
        "Check that SALESFORCE_USERNAME ({username}) exists in the org behind {login_url}, that it "
        "is active, pre-authorized for the app (Edit Policies: 'Admin approved users'), and its "
        "profile allows logins from this network and at this hour (Setup > Login History).",
        flows=("jwt",),
    ),
)

ANY_FIX = (
    "Setup > App Manager > the app: check its OAuth settings for the {flow} flow, the scope api, "
    "and Setup > Login History for the reason."
)


def login_error(
    error: SalesforceError, context: LoginContext, *, now_unix_seconds: float
) -> LoginError:
    """Return the error of a failed token call with what to do; outages stay what they are."""
    # Whatever stands there, it is no login that works again.
    is_page = error.rule == "HTTP_403" or error.status in REDIRECTS
    is_refused = error.status in REFUSALS and (is_page or error.kind not in OUTAGES)
    if error.kind is not ErrorKind.AUTH and not is_refused:
        return _as_login_error(error, error.kind, error.fix, error.retry_after_seconds)
    text = f"{error.code}: {error.message}"
    rule = next((r for r in LOGIN_RULES if _fits(r, text, context.flow)), None)
    fix = (rule.fix if rule else ANY_FIX).format(
        flow=context.flow,
        login_url=context.login_url,
        username=context.username or "the user",
    )
    hint = skew_hint(error.server_date, now_unix_seconds) if context.flow == "jwt" else ""
    pause = rule.retry_after_seconds if rule else None
    fix = f"{hint} {fix}" if hint else fix
    return _as_login_error(error, ErrorKind.AUTH, fix, error.retry_after_seconds or pause)


def _fits(rule: LoginRule, text: str, flow: str) -> bool:
    is_flow = not rule.flows or flow in rule.flows
    return is_flow and re.search(rule.pattern, text, re.IGNORECASE) is not None


def _as_login_error(
    error: SalesforceError, kind: ErrorKind, fix: str, retry_after_seconds: float | None
) -> LoginError:
    return LoginError(
        error.message,
        kind=kind,
        code=error.code,
        status=error.status,
        meaning="No Salesforce login.",
        fix=fix,
        retry_after_seconds=retry_after_seconds,
        is_outcome_unknown=error.is_outcome_unknown,
        body_kind=error.body_kind,
        server_date=error.server_date,
    )


def skew_seconds(server_date: str, now_unix_seconds: float) -> float:
    """Return how far our clock is ahead of an HTTP Date header; 0 if it is small or not told."""
    ahead = seconds_ahead(server_date, now_unix_seconds)
    return ahead if ahead is not None and is_wrong(ahead) else 0.0


def skew_hint(server_date: str, now_unix_seconds: float) -> str:
    """Return a sentence naming the clock skew against an HTTP Date header; empty if it is small."""
    skew = skew_seconds(server_date, now_unix_seconds)
    if not skew:
        return ""
    direction = "ahead of" if skew > 0 else "behind"
    return (
        f"This machine's clock is {abs(skew):.0f} seconds {direction} Salesforce's: set it (NTP) "
        "before anything else."
    )
