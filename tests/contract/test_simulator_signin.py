"""The token endpoint's flows and errors, and what becomes of a session."""

from __future__ import annotations

import base64
import hashlib
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support.salesforce_fixtures import PlainClient

from sandbox.salesforce.oauth import JWT_GRANT
from sandbox.salesforce.server import SalesforceOrg

CALLBACK = "http://127.0.0.1:1717/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)


async def by_assertion(client: PlainClient, assertion: str):
    return await client.token_request(grant_type=JWT_GRANT, assertion=assertion)


async def authorize(client: PlainClient, **more: str):
    query = {
        "response_type": "code",
        "client_id": client.org.consumer_key,
        "redirect_uri": CALLBACK,
        "state": "s-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    async with client.http.get(
        f"{client.org.url}/services/oauth2/authorize", params=query | more, allow_redirects=False
    ) as response:
        return response.status, response.headers.get("Location", ""), await response.text()


async def a_code(client: PlainClient) -> str:
    _, location, _ = await authorize(client)
    return parse_qs(urlsplit(location).query)["code"][0]


async def exchange(client: PlainClient, code: str, **more: str):
    form = {
        "client_id": client.org.consumer_key,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    return await client.token_request(grant_type="authorization_code", code=code, **(form | more))


async def test_a_signed_assertion_gets_a_token_for_this_very_org(plain_client):
    answer = await by_assertion(plain_client, plain_client.assertion())
    assert answer.status == 200
    assert answer.json["instance_url"] == plain_client.org.url
    assert answer.json["token_type"] == "Bearer"
    assert {"access_token", "scope", "id"} <= set(answer.json)
    assert "refresh_token" not in answer.json
    assert "expires_in" not in answer.json


@pytest.mark.parametrize(
    ("claims", "error", "description"),
    [
        ({"aud": "https://example.com"}, "invalid_grant", "audience is invalid"),
        ({"iss": "another app"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "nobody"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"exp": 1}, "invalid_grant", "expired authorization code"),
        ({"exp": int(time.time()) + 86_400}, "invalid_grant", "invalid assertion: exp is too far in the future"),
    ],
)  # fmt: skip
async def test_wrong_claims_are_refused_with_an_error_object(
    plain_client, claims, error, description
):
    answer = await by_assertion(plain_client, plain_client.assertion(**claims))
    assert answer.status == 400
    assert answer.json == {"error": error, "error_description": description}


async def test_an_assertion_without_an_expiry_is_invalid(plain_client):
    key = plain_client.org.private_key_path.read_text()
    org = plain_client.org
    claims = {"iss": org.consumer_key, "sub": org.username, "aud": org.url}
    answer = await by_assertion(plain_client, jwt.encode(claims, key, "RS256"))
    assert answer.json == {"error": "invalid_grant", "error_description": "invalid assertion"}


async def test_a_foreign_key_a_foreign_algorithm_and_garbage_are_invalid_assertions(plain_client):
    claims = {
        "iss": plain_client.org.consumer_key,
        "sub": plain_client.org.username,
        "aud": plain_client.org.url,
        "exp": int(time.time()) + 60,
    }
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for assertion in (
        jwt.encode(claims, stranger, "RS256"),
        jwt.encode(claims, "a shared secret of thirty-two bytes", "HS256"),
        jwt.encode(claims, None, "none"),
        "junk",
        "",
    ):
        answer = await by_assertion(plain_client, assertion)
        assert answer.json == {"error": "invalid_grant", "error_description": "invalid assertion"}


async def test_an_expiry_sent_as_text_is_taken(plain_client):
    answer = await by_assertion(
        plain_client, plain_client.assertion(exp=str(int(time.time()) + 60))
    )
    assert answer.status == 200


async def test_a_wrong_clock_of_the_org_makes_right_assertions_expire(
    plain_client, salesforce_org: SalesforceOrg
):
    salesforce_org.org.settings.change({"clock_offset_seconds": 3600})
    answer = await by_assertion(plain_client, plain_client.assertion())
    assert answer.json["error_description"] == "expired authorization code"
    ahead = parsedate_to_datetime(answer.headers["Date"]) - datetime.now(UTC)
    assert abs(ahead.total_seconds() - 3600) < 300, "the answer is dated by the org's clock"


async def test_the_browser_flow_redirects_with_a_code_that_works_once(plain_client):
    status, location, _ = await authorize(plain_client)
    assert status == 302
    assert location.startswith(CALLBACK + "?")
    answers = parse_qs(urlsplit(location).query)
    assert answers["state"] == ["s-1"]
    code = answers["code"][0]
    first = await exchange(plain_client, code)
    assert first.status == 200
    assert first.json["refresh_token"]
    second = await exchange(plain_client, code)
    assert second.json == {
        "error": "invalid_grant",
        "error_description": "invalid authorization code",
    }


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1/other"}, "redirect_uri_mismatch"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "another app"}, "invalid_client_id"),
    ],
)
async def test_a_code_needs_its_verifier_its_callback_and_its_app(plain_client, more, error):
    answer = await exchange(plain_client, await a_code(plain_client), **more)
    assert (answer.status, answer.json["error"]) == (400, error)


