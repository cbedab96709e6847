"""Hostile requests against every server: an answer that is the sender's fault, and nothing told."""

from __future__ import annotations

import asyncio
import gzip
import random
import re

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
    "an expectation of bytes": ([FORM, "Expect: \udcff"], FIELDS),
    "a broken cookie": ([FORM, 'Cookie: orderstream_session="; =;;'], FIELDS),
    "a cookie of bytes": (
        [FORM, "Cookie: orderstream_session=\udcff.\udcff; orderstream_device=\udcff.\udcff"],
        FIELDS,
    ),
    "a cookie of no text": ([FORM, "Cookie: orderstream_session=%ff.%ff"], FIELDS),
}
TARGETS = (
    "/%ff", "/%00", "//evil.example/", "/../../etc/passwd", "/letters?since=99999999999999d",
    "/trace?target=%ed%a0%80", "/login?a[]=%c3%28", "/?" + "a=1&" * 900, "/static/x/..%2f..%2fapp.py",
    "*", "http://[::1", "http://evil.example:99999/", "/\x7f", "/letters/9-9999999999999999999999",
    "/jobs/" + "x" * 3_000, "/part/drafts/%27%22", "/OauthRedirect?state=%ed%a0%80",
    "/login/callback?state=%ed%a0%80&code=", "/login/start?x[]=1",
    "http://xn--/", "http://xn--a-ecp.ru/livez", "/OauthRedirect?error=x&state=", "/adobe/events?challenge=%ed%a0%80",
)  # fmt: skip
HEADS: dict[str, bytes] = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a host of nothing": b"GET /livez HTTP/1.1\r\nHost: [::\r\n\r\n",
    "an impossible port": b"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n",
    "a host of two ports": b"GET / HTTP/1.1\r\nHost: localhost:1:2\r\n\r\n",
    "a host of broken punycode": b"GET / HTTP/1.1\r\nHost: xn--\r\n\r\n",
    "a host of a byte": b"GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n",
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


SHORT = [body for _, body in POSTS.values() if len(body) < 50_000]
STATUS = re.compile(rb"HTTP/[\d.]+ (\d{3}) ")
SHORT_SECONDS = 0.3
AT_ONCE = 10  # fewer than the login callback takes


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


async def test_a_sender_that_leaves_is_not_our_fault(target) -> None:
    whole = post_of(target, [FORM], b"a" * 2_000)
    with capture_logs() as lines:
        _reader, writer = await connect(target.url)
        writer.write(whole[:-1_000])
        await asyncio.sleep(0)
        assert await target.is_well()
        writer.close()
        await writer.wait_closed()
        assert await target.is_well()
    assert [line for line in lines if line.get("exc_info") or line["log_level"] == "error"] == []


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


@pytest.mark.parametrize("name", SERVERS)
async def test_no_mutation_of_a_request_is_our_fault(name, short_deadlines, monkeypatch) -> None:
    """Bytes changed, doubled, cut and moved at random: `ATTACK_ROUNDS` of them.

    Of a request whose end does not come the deadline is the end, so deadlines are short here.
    """
    monkeypatch.setattr("stream.http.app_server.REQUEST_SECONDS", SHORT_SECONDS)
    seed = random.Random(name)
    async with open_target(name, ingress_seconds=SHORT_SECONDS) as target:
        samples = [post_of(target, *POSTS[shape]) for shape in POSTS if POSTS[shape][1] in SHORT]
        samples += [head("GET", path) for path in TARGETS] + list(HEADS.values())
        answered = 0
        for _ in range(0, ROUNDS, AT_ONCE):
            requests = [mutated(seed.choice(samples), seed) for _ in range(AT_ONCE)]
            found = await asyncio.gather(*(answers_to(target, each) for each in requests))
            for request, answers in zip(requests, found, strict=True):
                statuses = STATUS.findall(answers)
                assert not [status for status in statuses if status >= b"5"], request
                assert b"\r\nServer:" not in answers
                answered += bool(statuses)
        assert answered > ROUNDS / 2
        assert await target.is_well()


async def answers_to(target: Target, request: bytes) -> bytes:
    """Return what a server says; it comes before the end is sent, which aiohttp takes for a leave."""
    reader, writer = await connect(target.url)
    writer.write(request)
    try:
        first = await reader.read(2**16)
        if first:
            writer.write_eof()
        return first + await reader.read()
    finally:
        writer.close()


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
