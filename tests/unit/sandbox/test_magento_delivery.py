"""How the simulated store delivers: signatures, patience, duplicates and late ones."""

import hashlib
import hmac
import shlex
from collections import Counter
from pathlib import Path

from sandbox.magento.numbered import numbered_webhook
from sandbox.magento.sender import (
    SIGNATURE_HEADER,
    Patience,
    Receipt,
    curl,
    disturbed,
    latency_percentile,
    sign,
)

HOOKS = [numbered_webhook(n, version) for version in range(1, 6) for n in range(40)]


def test_a_signature_is_the_hex_hmac_of_the_body() -> None:
    expected = hmac.new(b"a-long-enough-key", b"{}", hashlib.sha256).hexdigest()
    assert sign(b"{}", "a-long-enough-key") == f"sha256={expected}"


def test_an_undisturbed_delivery_is_the_store_s_own_order() -> None:
    assert disturbed(HOOKS) == HOOKS


def test_a_disturbed_delivery_loses_nothing_repeats_some_and_is_out_of_order() -> None:
    delivered = disturbed(HOOKS, duplicate_share=0.2, late_share=0.2, late_by=100)
    counts = Counter(hook.body for hook in delivered)
    assert set(counts) == {hook.body for hook in HOOKS}
    assert max(counts.values()) == 2
    assert 20 < len(delivered) - len(HOOKS) < 60
    newest: dict[str, str] = {}
    stale = 0
    for hook in delivered:
        stale += hook.updated_at < newest.get(hook.key, "")
        newest[hook.key] = max(hook.updated_at, newest.get(hook.key, ""))
    assert stale > 10


def test_a_delivery_is_disturbed_the_same_way_for_the_same_seed() -> None:
    once, again, other = (
        disturbed(HOOKS, seed=seed, duplicate_share=0.1, late_share=0.1) for seed in (1, 1, 2)
    )
    assert once == again != other


def test_retry_after_wins_over_the_backoff_and_no_wait_is_longer_than_the_limit() -> None:
    patience = Patience(backoff_seconds=0.25, max_wait_seconds=10)
    assert patience.wait_seconds(1, "") == 0.25
    assert patience.wait_seconds(3, "") == 2.25
    assert patience.wait_seconds(1, "7") == 7
    assert patience.wait_seconds(1, "3600") == 10
    assert patience.wait_seconds(2, "Wed, 21 Oct") == 1


def test_an_ignored_event_is_answered_but_not_accepted() -> None:
    assert Receipt(HOOKS[0], 200, 1, 0.1, {"event_id": "x"}).is_accepted
    assert not Receipt(HOOKS[0], 200, 1, 0.1, {"ignored": True}).is_accepted
    assert not Receipt(HOOKS[0], 503, 1, 0.1).is_accepted


def test_percentiles_are_by_nearest_rank() -> None:
    receipts = [Receipt(HOOKS[0], 200, 1, n / 100) for n in range(1, 101)]
    assert latency_percentile(receipts, 50) == 0.51
    assert latency_percentile(receipts, 99) == 1.0
    assert latency_percentile([], 99) == 0


def test_the_example_curl_signs_the_bytes_of_the_file_it_sends(tmp_path: Path) -> None:
    body = tmp_path / "an order.json"
    body.write_bytes(HOOKS[0].body)
    words = shlex.split(curl("http://127.0.0.1:1/magento/webhook", body, "a-long-enough-key"))
    assert words[0] == "curl"
    assert f"{SIGNATURE_HEADER}: {sign(HOOKS[0].body, 'a-long-enough-key')}" in words
    assert words[-1] == f"@{body}"
