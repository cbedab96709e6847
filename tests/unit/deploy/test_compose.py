"""The compose file, checked as far as it can be without a Docker engine."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml
from support.compose_file import (
    COMPOSE,
    COMPOSE_VARIABLES,
    ROOT,
    SECRET,
    SETTING_NAMES,
    interpolate,
    load_compose,
    read_env,
    seconds,
    variables,
)

from sandbox.broker.image import IMAGE
from sandbox.broker.properties import SMALL, server_properties
from stream.config import Settings, load_settings
from stream.retry.process import STOP_DEADLINE_SECONDS

# What the image's start script reads besides server properties.
IMAGE_VARIABLES = {"CLUSTER_ID", "KAFKA_HEAP_OPTS"}
SERVICE_KEYS = {
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "deploy",
    "entrypoint",
    "env_file",
    "environment",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "logging",
    "ports",
    "profiles",
    "read_only",
    "restart",
    "security_opt",
    "stop_grace_period",
    "tmpfs",
    "volumes",
}
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def test_the_services_of_the_pipe_are_there(services):
    assert set(services) == {
        *("kafka", "topics", "ingress", "worker", "relay"),
        *("simulator", "store"),
        *("lag", "prometheus", "alertmanager", "grafana", "dashboard"),
    }


def test_every_key_is_one_that_compose_knows(compose, services):
    allowed = {"name", "services", "volumes"}
    assert {key for key in compose if not key.startswith("x-")} == allowed
    for name, service in services.items():
        assert set(service) <= SERVICE_KEYS, name
        assert set(service.get("healthcheck", {})) <= HEALTH_KEYS, name


def test_dependencies_exist_and_their_conditions_can_be_met(services):
    for name, service in services.items():
        for target, dependency in service.get("depends_on", {}).items():
            assert target in services, name
            assert dependency["condition"] in CONDITIONS
            if dependency["condition"] == "service_healthy":
                assert "healthcheck" in services[target], target
            if dependency["condition"] == "service_completed_successfully":
                assert services[target]["restart"].startswith("on-failure"), target
            if "profiles" in services[target] and "profiles" not in service:
                assert dependency["required"] is False, f"{name} without profile needs {target}"


def test_nothing_starts_before_the_topics_are_there(services):
    assert services["topics"]["command"] == ["topics", "apply"]
    assert services["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    for name in ("ingress", "worker", "relay"):
        condition = services[name]["depends_on"]["topics"]["condition"]
        assert condition == "service_completed_successfully", name


def test_everything_that_stays_up_is_restarted_and_has_a_health_check(services):
    for name, service in services.items():
        if name not in {"topics", "store"}:
            assert service["restart"] == "unless-stopped", name
            assert "healthcheck" in service, name


def test_volumes_are_declared_and_used(compose, services):
    demo = load_compose({**SECRET, **read_env(ROOT / "deploy/demo.env")})
    used = set()
    for service in [*services.values(), *demo["services"].values()]:
        for volume in service.get("volumes", []):
            source = volume.split(":")[0] if ":" in volume else ""
            if source and not source.startswith((".", "/")):
                used.add(source)
    assert used == set(compose["volumes"])


def test_kafkas_data_is_in_a_volume(services):
    kafka = services["kafka"]
    assert f"kafka-data:{kafka['environment']['KAFKA_LOG_DIRS']}" in kafka["volumes"]


def test_the_worker_can_write_its_state_and_its_token(services):
    worker = services["worker"]
    targets = {volume.split(":")[1] if ":" in volume else volume for volume in worker["volumes"]}
    assert worker["environment"]["STATE_DIRECTORY"] in targets
    token = worker["environment"]["SALESFORCE_REFRESH_TOKEN_PATH"]
    assert token.rsplit("/", 1)[0] in targets


def test_ports_are_published_on_loopback_only(services):
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_our_containers_can_do_little(ours):
    for name, service in ours.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "user" not in service, name
        assert "privileged" not in service, name


def test_every_variable_we_pass_is_a_setting(ours):
    for name, service in ours.items():
        unknown = set(service.get("environment", {})) - SETTING_NAMES
        assert not unknown, name


def test_every_variable_of_kafka_is_one_of_its_properties(services):
    known = {
        "KAFKA_" + name.upper().replace(".", "_")
        for name in [*SMALL, *server_properties(port=1, controller_port=2, data_directory=ROOT)]
    }
    assert set(services["kafka"]["environment"]) <= known | IMAGE_VARIABLES


def test_every_variable_of_the_file_is_a_setting_or_known_to_compose():
    assert variables() <= SETTING_NAMES | COMPOSE_VARIABLES


def test_the_settings_we_pass_are_accepted(ours):
    for name, service in ours.items():
        values = {key.lower(): value for key, value in service.get("environment", {}).items()}
        settings = load_settings(env_file=None, **{"kafka_bootstrap_servers": "x:1", **values})
        assert settings.kafka_bootstrap_servers, name


def test_kafkas_health_check_starts_no_jvm_and_asks_the_port_that_the_others_use(services):
    kafka = services["kafka"]
    command, shell, option, script = kafka["healthcheck"]["test"]
    assert (command, shell, option) == ("CMD", "bash", "-c")
    port = kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")[0].rsplit(":", 1)[1]
    assert script.endswith(f"/dev/tcp/127.0.0.1/{port}")
    refused = subprocess.run([shell, option, script], capture_output=True, check=False)
    assert refused.returncode == 1


def test_a_process_has_no_secret_that_it_does_not_need(services):
    secrets = {
        name.upper()
        for name, field in Settings.model_fields.items()
        if "Secret" in str(field.annotation) and not name.startswith("kafka")
    }
    org = {name for name in secrets if name.startswith("SALESFORCE_")}
    pages = {name for name in secrets if name.startswith("DASHBOARD_")}
    senders = {"MAGENTO_WEBHOOK_SECRET", "MAGEOS_VERIFICATION_TOKEN"}
    store = {name for name in secrets if name.startswith("MAGENTO_")} - senders
    needed = {
        "topics": set(),
        "ingress": senders,
        "worker": org | store | {"ALERT_WEBHOOK_URL", "OPERATOR_SIGNING_KEY"},
        "relay": {"ALERT_WEBHOOK_URL"},
        "lag": set(),
        "dashboard": org | store | pages | {"OPERATOR_SIGNING_KEY"},
    }
    for file in (services, production_services()):
        for name, keeps in needed.items():
            environment = file[name]["environment"]
            emptied = {key for key, value in environment.items() if value == ""}
            assert secrets - emptied == keeps, name
            # The second name of a secret is as good as the first.
            assert {s for s in secrets if f"{s}_FILE" not in emptied} == keeps, name


def test_only_who_signs_in_to_the_org_is_given_its_key():
    services = production_services()
    holders = {n for n, s in services.items() if any("/secrets:" in v for v in s["volumes"])}
    assert holders == {"worker", "dashboard"}
    for name, service in services.items():
        path = service["environment"].get("SALESFORCE_PRIVATE_KEY_PATH", "")
        assert path == ("/secrets/server.key" if name in holders else ""), name


def production_services():
    needed = {
        "ORDERSTREAM_IMAGE": "x",
        "ORDERSTREAM_VERSION": "1",
        "KAFKA_BOOTSTRAP_SERVERS": "x:1",
    }
    text = (ROOT / "docker-compose.production.yml").read_text()
    return yaml.load(interpolate(text, needed), Loader=yaml.CSafeLoader)["services"]


def test_values_are_strings_so_that_yaml_changes_none_of_them(services):
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            assert isinstance(value, str) or key == "WORKER_COUNT", f"{name}: {key}"


def test_status_pages_are_asked_where_they_are_served(services):
    port = services["worker"]["environment"]["STATUS_PORT"]
    for name in ("worker", "relay"):
        assert f"http://127.0.0.1:{port}/readyz" in services[name]["healthcheck"]["test"][-1]
    ingress = services["ingress"]
    port = ingress["environment"]["INGRESS_PORT"]
    assert f"http://127.0.0.1:{port}/readyz" in ingress["healthcheck"]["test"][-1]
    assert ingress["ports"] == [f"127.0.0.1:8080:{port}"]


def test_health_checks_in_python_are_python(services):
    for name, service in services.items():
        test = service.get("healthcheck", {}).get("test", [])
        if "python" in test:
            compile(test[-1], name, "exec")


def test_nobody_is_killed_while_it_stops(services):
    defaults = load_settings(env_file=None, kafka_bootstrap_servers="x:1")
    grace = {name: seconds(s.get("stop_grace_period", "10s")) for name, s in services.items()}
    assert grace["worker"] > defaults.worker_stop_deadline_seconds
    assert grace["ingress"] > defaults.ingress_request_timeout_seconds
    assert grace["relay"] > STOP_DEADLINE_SECONDS


def test_workers_share_the_budget_among_as_many_as_there_are():
    worker = load_compose({**SECRET, "WORKER_COUNT": "3"})["services"]["worker"]
    assert worker["deploy"]["replicas"] == 3
    assert worker["environment"]["WORKER_COUNT"] == 3


def test_without_a_webhook_secret_nothing_starts():
    with pytest.raises(KeyError, match="MAGENTO_WEBHOOK_SECRET"):
        load_compose({})


@pytest.mark.parametrize(
    "given",
    [{"MAGENTO_WEBHOOK_SECRET_FILE": "/run/secrets/webhook"}, {"INGRESS_SENDERS": "mageos"}],
    ids=str,
)
def test_a_secret_by_file_and_senders_without_one_are_enough(given):
    """Compose asked for the secret itself: the file beside it was then one of two, and refused."""
    environment = load_compose(given)["services"]["ingress"]["environment"]
    assert environment["MAGENTO_WEBHOOK_SECRET"] == ""
    assert "MAGENTO_WEBHOOK_SECRET_FILE" not in environment


def test_kafka_is_the_version_that_the_tests_run_on(services):
    assert services["kafka"]["image"] == IMAGE


def test_no_secret_is_in_a_file():
    for path in (COMPOSE, ROOT / "deploy/demo.env"):
        for name, value in re.findall(r"(?<!\{)\b(\w*SECRET)\s*[=:]\s*(\S+)", path.read_text()):
            assert value.strip('",}') == "" or value in {"$(openssl", "*webhook-secret"}, name
