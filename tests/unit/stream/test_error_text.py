"""A right that is missing is told with what to grant, and where that is printed."""

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
)

from stream.errors import TopicAdminError
from stream.kafka.error_text import error_text
from stream.kafka.log.edges import no_answer
from stream.kafka.topic_admin import _check


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TopicAuthorizationFailedError("magento.orders"), "no Write on topic magento.orders: "),
        (TopicAuthorizationFailedError({"b", "a"}), "no Write on topic a b: "),
        (GroupAuthorizationFailedError("orderstream"), "no Write on group orderstream: "),
        (ClusterAuthorizationFailedError(), "no Write on any topic: "),
    ],
)
def test_a_missing_right_names_resource_operation_and_way_out(error, said):
    text = error_text(error)
    assert said in text
    assert "orderstream topics acls" in text


def test_other_errors_say_what_they_say():
    assert error_text(TimeoutError()) == "TimeoutError"
    assert error_text(KafkaTimeoutError("late")) == "KafkaTimeoutError: late"


def test_who_may_not_read_is_not_told_that_kafka_is_away():
    said = str(no_answer(TopicAuthorizationFailedError("magento.orders")))
    assert "no Read on topic magento.orders" in said
    assert "did not answer" not in said


@pytest.mark.parametrize("right", ["Create", "DescribeConfigs", "AlterConfigs"])
def test_whoever_makes_topics_is_told_which_right_is_missing(right):
    rows = [("magento.orders", TopicAuthorizationFailedError.errno, "Topic authorization failed.")]
    with pytest.raises(TopicAdminError, match=f"no {right} on topic magento.orders: .*topics acls"):
        _check(rows, right=right)
