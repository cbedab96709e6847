"""Hostile requests against every server: an answer that is the sender's fault, and nothing told."""

from __future__ import annotations

import asyncio
import gzip
import random

import pytest
from structlog.testing import capture_logs
from support.attack_targets import (
    MOST_CONNECTIONS,
    ROUNDS,
    SERVERS,
    Target,
    open_target,
    session_cookie,
)
from support.http_wire import connect, head, read_answer

FORM = "Content-Type: application/x-www-form-urlencoded"
MULTIPART = "Content-Type: multipart/form-data"
FIELDS = b"name=Ann&password=wrong"
GZIPPED = gzip.compress(b"name=" + b"a" * 4_000_000)
PART = b"--x\r\nContent-Disposition: form-data; name=a\r\n%s\r\n\r\nv\r\n--x--\r\n"

# Name → the head's lines, the body, and whether the head announces the whole length.
POSTS: dict[str, tuple[list[str], bytes]] = {
    "unknown charset": ([f"{FORM}; charset=foo"], FIELDS),
    "utf-16": ([f"{FORM}; charset=utf-16"], FIELDS),
    "invalid utf-8": ([FORM], b"name=\xff\xfe&password=\xc3\x28"),
    "percent-encoded invalid utf-8": ([FORM], b"name=%ff%fe&password=%c3("),
    "a surrogate": ([FORM], b"name=%ed%a0%80&password=x"),
    "many fields": ([FORM], b"&".join(b"a%d=" % n for n in range(1_500))[:4_000]),
    "multipart without a boundary": ([MULTIPART], FIELDS),
    "broken multipart": ([f"{MULTIPART}; boundary=x"], b"--x\r\nbroken"),
    "nested multipart": (
        [f"{MULTIPART}; boundary=x"],
        PART % b"Content-Type: multipart/mixed; boundary=y",
    ),
    "unknown transfer encoding of a part": (
        [f"{MULTIPART}; boundary=x"],
        PART % b"Content-Transfer-Encoding: moon",
    ),
    "unknown charset of a part": (
        [f"{MULTIPART}; boundary=x"],
        PART % b"Content-Type: text/plain; charset=foo",
    ),
    "gzip": ([FORM, "Content-Encoding: gzip"], GZIPPED),
    "broken gzip": ([FORM, "Content-Encoding: gzip"], GZIPPED[:-20]),
    "deflate": ([FORM, "Content-Encoding: deflate"], b"\x00\x01"),
    "brotli": ([FORM, "Content-Encoding: br"], b"\x00\x01"),
    "zstd": ([FORM, "Content-Encoding: zstd"], b"\x28\xb5\x2f\xfd\x00"),
    "two encodings": ([FORM, "Content-Encoding: identity, gzip"], GZIPPED),
    "not a form": (["Content-Type: application/json"], b"[" * 100_000),
    "no type": ([], FIELDS),
    "a broken type": (["Content-Type: ;;;=\x01"], FIELDS),
    "larger than any": ([FORM], b"a" * 6_000_000),
    "an expectation": ([FORM, "Expect: the-impossible"], FIELDS),
    "a broken cookie": ([FORM, 'Cookie: orderstream_session="; =;;'], FIELDS),
    "a cookie of no text": ([FORM, "Cookie: orderstream_session=%ff.%ff"], FIELDS),
}
TARGETS = (
    "/%ff", "/%00", "//evil.example/", "/../../etc/passwd", "/letters?since=99999999999999d",
    "/trace?target=%ed%a0%80", "/login?a[]=%c3%28", "/?" + "a=1&" * 900, "/static/x/..%2f..%2fapp.py",
    "*", "http://[::1", "http://evil.example:99999/", "/\x7f", "/letters/9-9999999999999999999999",
    "/jobs/" + "x" * 3_000, "/part/drafts/%27%22", "/OauthRedirect?state=%ed%a0%80",
    "/login/callback?state=%ed%a0%80&code=", "/login/start?x[]=1",
    "/OauthRedirect?error=x&state=", "/adobe/events?challenge=%ed%a0%80",
)  # fmt: skip
HEADS: dict[str, bytes] = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a host of nothing": b"GET /livez HTTP/1.1\r\nHost: [::\r\n\r\n",
    "a host with a path": b"POST /login HTTP/1.1\r\nHost: a/../b\r\nContent-Length: 0\r\n\r\n",
    "many headers": head("GET", "/", *(f"X-{n}: 1" for n in range(200))),
    "a long header": head("GET", "/", "X: " + "a" * 5_000),
    "a long line": head("GET", "/" + "a" * 9_000),
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
    "a wrong version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "both framings": head("POST", "/login", "Content-Length: 4", "Transfer-Encoding: chunked")
    + b"0\r\n\r\n",
    "an overflowing length": head("POST", "/login", "Content-Length: 99999999999999999999999"),
    "a negative length": head("POST", "/login", "Content-Length: -1"),
    "broken chunks": head("POST", "/login", FORM, "Transfer-Encoding: chunked") + b"zz\r\nx\r\n",
    "an obsolete fold": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
}


def post_of(target: Target, lines: list[str], body: bytes) -> bytes:
    """A post that the dashboard's guard takes for one of its own page."""
    own = [f"Origin: {target.url}", f"Content-Length: {len(body)}"]
    request = head("POST", target.post_path, *own, *lines)
    return request.replace(b"Host: ingress", host_of(target)) + body


