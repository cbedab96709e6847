"""The pages beside the webhook are cheap, however often they are asked for."""

from stream.ingress.handler import METRICS_SECONDS, Pages
from stream.ingress.readiness import Readiness
from stream.ops import metrics


async def fine():
    return None


async def test_a_flood_of_questions_for_the_figures_costs_one_page_each_half_second():
    now = [100.0]
    pages = Pages(Readiness(fine, now=lambda: now[0]), now=lambda: now[0])

    async def ignored():
        page = (await pages.answer("GET", "/metrics")).body.decode()
        lines = [line for line in page.splitlines() if "ignored_total{" in line]
        return [line for line in lines if "flood_of_questions" in line]

    before = await ignored()
    metrics.INGRESS_IGNORED.labels("flood_of_questions", "unmapped").inc()
    assert await ignored() == before
    now[0] += METRICS_SECONDS
    assert await ignored() != before
