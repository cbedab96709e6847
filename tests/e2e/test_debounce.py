"""With debounce on, three saves in two seconds are one write; off, the first is written at once."""

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]


async def test_three_saves_of_one_click_are_one_write(make_rig):
    rig = await make_rig(DEBOUNCE_SECONDS="1.5")
    await rig.relay()
    await rig.worker()
    for version in (1, 2, 3):
        await rig.publish([(n, version) for n in range(20)])
    report = await rig.settled(60)
    assert (report.total.synced, report.total.superseded) == (20, 40)
    assert set(rig.versions().values()) == {3}
    digests = rig.org.ask("GET", "/digests?sobject=Opportunity")
    assert {digest["writes"] for digest in digests} == {1}


@pytest.mark.proof
async def test_an_order_that_never_settles_is_written_at_the_maximum(make_rig):
    rig = await make_rig(DEBOUNCE_SECONDS="1", DEBOUNCE_MAX_SECONDS="3")
    await rig.relay()
    await rig.worker()
    version = 0

    async def is_written():
        nonlocal version
        version += 1
        await rig.publish([(1, version)])
        return "000000001" in rig.versions()

    await rig.until(is_written, timeout_seconds=20)
    await rig.settled(version)
    assert rig.versions()["000000001"] == version
    assert rig.org.ask("GET", "/digests?sobject=Opportunity")[0]["writes"] < version / 2