def host_of(target: Target) -> bytes:
    return f"Host: {target.url.removeprefix('http://')}".encode()


async def refused(target: Target, request: bytes) -> int:
    """Return the status; the answer blames the sender and tells nothing, and no log line a trace."""
    with capture_logs() as lines:
        answer = await target.send(request)
    # Kafka is away here: a page that needs it may say so.
    assert answer.status < 500 or (answer.status == 503 and b"Kafka" in answer.body), answer.body
    assert "server" not in answer.headers
    for word in (b"Traceback", b"aiohttp", b"Python", b".py"):
        assert word not in answer.body
    assert [line for line in lines if line.get("exc_info") or line["log_level"] == "error"] == []
    return answer.status


@pytest.mark.parametrize("shape", POSTS)
async def test_no_post_is_our_fault(target, shape) -> None:
    status = await refused(target, post_of(target, *POSTS[shape]))
    assert status >= 400
    assert await target.is_well()


@pytest.mark.parametrize("path", TARGETS)
async def test_no_address_is_our_fault(target, path) -> None:
    await refused(target, head("GET", path))
    await refused(target, head("POST", path, "Content-Length: 0"))
    assert await target.is_well()


@pytest.mark.parametrize("path", TARGETS)
async def test_no_address_is_our_fault_for_somebody_logged_in_either(short_deadlines, path) -> None:
    async with open_target("dashboard") as target:
        cookie = await session_cookie(target)
        await refused(target, head("GET", path, cookie))
        own = [f"Origin: {target.url}", FORM, cookie, "Content-Length: 9"]
        request = head("POST", path, *own).replace(b"Host: ingress", host_of(target))
        await refused(target, request + b"token=abc")


@pytest.mark.parametrize("shape", HEADS)
async def test_no_head_is_our_fault(target, shape) -> None:
    await refused(target, HEADS[shape])
    assert await target.is_well()


async def test_a_compressed_body_is_refused_before_it_has_come(target) -> None:
    """The 415 comes while the body is still on its way: nothing of it is kept or unpacked."""
    request = post_of(target, [FORM, "Content-Encoding: gzip"], GZIPPED * 10)
    reader, writer = await connect(target.url)
    writer.write(request[: len(request) // 2])
    assert (await read_answer(reader)).status in {401, 405, 415}
    writer.close()


@pytest.mark.parametrize("sent", ["nothing", "half a head", "half a body"])
async def test_a_slow_sender_is_ended(target, sent) -> None:
    whole = post_of(target, [FORM], b"a" * 2_000)
    part = {"nothing": b"", "half a head": whole[:30], "half a body": whole[:-1_000]}[sent]
    reader, writer = await connect(target.url)
    writer.write(part)
    rest = await reader.read()  # returns when the other side closes
    writer.close()
    assert rest == b"" or 400 <= int(rest.split()[1]) < 500
    assert await target.is_well()


@pytest.mark.parametrize("name", SERVERS)
async def test_senders_that_say_nothing_do_not_shut_others_out(name) -> None:
    """More connections than are allowed: those that wait longest make room, and it is logged.

    With the deadlines of every day: a crowd that a busy machine lets in slowly is not ended by them.
    """
    crowd = MOST_CONNECTIONS + 30
    async with open_target(name, ingress_seconds=60) as target:
        await crowd_at(target, crowd)


async def crowd_at(target: Target, crowd: int) -> None:
    with capture_logs() as lines:
        idle = await asyncio.gather(*(connect(target.url) for _ in range(crowd)))
        for _reader, writer in idle:
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n")
        assert await target.is_well()
    assert [line for line in lines if line["event"] == "http_connections_full"]
    for _reader, writer in idle:
        writer.close()


async def test_no_mutation_of_a_request_is_our_fault(target) -> None:
    """Bytes changed, doubled, cut and moved at random: `ATTACK_ROUNDS` of them."""
    seed = random.Random(target.name)
    samples = [post_of(target, *POSTS[shape]) for shape in POSTS if len(POSTS[shape][1]) < 50_000]
    samples += [head("GET", path) for path in TARGETS] + list(HEADS.values())
    for _ in range(ROUNDS):
        request = mutated(seed.choice(samples), seed)
        reader, writer = await connect(target.url)
        writer.write(request)
        writer.write_eof()
        answers = await reader.read()
        writer.close()
        for line in answers.split(b"\r\n"):
            if line.startswith(b"HTTP/1.1 "):
                assert line[9:10] != b"5", request
        assert b"\r\nServer:" not in answers
    assert await target.is_well()


def mutated(request: bytes, seed: random.Random) -> bytes:
    """Return a request with some of its bytes not as they were."""
    data = bytearray(request)
    for _ in range(seed.randint(1, 6)):
        at, size = seed.randrange(len(data)), seed.randint(1, 12)
        match seed.randrange(5):
            case 0:
                data[at] = seed.randrange(256)
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size] * seed.randint(1, 30)
            case 3:
                data[at:at] = seed.choice([b"\x00", b"\r\n", b"%", b"\xff", b"9" * 30, b";", b"\t"])
            case _:
                data = data[at:] + data[:at]
        data = data or bytearray(b"\r\n")
    return bytes(data)
