"""When somebody was erased, the dashboard keeps nothing in memory that may name them."""

from __future__ import annotations

from dashboard.app import build_app
from dashboard.site.state import STATE
from schemas.erasure import ERASURE_EVENT
from stream.config import load_settings

JANE = {"event": "sales_order_save_after", "key": "jane@example.com"}


def test_an_erasure_in_the_results_empties_the_latest_outcomes_and_the_dry_runs() -> None:
    settings = load_settings(
        env_file=None,
        kafka_bootstrap_servers="unused:9092",
        dashboard_operator_password="operators-9f3c1be27a60",
    )
    state = build_app(settings)[STATE]
    watch, drafts = state.watch, state.drafts
    watch.balance.recent.extend([JANE])
    drafts._drafts["1"] = object()
    with watch.tail.watch() as queue:
        watch._tell([JANE])
        assert queue.qsize() == 1
        assert drafts.find("1") is not None
        watch._tell([JANE, {"event": ERASURE_EVENT, "key": "erased:x"}])
        assert queue.qsize() == 1
    assert list(watch.balance.recent) == []
    assert drafts.find("1") is None
