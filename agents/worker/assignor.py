"""Which partitions the group shares out: those that every source topic has.

Faust groups topics by their partition counts, and shares each group out by itself. Where one topic
has more partitions than the others, partition p of orders and partition p of their retries are
then on two workers, and one order is in two hands. Here all topics are one group, as long as the
shortest of them; what lies beyond belongs to nobody, and `lag` shows it as STOP.
"""

from __future__ import annotations

from typing import Any

from faust.assignor import PartitionAssignor


class CommonPartitionsAssignor(PartitionAssignor):
    """Differs from its base in the groups of topics that are shared out together."""

    @classmethod
    def _get_copartitioned_groups(
        cls, topics: set[str], cluster: Any, subscriptions: Any
    ) -> dict[int, Any]:
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        there = {topic for topic, count in counts.items() if count}
        if not there:
            return {}
        fewest = min(counts[topic] for topic in there)
        return {fewest: cls._group_co_subscribed(there, subscriptions)}