async def test_the_browser_flow_refuses_plain_challenges_and_unknown_apps(plain_client):
    _, location, _ = await authorize(plain_client, code_challenge_method="plain")
    assert "error=invalid_request" in location
    status, location, text = await authorize(plain_client, client_id="another app")
    assert (status, location) == (400, "")
    assert "invalid_client_id" in text


async def test_a_rotated_refresh_token_is_dead_and_the_new_one_lives(
    plain_client, salesforce_org: SalesforceOrg
):
    async def refresh(token: str):
        return await plain_client.token_request(
            grant_type="refresh_token",
            refresh_token=token,
            client_id=plain_client.org.consumer_key,
            client_secret=plain_client.org.client_secret,
        )

    old = (await exchange(plain_client, await a_code(plain_client))).json["refresh_token"]
    new = (await refresh(old)).json["refresh_token"]
    assert new != old
    dead = await refresh(old)
    assert dead.json == {
        "error": "invalid_grant",
        "error_description": "expired access/refresh token",
    }
    salesforce_org.org.settings.change({"refresh_token_rotation": False})
    kept = await refresh(new)
    assert kept.status == 200
    assert "refresh_token" not in kept.json


async def test_client_credentials_come_in_the_body_or_as_basic(plain_client):
    org = plain_client.org
    in_body = await plain_client.token_request(
        grant_type="client_credentials",
        client_id=org.consumer_key,
        client_secret=org.client_secret,
    )
    assert in_body.status == 200
    assert "refresh_token" not in in_body.json
    token_url = f"{org.url}/services/oauth2/token"
    pair = base64.b64encode(f"{org.consumer_key}:{org.client_secret}".encode()).decode()
    async with plain_client.http.post(
        token_url,
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {pair}"},
    ) as response:
        assert response.status == 200
    wrong = await plain_client.token_request(
        grant_type="client_credentials", client_id=org.consumer_key, client_secret="wrong"
    )
    assert wrong.json == {
        "error": "invalid_client",
        "error_description": "invalid client credentials",
    }


async def test_an_unknown_grant_is_named_so(plain_client):
    answer = await plain_client.token_request(grant_type="password", username="a", password="b")
    assert (answer.status, answer.json["error"]) == (400, "unsupported_grant_type")


async def test_tokens_expire_on_demand_and_with_time(plain_client, salesforce_org: SalesforceOrg):
    assert (await plain_client.call("GET", "/limits")).status == 200
    salesforce_org.sessions.expire_all()
    expired = await plain_client.call("GET", "/limits")
    assert expired.status == 401
    assert expired.json == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]
    await plain_client.log_in()
    assert (await plain_client.call("GET", "/limits")).status == 200
    salesforce_org.org.settings.change({"clock_offset_seconds": 7201})
    assert (await plain_client.call("GET", "/limits")).status == 401


async def test_a_revoked_token_is_dead_and_a_live_one_says_whose_it_is(plain_client):
    who = await plain_client.call("GET", "/services/oauth2/userinfo")
    assert who.json["preferred_username"] == plain_client.org.username
    await plain_client.call("POST", f"/services/oauth2/revoke?token={plain_client.token}")
    assert (await plain_client.call("GET", "/services/oauth2/userinfo")).status == 401


async def test_authentication_can_be_refused_until_it_is_fixed(
    plain_client, salesforce_org: SalesforceOrg
):
    salesforce_org.org.faults.add({"kind": "auth_refused"})
    for _ in range(2):
        answer = await by_assertion(plain_client, plain_client.assertion())
        assert answer.json["error_description"] == "user hasn't approved this consumer"
    _, location, _ = await authorize(plain_client)
    assert "error=access_denied" in location
    salesforce_org.org.faults.clear()
    assert (await by_assertion(plain_client, plain_client.assertion())).status == 200
