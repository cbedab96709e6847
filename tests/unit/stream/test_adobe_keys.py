"""Adobe's public keys: from one host only, kept for a day, and hard to abuse."""

from __future__ import annotations

import asyncio

import pytest
from support.adobe_sender import KEY_PATHS, FakeKeyHost, public_pem, rsa_key

from stream.signatures.adobe_public_keys import (
    KEY_SECONDS,
    MAX_KEYS,
    NO_KEY_SECONDS,
    AdobeKeys,
    KeyAwayError,
)


class Ring(AdobeKeys):
    """Keys on a clock that tests turn."""

    def __init__(self) -> None:
        self.host = FakeKeyHost()
        self.seconds = 1000.0
        super().__init__(self.host.fetch, now=lambda: self.seconds)


def invented(number: int) -> str:
    return f"/prod/keys/pub-key-00000000-0000-4000-8000-{number:012d}.pem"


async def test_a_key_is_fetched_once_and_again_within_a_day() -> None:
    ring = Ring()
    for _ in range(3):
        assert await ring.key(KEY_PATHS[0]) is not None
    assert ring.host.asked == [KEY_PATHS[0]]
    assert KEY_SECONDS <= 24 * 3600
    ring.seconds += KEY_SECONDS
    await ring.key(KEY_PATHS[0])
    assert ring.host.asked == [KEY_PATHS[0]] * 2


async def test_many_at_once_share_one_fetch() -> None:
    ring = Ring()
    keys = await asyncio.gather(*(ring.key(KEY_PATHS[0]) for _ in range(50)))
    assert all(keys)
    assert len(ring.host.asked) == 1


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "http://evil.example/prod/keys/x.pem",
        "//evil.example" + KEY_PATHS[0],
        "/prod/keys/../keys/" + KEY_PATHS[0].rpartition("/")[2],
        KEY_PATHS[0] + "?x",
        "@evil.example/",
        KEY_PATHS[0] + "\n",
        KEY_PATHS[0].replace("/prod", "/stage"),
        KEY_PATHS[0].upper(),
    ],
)
async def test_only_paths_of_adobes_form_are_ever_asked_for(path: str) -> None:
    ring = Ring()
    assert await ring.key(path) is None
    assert ring.host.asked == []


async def test_a_path_without_a_key_is_not_asked_for_again_for_a_minute() -> None:
    ring = Ring()
    assert await ring.key(invented(1)) is None
    assert await ring.key(invented(1)) is None
    assert len(ring.host.asked) == 1
    ring.seconds += NO_KEY_SECONDS
    ring.host.answers[invented(1)] = (200, public_pem(rsa_key(1)))
    assert await ring.key(invented(1)) is not None


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_host_in_trouble_is_no_verdict_and_is_asked_again(status: int) -> None:
    ring = Ring()
    good = ring.host.answers[KEY_PATHS[0]]
    ring.host.answers[KEY_PATHS[0]] = (status, b"")
    with pytest.raises(KeyAwayError):
        await ring.key(KEY_PATHS[0])
    ring.host.answers[KEY_PATHS[0]] = good
    assert await ring.key(KEY_PATHS[0]) is not None


async def test_no_answer_is_no_verdict_either() -> None:
    ring = Ring()
    ring.host.is_away = True
    with pytest.raises(KeyAwayError):
        await ring.key(KEY_PATHS[0])


@pytest.mark.parametrize(
    "answer", [(302, b""), (407, b""), (451, b""), (200, b"<html>"), (200, b"x" * 100_000)]
)
async def test_what_is_neither_a_key_nor_no_key_is_no_verdict(answer: tuple[int, bytes]) -> None:
    """A gateway's page: the event was a 401, which Adobe never sends again."""
    ring = Ring()
    good = ring.host.answers[KEY_PATHS[0]]
    ring.host.answers[KEY_PATHS[0]] = answer
    with pytest.raises(KeyAwayError):
        await ring.key(KEY_PATHS[0])
    ring.host.answers[KEY_PATHS[0]] = good
    assert await ring.key(KEY_PATHS[0]) is not None


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_path_that_adobe_does_not_have_has_no_key(status: int) -> None:
    """Its storage says 403 of what is not there."""
    ring = Ring()
    ring.host.answers[invented(2)] = (status, b"<Error/>")
    assert await ring.key(invented(2)) is None


async def test_strangers_with_invented_paths_do_not_push_out_a_good_key() -> None:
    ring = Ring()
    await ring.key(KEY_PATHS[0])
    for number in range(MAX_KEYS * 2):
        await ring.key(invented(number))
    ring.host.asked.clear()
    assert await ring.key(KEY_PATHS[0]) is not None
    assert ring.host.asked == []


async def test_a_sender_that_hangs_up_does_not_stop_the_others_fetch() -> None:
    ring = Ring()
    first = asyncio.create_task(ring.key(KEY_PATHS[0]))
    second = asyncio.create_task(ring.key(KEY_PATHS[0]))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None
    assert len(ring.host.asked) == 1
