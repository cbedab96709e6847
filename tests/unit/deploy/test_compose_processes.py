"""What the compose file runs: our commands, the simulator and the store, and the demo's settings."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import typer
from support.compose_file import COMPOSE_VARIABLES, ROOT, SECRET, SETTING_NAMES, read_env

from cli.main import app
from sandbox.magento.__main__ import main as run_store
from sandbox.salesforce.__main__ import parse as parse_simulator
from sandbox.salesforce.server import CONSUMER_KEY, USERNAME
from stream.config import Role, load_settings
from stream.errors import SettingsError


def check_command(command: Any, arguments: list[str], name: str) -> None:
    """Parse as the command line would, without running anything; raises its usage errors."""
    with command.make_context(name, list(arguments)) as context:
        rest = [*context._protected_args, *context.args]
        if hasattr(command, "get_command") and rest:
            sub = command.get_command(context, rest[0])
            assert sub is not None, f"no such command: {rest[0]}"
            check_command(sub, rest[1:], rest[0])


def test_every_command_is_one_of_ours_with_options_it_has(ours):
    root = typer.main.get_command(app)
    for service in ours.values():
        if "entrypoint" not in service:
            check_command(root, service["command"], "orderstream")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["relay", "--fast"], "No such option"),
        (["ingress", "--workers", "many"], "valid int"),
        (["topics", "destroy"], "no such command"),
        (["fly"], "no such command"),
    ],
)
def test_a_wrong_command_would_be_noticed(arguments, complaint):
    with pytest.raises(Exception, match=complaint):
        check_command(typer.main.get_command(app), arguments, "orderstream")


def test_the_simulator_is_a_module_and_takes_its_options(services):
    simulator = services["simulator"]
    assert simulator["profiles"] == ["demo"]
    assert simulator["entrypoint"] == ["python", "-m", "sandbox.salesforce"]
    assert importlib.util.find_spec("sandbox.salesforce.__main__") is not None
    options = parse_simulator(simulator["command"])
    assert (options.host, options.port) == ("0.0.0.0", 8090)  # noqa: S104


def test_the_store_of_the_demo_sends_once_to_the_ingress_with_its_secret(services):
    store, ingress = services["store"], services["ingress"]
    assert store["profiles"] == ["demo"]
    assert store["entrypoint"] == ["python", "-m", "sandbox.magento"]
    command = typer.Typer()
    command.command()(run_store)
    check_command(typer.main.get_command(command), [*store["command"], "--secret=x"], "store")
    secret = "MAGENTO_WEBHOOK_SECRET"
    assert store["environment"][secret] == ingress["environment"][secret]


def test_the_simulators_are_in_an_image_of_their_own(services, ours):
    for name, service in ours.items():
        is_simulator = name in {"simulator", "store"}
        assert (service["build"] != ".") == is_simulator, name
        assert (service["image"] != services["worker"]["image"]) == is_simulator, name
    stage = services["simulator"]["build"]["target"]
    assert f" AS {stage}\n" in (ROOT / "Dockerfile").read_text()


def test_the_demo_logs_in_where_the_simulator_is(services):
    demo = read_env(ROOT / "deploy/demo.env")
    assert set(demo) <= SETTING_NAMES | COMPOSE_VARIABLES
    options = parse_simulator(services["simulator"]["command"])
    assert demo["SALESFORCE_LOGIN_URL"] == options.public_url
    assert demo["SALESFORCE_CLIENT_ID"] == CONSUMER_KEY == options.consumer_key
    assert demo["SALESFORCE_USERNAME"] == USERNAME == options.username


def test_the_demos_settings_lack_only_the_key_that_the_simulator_makes(monkeypatch):
    environment = {**read_env(ROOT / "deploy/demo.env"), **SECRET}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:19092")
    with pytest.raises(SettingsError) as caught:
        load_settings(Role.INGRESS, Role.WORKER, Role.RELAY, env_file=None)
    assert caught.value.problems == [
        "SALESFORCE_PRIVATE_KEY_PATH: no such file: /config/server.key"
    ]
