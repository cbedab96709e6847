"""Where tokens may go, what a failed login says, and what the flows send."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from agents.salesforce.auth.instance_url import checked_url
from agents.salesforce.auth.login_errors import LoginContext, login_error, skew_hint
from agents.salesforce.auth.oauth_flows import ClientCredentialsFlow, JwtFlow, TokenEndpoint
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import LoginError
from agents.salesforce.http.answers import refusal_of
from agents.salesforce.http.http_session import make_session
from agents.salesforce.http.usage import Usage, read_usage

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
DATE_UNIX = 1792567680.0


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key, encryption=None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def an_endpoint(url: str = "https://login.salesforce.com") -> TokenEndpoint:
    return TokenEndpoint(make_session(pool_size=1, timeout_seconds=1), url)


def explained(
    error: str, description: str, *, flow: str = "jwt", now: float = DATE_UNIX
) -> LoginError:
    body = f'{{"error":"{error}","error_description":"{description}"}}'.encode()
    context = LoginContext(flow, "https://login.salesforce.com", "bot@acme.test")
    return login_error(refusal_of(400, {"Date": DATE}, body), context, now_unix_seconds=now)


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com/", "https://acme.my.salesforce.com"),
        (
            "https://ACME--dev.sandbox.my.salesforce.com:443",
            "https://acme--dev.sandbox.my.salesforce.com",
        ),
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://na1.force.com", "https://na1.force.com"),
        ("https://acme.my.sfcrmproducts.cn", "https://acme.my.sfcrmproducts.cn"),  # Alibaba Cloud
    ],
)
def test_a_salesforce_address_is_accepted(url, result):
    assert checked_url(url, setting="X") == result


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://acme.my.salesforce.com", "https://"),
        ("", "https://"),
        ("acme.my.salesforce.com", "https://"),
        ("https://acme.lightning.force.com", "Lightning"),
        ("https://acme.lightning.sfcrmapps.cn", "Lightning"),
        ("https://evilsfcrmproducts.cn", "domain"),
        ("https://evil.example", "domain"),
        ("https://salesforce.com.evil.example", "domain"),
        ("https://evilsalesforce.com", "domain"),
        ("https://user:pw@acme.my.salesforce.com", "without user"),
        ("https://acme.my.salesforce.com/x?y=1", "without user"),
        ("https://acme.my.salesforce.com:8443", "443"),
        ("https://acme.my.salesforce.com:port", "no URL"),
        ("https://[", "no URL"),
        ("http://127.0.0.1:9000", "https://"),
    ],
)
def test_any_other_address_is_refused_with_its_reason(url, reason):
    with pytest.raises(LoginError, match="MY_ADDRESS") as caught:
        checked_url(url, setting="MY_ADDRESS")
    assert reason in str(caught.value)
    assert caught.value.kind is ErrorKind.AUTH


def test_a_simulators_address_is_allowed_exactly_as_it_is_set():
    allowed = "http://127.0.0.1:9000"
    assert checked_url(allowed + "/", setting="X", insecure_url=allowed) == allowed
    two = f"http://127.0.0.1:1, {allowed}"
    assert checked_url(allowed, setting="X", insecure_url=two) == allowed
    with pytest.raises(LoginError):
        checked_url("http://127.0.0.1:9001", setting="X", insecure_url=allowed)
    with pytest.raises(LoginError):
        checked_url("http://127.0.0.1:9000/path", setting="X", insecure_url=allowed)


@pytest.mark.parametrize(
    ("error", "description", "flow", "hint"),
    [
        ("invalid_grant", "user hasn't approved this consumer", "jwt", "pre-authorized"),
        (
            "invalid_app_access",
            "user is not admin approved to access this app",
            "jwt",
            "bot@acme.test",
        ),
        ("invalid_grant", "audience is invalid", "jwt", "SALESFORCE_LOGIN_URL"),
        ("invalid_grant", "Audience validation failed", "jwt", "test.salesforce.com"),
        ("invalid_client_id", "client identifier invalid", "jwt", "SALESFORCE_CLIENT_ID"),
        (
            "invalid_client",
            "invalid client credentials",
            "client_credentials",
            "SALESFORCE_CLIENT_SECRET",
        ),
        ("inactive_user", "user is inactive", "jwt", "bot@acme.test is not active"),
        ("inactive_org", "organization is inactive", "jwt", "locked"),
        ("invalid_grant", "request not supported on this domain", "client_credentials", "My "),
        ("invalid_grant", "no client credentials user enabled", "client_credentials", "Run As"),
        ("invalid_grant", "invalid assertion", "jwt", "SALESFORCE_PRIVATE_KEY_PATH"),
        ("invalid_grant", "expired authorization code", "jwt", "clock"),
        ("invalid_grant", "invalid assertion: exp is too far in the future", "jwt", "clock"),
        ("invalid_grant", "expired access/refresh token", "web", "orderstream login"),
        ("invalid_grant", "ip restricted", "web", "Login IP Ranges"),
        ("LOGIN_DURING_RESTRICTED_TIME", "x", "client_credentials", "Login Hours"),
        ("invalid_grant", "user is frozen", "jwt", "unfreeze"),
        ("unsupported_grant_type", "grant type not supported", "client_credentials", "My Domain"),
        ("app_not_found", "External client app is not installed in this org", "jwt", "Install"),
        ("invalid_grant", "authentication failure", "jwt", "SALESFORCE_USERNAME"),
        ("invalid_grant", "Benutzer hat dieses Programm nicht genehmigt", "jwt", "pre-authorized"),
        ("invalid_grant", "inactive organization", "jwt", "reactivate"),
        ("invalid_grant", "user account is locked", "jwt", "unlock"),
        ("invalid_grant", "assertion timestamp is invalid", "jwt", "clock"),
        ("invalid_client", "invalid client credentials", "jwt", "certificate"),
        ("invalid_assertion", "x", "jwt", "SALESFORCE_PRIVATE_KEY_PATH"),
        ("something_new", "of next year", "jwt", "Login History"),
    ],
)
def test_a_refused_login_says_what_to_do_in_setup(error, description, flow, hint):
    failure = explained(error, description, flow=flow)
    assert failure.kind is ErrorKind.AUTH
    assert hint in str(failure)
    assert description in str(failure)


def test_too_many_logins_are_waited_out():
    failure = explained("invalid_grant", "login rate exceeded")
    assert failure.retry_after_seconds == 3600
    assert "3,600" in str(failure)


@pytest.mark.parametrize(
    ("offset", "hint"),
    [(400, "400 seconds ahead of"), (-400, "400 seconds behind"), (30, ""), (-30, "")],
)
def test_clock_skew_is_named_from_the_servers_date(offset, hint):
    sentence = skew_hint(DATE, DATE_UNIX + offset)
    assert (hint in sentence) if hint else sentence == ""


def test_a_skewed_clock_is_the_first_thing_a_refused_jwt_login_names():
    failure = explained("invalid_grant", "invalid assertion", now=DATE_UNIX + 900)
    assert failure.fix.startswith("This machine's clock is 900 seconds ahead")


@pytest.mark.parametrize("date", ["", "yesterday", "-", "21 Oct 2026"])
def test_an_unreadable_date_says_nothing(date):
    assert skew_hint(date, DATE_UNIX) == ""


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, b"<html>", ErrorKind.TRANSIENT),
        (429, b"", ErrorKind.CONCURRENCY),
        (
            400,
            b'{"error":"unknown_error","error_description":"retry your request"}',
            ErrorKind.TRANSIENT,
        ),
        (302, b"", ErrorKind.AUTH),
        (404, b"<html>", ErrorKind.AUTH),
    ],
)
def test_an_outage_of_the_login_host_is_no_refusal(status, body, kind):
    context = LoginContext("jwt", "https://login.salesforce.com")
    assert login_error(refusal_of(status, {}, body), context, now_unix_seconds=0).kind is kind


def test_a_login_host_that_asks_for_an_hour_is_asked_again_within_minutes():
    context = LoginContext("jwt", "https://login.salesforce.com")
    page = refusal_of(503, {"Retry-After": "3600"}, b"<html>")
    assert login_error(page, context, now_unix_seconds=0).retry_after_seconds == 300


@pytest.mark.parametrize(
    ("status", "body"), [(302, b""), (403, b"<html>"), (404, b"x"), (403, b'{"message":"no"}')]
)
def test_who_is_not_salesforces_login_is_called_so(status, body):
    context = LoginContext("jwt", "https://login.example")
    failure = login_error(refusal_of(status, {}, body), context, now_unix_seconds=0)
    assert "https://login.example is not Salesforce's login" in failure.fix


def test_the_assertion_names_app_user_audience_and_an_integer_expiry(tmp_path, rsa_key):
    path = tmp_path / "server.key"
    path.write_bytes(pem(rsa_key))
    flow = JwtFlow(an_endpoint(), "the-app", "bot@acme.test", path)
    assertion = flow.assertion(1_000_000.9, flow.endpoint.login_url)
    claims = jwt.decode(
        assertion,
        rsa_key.public_key(),
        algorithms=["RS256"],
        options={"verify_aud": False, "verify_exp": False},
    )
    assert claims == {
        "iss": "the-app",
        "sub": "bot@acme.test",
        "aud": "https://login.salesforce.com",
        "exp": 1_000_180,
    }
    assert jwt.get_unverified_header(assertion)["alg"] == "RS256"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        (b"", "no PEM"),
        (b"not a key", "no PEM"),
        ("encrypted", "encrypted"),
        ("ec", "no RSA key"),
        ("unknown curve", "no RSA key"),
    ],
)
def test_an_unusable_key_file_is_named(tmp_path, rsa_key, content, reason):
    path = tmp_path / "server.key"
    if content == "encrypted":
        content = pem(rsa_key, BestAvailableEncryption(b"pw"))
    if content == "ec":
        content = pem(ec.generate_private_key(ec.SECP256R1()))
    if content == "unknown curve":  # of secp160r1, which cryptography does not know
        der = (
            b"MGECAQAwEAYHKoZIzj0CAQYFK4EEAAgESjBIAgEBBBUAINEopF6tVFyXTHEy0Hgu4mrSj+GhLAMqAATe"
            b"8NeAUHkX/dcMMo7xuTG3vxiwPGoRdH+24mmw0r9RujKeX/Php7Ka"
        )
        content = b"-----BEGIN %(kind)s-----\n%(der)s\n-----END %(kind)s-----\n" % {
            b"kind": b"PRIVATE KEY",
            b"der": der,
        }
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LoginError, match=reason) as caught:
        JwtFlow(an_endpoint(), "app", "user", path).fetch()
    assert str(path) in str(caught.value)
    assert caught.value.kind is ErrorKind.AUTH


@pytest.mark.parametrize("host", ["login", "test"])
def test_client_credentials_need_the_my_domain(host):
    flow = ClientCredentialsFlow(an_endpoint(f"https://{host}.salesforce.com"), "app", "secret")
    with pytest.raises(LoginError, match="My Domain"):
        flow.fetch()


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=18/5000", Usage(18, 5000)),
        (
            "api-usage=18/5000; per-app-api-usage=17/250(appName=order stream)",
            Usage(18, 5000, 17, 250),
        ),
        ("api-usage=10018/100000; api-bursts=1/750", Usage(10018, 100000)),
        ("api-bursts=1/750; api-usage=1/2;new-kind=3/4", Usage(1, 2)),
        ("", None),
        ("api-usage=unlimited", None),
        ("per-app-api-usage=17/250(appName=x)", None),
    ],
)
def test_the_usage_header_is_read_by_name(header, usage):
    assert read_usage(header) == usage
