"""What pages show as figures: rates, charts, workers' metrics, words for numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.data.chart import HEIGHT, WIDTH, draw, round_up
from dashboard.data.overview import newest
from dashboard.data.worker_metrics import ProcessMetrics, parse, together
from dashboard.site import render
from stream.lag.rates import EventRate, Meter

PAGE = """# TYPE orderstream_breaker_state gauge
orderstream_breaker_state 2.0
orderstream_concurrency_limit 5.0
orderstream_calls_in_flight 3.0
orderstream_budget_used_calls 900.0
orderstream_budget_limit_calls 1000.0
orderstream_alert_active{alert="breaker_open"} 1.0
orderstream_alert_active{alert="auth_broken"} 0.0
"""


def test_flow_counts_per_bucket_and_forgets_the_oldest():
    flow = EventRate(bucket_seconds=10, buckets=3)
    flow.add("in", 5_000, 20)
    flow.add("in", 15_000, 30)
    flow.add("out", 15_000, 10)
    assert flow.rates("in", until_ms=20_000, buckets=2) == [(0, 2.0), (10_000, 3.0)]
    assert flow.rates("out", until_ms=20_000, buckets=2) == [(0, 0.0), (10_000, 1.0)]
    flow.add("in", 45_000, 1)
    assert [rate for _, rate in flow.rates("in", until_ms=50_000, buckets=5)] == [0, 0, 0, 0, 0.1]


@given(st.lists(st.integers(0, 10**9), max_size=300))
def test_flow_never_keeps_more_buckets_than_it_may(times):
    flow = EventRate(bucket_seconds=1, buckets=5)
    for at_ms in times:
        flow.add("in", at_ms)
    assert len(flow._counts) <= 5


def test_a_meter_knows_a_rate_from_two_samples_on_and_forgets_old_ones():
    meter = Meter(window_seconds=10)
    assert meter.per_second is None
    meter.note(0, 100)
    assert meter.per_second is None
    meter.note(5, 150)
    assert meter.per_second == 10
    meter.note(20, 150)
    meter.note(31, 150)
    assert meter.per_second == 0


@given(
    st.lists(st.tuples(st.integers(0, 60_000), st.floats(0, 1e6)), min_size=1).map(
        lambda points: sorted(points, key=lambda point: point[0])
    )
)
def test_a_chart_stays_inside_its_frame(points):
    chart = draw({"lag": points}, start_ms=0, end_ms=60_000, show=str)
    (line,) = chart.lines
    for place in line.path.removeprefix("M").split(" L"):
        x, y = map(float, place.split())
        assert 0 <= x <= WIDTH
        assert -0.1 <= y <= HEIGHT
    assert all(0 <= hover.x < WIDTH for hover in chart.hovers)


def test_a_chart_without_points_says_so():
    chart = draw({"lag": []}, start_ms=0, end_ms=60_000, show=str)
    assert (chart.summary, chart.lines[0].path, chart.hovers) == ("no data yet", "", ())


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.3, 0.5), (1, 1), (1.1, 2), (4.2, 5), (7, 10), (101, 200)]
)
def test_an_axis_ends_at_a_round_number(value, top):
    assert round_up(value) == pytest.approx(top)


def test_a_metrics_page_is_read():
    worker = parse("http://w1", PAGE)
    assert (worker.breaker_name, worker.in_flight, worker.alerts) == ("open", 3, ("breaker_open",))
    with pytest.raises(ValueError, match=r".+"):
        parse("http://w1", "<html>not metrics</html>")


def test_workers_are_summed_and_the_worst_breaker_counts():
    other = ProcessMetrics("http://w2", concurrency_limit=5, in_flight=1)
    relay = ProcessMetrics("http://relay")
    silent = ProcessMetrics("http://w3", problem="answers 500")
    view = together([parse("http://w1", PAGE), other, relay, silent])
    assert (view.workers, view.breaker, view.concurrency_limit, view.in_flight) == (
        2,
        "open",
        10,
        4,
    )
    assert view.budget_used_ratio == 0.9
    assert view.silent == (silent,)


def test_nothing_is_made_up_where_no_worker_answers():
    view = together([ProcessMetrics("http://w1", problem="no answer")])
    assert (view.workers, view.breaker, view.budget_used_ratio) == (0, "", None)


def test_commands_in_a_text_are_marked_and_the_rest_is_escaped():
    marked = render.mark_code("Correct <it>, then `orderstream dlq <x>`; or `not")
    assert marked == (
        "Correct &lt;it&gt;, then <code>orderstream dlq &lt;x&gt;</code>; or <code>not</code>"
    )


def test_what_is_not_known_is_a_dash_and_no_zero():
    assert render.show_count(None) == render.show_rate(None) == render.show_span(None) == "—"
    assert render.show_count(1234567) == "1,234,567"
    assert render.show_span(math.inf) == "never"
    assert (render.show_percent(0), render.show_percent(0.004), render.show_percent(0.25)) == (
        "0%",
        "0.4%",
        "25%",
    )


def test_the_newest_outcomes_come_first_whatever_partition_was_read_first():
    read = [{"at_ms": at} for at in (1, 5, 7, 2, 6)]
    assert [one["at_ms"] for one in newest(read, 3)] == [7, 6, 5]
