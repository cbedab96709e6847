"""What opens a door is masked wherever a text quotes it; sentences about it are not."""

from __future__ import annotations

import base64

import pytest

from stream.ops.masking import mask_text

SECRET = "hunter2secret"


@pytest.mark.parametrize(
    "text",
    [
        "https://jane:{}@127.0.0.1:8080/x",
        "redis://:{}@cache:6379/0",
        "redis://:{},x@cache:6379/0",
        "GET /a?access_token={}&b=1",
        "/x?X-Amz-Signature={}",
        "/x?sig={}#top",
        "Authorization: Bearer {}",
        "authorization: Basic {}=",
        "(b'Authorization', b'Bearer {}')",
        "Cookie: PHPSESSID={}; other={}",
        "Set-Cookie: a={}; Path=/",
        '{{"access_token":"{}","x":1}}',
        "{{'password': '{}', 'x': 1}}",
        '{{\\"password\\":\\"{}\\"}}',
        "client_secret: {}\n",
        "<sessionId>{}</sessionId>",
        'OAuth oauth_consumer_key="{}", oauth_signature="{}"',
        "password%3D{}",
        'PlainLoginModule required username="u" password="{}";',
        "bearer {} is expired",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.{}",
        "00D000000000001!AQ{}.abc",
        "clientSecret => {}",
        "pass={}",
        "x-sfdc-session: {}",
        "hmac-sha256={}",
        '"secret":["{}"]',
        "new_secret -> {}",
        "password\\u003d{}",
        "client_secret%253D{}",
        "access_token is: {}",
        "Bearer%20{}",
        "Pwd={};",
        "curl --password {} x",
        "the password is {}",
        "the password '{}' is wrong",
        "token {} is not valid",
        "api key {}",
        "Passwort: {}",
        '{{"auth":{{"user":"a","pass":"{}"}}}}',
        "SAMLResponse={}",
        "GET /back?code={}&state=1",
        "5Aep861{}.force.tok",
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
        "ghp_{}aaaaaaaa",
        "glpat-{}aaaaaaaa",
    ],
)
def test_what_opens_a_door_is_masked_in_any_text(text) -> None:
    masked = mask_text(text.format(SECRET, SECRET))
    assert SECRET not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    "text",
    [
        "MAGENTO_WEBHOOK_SECRET: missing; make one with `openssl rand -hex 32`",
        "DASHBOARD_OPERATOR_PASSWORD: has 5 characters, needs at least 16",
        "INVALID_SESSION_ID: Session expired or invalid",
        "MAGEOS_VERIFICATION_TOKEN (number 2): can be guessed",
        "TOKEN_FILE: /run/secrets/token1: No such file or directory",
        "authorization: required",
        "the token expired, secret 2 of 3 is missing",
        "CLIENT_SECRET_FILE /run/secrets/client1",
        "pass: the tests, auth: none",
        "the signature is wrong; the token expired at 2026-11-29T06:00",
        "tokens: 5, secret: number 2 of 3",
        "Basic product information sheet",
        "timeout=40s, rate=40per second, 2 items @ 5.00 EUR, 100% of 5",
        "https://acme.my.salesforce.com/services/data/v64.0/sobjects?x=1",
    ],
)
def test_sentences_about_secrets_stay_readable(text) -> None:
    assert mask_text(text) == text


def test_a_secret_in_base64_is_masked() -> None:
    encoded = base64.b64encode(f"password={SECRET}".encode()).decode().rstrip("=")
    assert mask_text(f"config {encoded} is wrong") == "config *** is wrong"
