from __future__ import annotations

from pathlib import Path

from sandbox.broker.properties import (
    Listeners,
    broker_properties,
    controller_properties,
    render,
    server_properties,
)


def properties(**extra):
    return server_properties(
        port=20001, controller_port=20002, data_directory=Path("/data"), extra=extra
    )


def test_a_broker_listens_on_loopback_only():
    made = properties()
    assert made["listeners"] == "CLIENT://127.0.0.1:20001,CONTROLLER://127.0.0.1:20002"
    assert made["advertised.listeners"] == "CLIENT://127.0.0.1:20001"
    assert made["controller.quorum.voters"] == "1@127.0.0.1:20002"
    assert made["log.dirs"] == "/data"


def test_whatever_the_caller_says_wins():
    assert properties(**{"num.partitions": "1"})["num.partitions"] == "1"


def test_a_misspelled_topic_is_not_created():
    assert properties()["auto.create.topics.enable"] == "false"


def test_the_file_has_one_property_a_line_and_escapes_backslashes():
    text = render({"b": "2", "a": "C:\\kafka"})
    assert text == "a=C:\\\\kafka\nb=2\n"


def test_a_line_break_in_a_value_stays_in_its_property():
    assert render({"sasl.jaas.config": "one\ntwo"}) == "sasl.jaas.config=one\\ntwo\n"


def test_three_brokers_keep_three_copies_and_ask_for_two():
    made = broker_properties(
        2,
        Listeners(client=20001, internal=20002, advertised=20009),
        controller=(100, 20003),
        data_directory=Path("/data"),
        replicas=3,
        extra={},
    )
    assert made["process.roles"] == "broker"
    assert made["controller.quorum.voters"] == "100@127.0.0.1:20003"
    assert made["listeners"] == "CLIENT://127.0.0.1:20001,INTERNAL://127.0.0.1:20002"
    assert made["advertised.listeners"] == "CLIENT://127.0.0.1:20001,INTERNAL://127.0.0.1:20009"
    assert made["offsets.topic.replication.factor"] == "3"
    assert made["min.insync.replicas"] == "2"


def test_a_controller_has_no_listener_for_clients():
    made = controller_properties(100, port=20003, data_directory=Path("/data"), extra={})
    assert made["listeners"] == "CONTROLLER://127.0.0.1:20003"
    assert made["process.roles"] == "controller"
    assert "advertised.listeners" not in made
