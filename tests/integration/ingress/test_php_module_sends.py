"""What our Magento module's PHP signs and posts, the ingress verifies and takes."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.http_wire import WEBHOOK
from support.ingress_front import SECRET, running

from stream.signatures.hmac_sha256 import SIGNATURE_HEADER, HmacVerifier
from stream.signatures.timestamped import WINDOW_HEADER, WindowVerifier

TESTS = Path(__file__).resolve().parents[3] / "magento" / "Test"
NOW = 1_700_000_000
ORDER = {
    "increment_id": "000000123",
    "grand_total": 127.44,
    "customer_firstname": "Zoë/Ünal",
    "protect_code": "secret",
}

SIGN = """
$body = (new Orderstream\\Webhook\\Sending\\Payload())->encode('order', $given['order']);
$headers = (new Orderstream\\Webhook\\Sending\\Signer($given['secret']))->headers($body, $given['now']);
echo json_encode(['body' => base64_encode($body), 'headers' => $headers]);
"""


def lacks_extensions() -> bool:
    if shutil.which("php") is None:
        return True
    listed = subprocess.run(["php", "-m"], capture_output=True, text=True, check=False)
    return not {"curl", "mbstring"} <= set(listed.stdout.split())


needs_php = pytest.mark.skipif(
    shutil.which("php") is None, reason="PHP is not installed (Debian: apt install php-cli)"
)
needs_extensions = pytest.mark.skipif(
    lacks_extensions(),
    reason="PHP's curl or mbstring is not installed (Debian: apt install php-curl php-mbstring)",
)


def run_php(*command: str, **given) -> dict:
    ran = subprocess.run(
        ["php", "-d", "display_errors=stderr", *command, json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert not ran.stderr, ran.stderr
    return json.loads(ran.stdout)


async def dispatch(url: str, *, secret: str = SECRET, **given) -> dict:
    script = str(TESTS / "dispatch.php")
    return await asyncio.to_thread(run_php, script, url=url, secret=secret, orders=[ORDER], **given)


@needs_php
def test_what_php_signs_both_verifiers_accept() -> None:
    setup = f"require '{TESTS / 'bootstrap.php'}'; $given = json_decode($argv[1], true);"
    secrets = f"{SECRET}, an-older-secret-0123456"
    made = run_php("-r", setup + SIGN, order=ORDER, secret=secrets, now=NOW)
    body, headers = base64.b64decode(made["body"]), made["headers"]
    assert set(headers) == {SIGNATURE_HEADER, WINDOW_HEADER}
    assert "Zoë/Ünal".encode() in body
    assert b"protect_code" not in body
    assert HmacVerifier([SECRET]).verify(headers, body).sender == "magento"
    window = WindowVerifier([SECRET], window_seconds=300, now=lambda: NOW + 299)
    assert window.verify(headers, body).sender == "module"


@needs_extensions
async def test_what_php_posts_is_in_kafka_and_its_row_is_done() -> None:
    async with running(ingress_senders="module") as front:
        said = await dispatch(f"{front.url}{WEBHOOK}")
    (record,) = front.kafka.on("magento.orders")
    assert record.key == b"000000123"
    assert (said["states"], said["attempts"]) == (["sent"], [0])


@needs_extensions
async def test_a_wrong_secret_gives_nothing_up() -> None:
    async with running(ingress_senders="module") as front:
        said = await dispatch(f"{front.url}{WEBHOOK}", secret="another-secret-9f3c1be27")
    assert said["states"] == ["waiting"]
    assert said["answers"][0].startswith("401 ")
    assert front.kafka.on("magento.orders") == []


@needs_extensions
async def test_a_refused_document_fails_with_the_reason_of_the_ingress() -> None:
    async with running(ingress_senders="module") as front:
        script = str(TESTS / "dispatch.php")
        url = f"{front.url}{WEBHOOK}"
        said = await asyncio.to_thread(
            run_php, script, url=url, secret=SECRET, orders=[{"grand_total": 1, "items": []}, ORDER]
        )
    assert said["states"] == ["failed", "sent"]
    status, _, reason = said["answers"][0].partition(" ")
    assert status == "400"
    assert json.loads(reason)["error"]


@needs_extensions
async def test_php_sends_again_after_kafka_was_away_and_waits_when_nobody_listens() -> None:
    async with running(ingress_senders="module") as front:
        front.kafka.fail_next(1)
        url = f"{front.url}{WEBHOOK}"
        said = await dispatch(url, looks=2, seconds_between=60)
    assert (said["states"], said["attempts"]) == (["sent"], [1])
    assert len(front.kafka.attempts) == 2
    gone = await dispatch(url)
    assert (gone["states"], gone["attempts"]) == (["waiting"], [1])


@needs_extensions
@pytest.mark.parametrize("status", [400, 413, 415, 422])
@pytest.mark.parametrize("said", ['{"message":"Bad Request"}', '{"error":{"code":400}}', "[]"])
async def test_a_gateway_that_refuses_in_json_gives_nothing_up(status, said) -> None:
    """AWS, Kong and others speak JSON, too: each order behind a wrong rule of theirs failed."""

    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=said, content_type="application/json")

    app = web.Application()
    app.router.add_post("/", refuse)
    async with TestServer(app) as gateway:
        sent = await dispatch(str(gateway.make_url("/")))
    assert (sent["states"], sent["attempts"]) == (["waiting"], [1])
