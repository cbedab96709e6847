"""What a coordinator that moves or loads says of a group is no word about the group."""

from __future__ import annotations

import pytest
from aiokafka.errors import GroupLoadInProgressError, for_code
from aiokafka.protocol.admin import DescribeGroupsResponse_v3
from aiokafka.protocol.commit import OffsetFetchResponse_v3

from stream.errors import BrokerError
from stream.kafka.consumer_groups import committed_offsets, held_partitions

LOADS, MOVED, FORBIDDEN = 14, 16, 30
GROUP = "orderstream"


def offsets(*topics, error=0):
    return OffsetFetchResponse_v3(0, list(topics), error)


READ = offsets(("magento.orders", [(0, 42, "", 0)]))


class Coordinator:
    """An admin client whose coordinator gives these answers, one after the other."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def find_coordinator(self, _group):
        return 1

    async def _send_request(self, _request, _node):
        return self.answers.pop(0)

    async def describe_consumer_groups(self, _groups, **_options):
        return [self.answers.pop(0)]


@pytest.mark.parametrize("error", [LOADS, MOVED])
async def test_a_coordinator_that_moves_or_loads_is_asked_again(error):
    admin = Coordinator(offsets(error=error), READ)
    found = await committed_offsets(admin, GROUP, timeout_seconds=5)
    assert found == {("magento.orders", 0): 42}


@pytest.mark.parametrize(
    "answer", [offsets(error=FORBIDDEN), offsets(("magento.orders", [(0, -1, "", FORBIDDEN)]))]
)
async def test_who_may_not_see_a_group_is_told_so(answer):
    with pytest.raises(BrokerError, match="no Describe on group orderstream"):
        await committed_offsets(Coordinator(answer), GROUP, timeout_seconds=5)


async def test_a_group_whose_coordinator_loads_has_not_lost_its_members():
    described = DescribeGroupsResponse_v3(0, [(LOADS, GROUP, "", "", "", [], 0)])
    assert for_code(LOADS) is GroupLoadInProgressError
    with pytest.raises(GroupLoadInProgressError):
        await held_partitions(Coordinator(described), GROUP)
