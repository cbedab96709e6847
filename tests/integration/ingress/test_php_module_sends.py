"""What our Magento module's PHP signs and posts, the ingress verifies and takes."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.http_wire import WEBHOOK
from support.ingress_front import SECRET, running

from stream.signatures.hmac_sha256 import SIGNATURE_HEADER, HmacVerifier
from stream.signatures.timestamped import WINDOW_HEADER, WindowVerifier

BOOTSTRAP = Path(__file__).resolve().parents[3] / "magento" / "Test" / "bootstrap.php"
NOW = 1_700_000_000
ORDER = {
    "increment_id": "000000123",
    "grand_total": 127.44,
    "customer_firstname": "Zoë/Ünal",
    "protect_code": "secret",
}

SIGN = """
use Orderstream\\Webhook\\Sending\\{Payload, Signer};
$body = Payload::encode('sales_order_save_commit_after', 'order', $given['order']);
$headers = (new Signer($given['secret']))->headers($body, $given['now']);
echo json_encode(['body' => base64_encode($body), 'headers' => $headers]);
"""
SEND = """
use Orderstream\\Webhook\\Sending\\{CurlTransport, Delivery, Payload, RetryPolicy, Signer};
$body = Payload::encode('sales_order_save_commit_after', 'order', $given['order']);
$delivery = new Delivery(new CurlTransport(), new RetryPolicy(attempts: 2));
[$next, $answer] = $delivery->send($given['url'], new Signer($given['secret']), $body, 5, time());
echo json_encode(['next' => $next, 'status' => $answer->status, 'detail' => $answer->detail]);
"""


def has_curl() -> bool:
    if shutil.which("php") is None:
        return False
    listed = subprocess.run(["php", "-m"], capture_output=True, text=True, check=False)
    return "curl" in listed.stdout.split()


needs_php = pytest.mark.skipif(
    shutil.which("php") is None, reason="PHP is not installed (Debian: apt install php-cli)"
)
needs_curl = pytest.mark.skipif(
    not has_curl(), reason="PHP with curl is not installed (Debian: apt install php-cli php-curl)"
)


def run_php(code: str, **given) -> dict:
    setup = f"require {str(BOOTSTRAP)!r}; $given = json_decode($argv[1], true);"
    # `use` has to come first in a file
    uses, _, rest = code.strip().partition("\n")
    ran = subprocess.run(
        ["php", "-d", "display_errors=stderr", "-r", f"{uses} {setup} {rest}", json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert not ran.stderr, ran.stderr
    return json.loads(ran.stdout)


@needs_php
def test_what_php_signs_both_verifiers_accept() -> None:
    import base64

    made = run_php(SIGN, order=ORDER, secret=f"{SECRET}, an-older-secret-0123456", now=NOW)
    body, headers = base64.b64decode(made["body"]), made["headers"]
    assert set(headers) == {SIGNATURE_HEADER, WINDOW_HEADER}
    assert "Zoë/Ünal".encode() in body
    assert b"protect_code" not in body
    assert HmacVerifier([SECRET]).verify(headers, body).sender == "magento"
    window = WindowVerifier([SECRET], window_seconds=300, now=lambda: NOW + 299)
    assert window.verify(headers, body).sender == "module"


@needs_curl
async def test_what_php_posts_is_in_kafka() -> None:
    async with running(ingress_senders="module") as front:
        url = f"{front.url}{WEBHOOK}"
        said = await asyncio.to_thread(run_php, SEND, order=ORDER, secret=SECRET, url=url)
        refused = await asyncio.to_thread(
            run_php, SEND, order=ORDER, secret="another-secret-0123456789", url=url
        )
    assert (said["next"], said["status"]) == (0, 200)
    (record,) = front.kafka.on("magento.orders")
    assert record.key == b"000000123"
    assert json.loads(said["detail"])["topic"] == "magento.orders"
    assert (refused["next"], refused["status"]) == (-2, 401)


@needs_curl
async def test_php_tries_again_when_kafka_was_away_and_when_nobody_listens() -> None:
    async with running(ingress_senders="module") as front:
        front.kafka.fail_next(1)
        url = f"{front.url}{WEBHOOK}"
        said = await asyncio.to_thread(run_php, SEND, order=ORDER, secret=SECRET, url=url)
    assert (said["next"], said["status"]) == (0, 200)
    assert len(front.kafka.attempts) == 2
    gone = await asyncio.to_thread(run_php, SEND, order=ORDER, secret=SECRET, url=url)
    assert (gone["next"], gone["status"]) == (-2, 0)
