"""A long secret that anybody guesses is none."""

from __future__ import annotations

import random
import secrets

import pytest

from stream.settings.required import is_guessable, secret_problems


@pytest.mark.parametrize(
    "secret",
    [
        "a" * 64,
        "1234567890123456",
        "password12345678",
        "Password!Password!Password!",
        "abcdefghijklmnopqrstuvwxyz",
        "abcabcabcabcabcabcabc",
        "qwertyuiop123456789",
        "9876543210987654",
        "adminadminadmin1",
        "P@ssw0rd12345678",
        "p4$$w0rd-p4$$w0rd-1",
        "hunter2hunter2hunter2",
        "deadbeefdeadbeefdeadbeef",
        "13579135791357913",
        "2024-01-01-2024-01-01",
        "supersecretpassword",
        "companywebhooksecret",
        "internationalization",
        "responsibilities",
        "Orderstream2026!",
        "Winter2026Winter!",
        "MagentoWebhook01",
        "thisisasecretkey",
        "1q2w3e4r5t6y7u8i",
        "1qaz2wsx3edc4rfv",
    ],
)
def test_what_follows_a_pattern_is_refused(secret) -> None:
    assert is_guessable(secret)
    (problem,) = secret_problems("MAGENTO_WEBHOOK_SECRET", (secret,))
    assert "guessed" in problem
    assert secret not in problem


def test_random_secrets_are_taken() -> None:
    seeded = random.Random(7)
    alphabet = "0123456789abcdef"
    for _ in range(500):
        assert not is_guessable("".join(seeded.choices(alphabet, k=32)))
    assert not is_guessable(secrets.token_urlsafe(24))
    assert not is_guessable("correct horse battery staple")
    assert not any(
        is_guessable("".join(seeded.choices(alphabet + "ghijklmnopqrstuvwxyz", k=24)))
        for _ in range(500)
    )
