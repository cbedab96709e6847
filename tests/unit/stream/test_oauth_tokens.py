"""Tokens: kept for most of their life, fetched once for all who ask, and never told."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from types import SimpleNamespace

import orjson
import pytest
from aiokafka.errors import KafkaConnectionError

from stream.config import load_settings
from stream.errors import SettingsError
from stream.kafka import oauth
from stream.kafka.connection import faust_credentials, kafka_connection

OAUTH = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_mechanism": "OAUTHBEARER",
    "kafka_oauth_token_url": "https://login.example.com/token",
    "kafka_oauth_client_id": "a-client",
    "kafka_oauth_client_secret": "a-secret-nobody-guesses-41",
}
MSK = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_mechanism": "AWS_MSK_IAM",
    "kafka_aws_region": "eu-central-1",
}


def settings(**values):
    return load_settings(env_file=None, kafka_bootstrap_servers="kafka:9092", **values)


class Source:
    def __init__(self, life_seconds=60.0):
        self.fetched = 0
        self.life_seconds = life_seconds

    def fetch(self):
        self.fetched += 1
        return oauth.BrokerToken(f"t{self.fetched}", time.monotonic() + self.life_seconds)


def test_a_token_is_used_until_it_grows_old():
    young, old = Source(), Source(life_seconds=0.0)

    async def ask(source):
        provider = oauth.BrokerTokenProvider(source.fetch, {})
        return [await provider.token() for _ in range(3)]

    assert asyncio.run(ask(young)) == ["t1", "t1", "t1"]
    assert asyncio.run(ask(old)) == ["t1", "t2", "t3"]


def test_many_loops_and_threads_fetch_one_token():
    source = Source()
    slow = threading.Event()

    def fetch():
        slow.wait(5)
        return source.fetch()

    provider = oauth.BrokerTokenProvider(fetch, {})
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(asyncio.run(provider.token())))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    slow.set()
    for thread in threads:
        thread.join()
    assert found == ["t1"] * 5


def test_a_failure_is_not_kept():
    answers = [KafkaConnectionError("away"), oauth.BrokerToken("t", time.monotonic() + 60)]

    def fetch():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    provider = oauth.BrokerTokenProvider(fetch, {})
    with pytest.raises(KafkaConnectionError):
        asyncio.run(provider.token())
    assert asyncio.run(provider.token()) == "t"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"{}",
        b'{"access_token": 7}',
        b'{"access_token": ""}',
        b'{"access_token": "a\\u0001b"}',
    ],
)
def test_an_answer_without_a_token_is_an_outage_and_no_crash(body):
    with pytest.raises(KafkaConnectionError):
        oauth._token_in(body, 0.0)


def test_a_token_is_replaced_before_it_ends_and_without_a_time_soon():
    made = oauth._token_in(orjson.dumps({"access_token": "t", "expires_in": 100}), 10.0)
    assert made.use_until == 90.0
    assert oauth._token_in(b'{"access_token": "t"}', 0.0).use_until == 240.0


@pytest.mark.parametrize(
    ("told", "life_seconds"),
    [
        ("100", 100.0),
        (1e300, oauth.LONGEST_LIFE_SECONDS),
        ("inf", oauth.LONGEST_LIFE_SECONDS),
        (3_600_000, oauth.LONGEST_LIFE_SECONDS),  # milliseconds
        ("nan", oauth.LIFE_SECONDS),
        (-1, oauth.LIFE_SECONDS),
        (0, oauth.LIFE_SECONDS),
        (None, oauth.LIFE_SECONDS),
        ("soon", oauth.LIFE_SECONDS),
        ("9" * 5000, oauth.LONGEST_LIFE_SECONDS),
        ([60], oauth.LIFE_SECONDS),
        (True, oauth.LIFE_SECONDS),
    ],
)
def test_a_token_is_kept_neither_for_ever_nor_for_no_time_whatever_its_life_is(told, life_seconds):
    """A token that has ended is no connection, to any broker, until it is replaced."""
    body = orjson.dumps({"access_token": "t", "expires_in": told})
    assert oauth._token_in(body, 10.0).use_until == 10.0 + oauth.USED_SHARE * life_seconds


def test_an_error_tells_its_code_and_none_of_its_prose():
    body = orjson.dumps({"error": "invalid_client", "error_description": "user jane@example.com"})
    assert oauth._code_in(body) == " invalid_client"
    for odd in (b"<html>", b'{"error": {"a": 1}}', b'{"error": "jane@example.com"}'):
        assert not oauth._code_in(odd)


def test_nothing_shows_secret_or_token():
    made = settings(**OAUTH)
    provider = kafka_connection(made)["sasl_oauth_token_provider"]
    shown = repr(oauth.ClientCredentials("u", "c", "SECRET")) + repr(oauth.BrokerToken("TOKEN", 1))
    assert "SECRET" not in shown
    assert "TOKEN" not in shown
    assert OAUTH["kafka_oauth_client_secret"] not in repr(vars(provider)) + repr(made)


def test_one_provider_serves_all_clients_of_a_process():
    made = settings(**OAUTH)
    first = kafka_connection(made)
    assert first["sasl_mechanism"] == "OAUTHBEARER"
    assert "sasl_plain_password" not in first
    provider = first["sasl_oauth_token_provider"]
    assert kafka_connection(settings(**OAUTH))["sasl_oauth_token_provider"] is provider
    assert faust_credentials(made).oauth_cb is provider


def test_confluent_cloud_gets_its_extensions():
    made = settings(**OAUTH, kafka_oauth_extensions="logicalCluster=lkc-1, identityPoolId=pool-2")
    provider = kafka_connection(made)["sasl_oauth_token_provider"]
    assert provider.extensions() == {"logicalCluster": "lkc-1", "identityPoolId": "pool-2"}


@pytest.mark.parametrize("name", [name for name in OAUTH if name.startswith("kafka_oauth_")])
def test_what_is_missing_is_named(name):
    with pytest.raises(SettingsError, match=name.upper()):
        kafka_connection(settings(**{**OAUTH, name: ""}))


@pytest.mark.parametrize(
    "url",
    ["http://login.example.com/token", "ftp://x/", "login.example.com", "http://127.0.0.1.x/"],
)
def test_the_secret_is_sent_in_the_clear_to_nobody_else(url):
    with pytest.raises(SettingsError, match="https://"):
        settings(**{**OAUTH, "kafka_oauth_token_url": url})


@pytest.mark.parametrize("text", ["a", "a=", "=b", "a=b,", "a=b\x01c", "a b=c"])
def test_extensions_are_pairs(text):
    with pytest.raises(SettingsError, match="name=value"):
        settings(**OAUTH, kafka_oauth_extensions=text)


def test_msk_signs_with_what_the_sdk_finds(monkeypatch):
    asked = []

    def generate(region):
        asked.append(region)
        return "signed", (time.time() + 900) * 1000

    module = SimpleNamespace(generate_auth_token=generate)
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", SimpleNamespace())
    monkeypatch.setitem(sys.modules, oauth.MSK_MODULE, module)
    connection = kafka_connection(settings(**MSK))
    assert connection["sasl_mechanism"] == "OAUTHBEARER"
    provider = connection["sasl_oauth_token_provider"]
    assert [asyncio.run(provider.token()) for _ in range(2)] == ["signed", "signed"]
    assert asked == ["eu-central-1"]


def test_msk_without_credentials_is_an_outage(monkeypatch):
    def generate(_region):
        raise RuntimeError("Unable to locate credentials of arn:aws:iam::123")

    module = SimpleNamespace(generate_auth_token=generate)
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", SimpleNamespace())
    monkeypatch.setitem(sys.modules, oauth.MSK_MODULE, module)
    with pytest.raises(KafkaConnectionError, match="no AWS credentials") as told:
        oauth.MskSigner("eu-central-1").fetch()
    assert "arn:" not in str(told.value)


def test_msk_names_its_extra_and_its_region(monkeypatch):
    monkeypatch.setitem(sys.modules, oauth.MSK_MODULE, None)
    with pytest.raises(SettingsError, match=r"orderstream\[msk\]"):
        kafka_connection(settings(**MSK))
    with pytest.raises(SettingsError, match="KAFKA_AWS_REGION"):
        kafka_connection(settings(**{**MSK, "kafka_aws_region": ""}))
