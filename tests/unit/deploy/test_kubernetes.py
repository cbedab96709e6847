"""The Kubernetes manifests, checked as far as they can be without a cluster."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.manifests import BASE, PRODUCTION, ROOT, documents, of_kind
from typer.main import get_command

from cli.main import app
from stream.config import Role, Settings, load_settings
from stream.retry.process import STOP_DEADLINE_SECONDS

SETTINGS = {name.upper() for name in Settings.model_fields}
MEMORY = re.compile(r"(\d+)Mi")


def kustomization(folder: Path) -> dict[str, Any]:
    return yaml.load((folder / "kustomization.yaml").read_text(), Loader=yaml.CSafeLoader)


def read_env(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


DEPLOYMENTS = of_kind("Deployment")
GAP_DETECTOR = of_kind("CronJob")["gap-detector"]
PODS = {**DEPLOYMENTS, **of_kind("CronJob")}


def template_of(owner: dict[str, Any]) -> dict[str, Any]:
    if owner["kind"] == "CronJob":
        owner = owner["spec"]["jobTemplate"]
    return owner["spec"]["template"]


def pod_of(owner: dict[str, Any]) -> dict[str, Any]:
    return template_of(owner)["spec"]


def container_of(owner: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(owner)["containers"]
    return container


def containers_of(owner: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod_of(owner).get("initContainers", ()), container_of(owner)]


@pytest.mark.parametrize("folder", [BASE, PRODUCTION], ids=["base", "production"])
def test_every_file_is_in_the_kustomization_and_there(folder):
    listed = {name for name in kustomization(folder)["resources"] if name.endswith(".yaml")}
    assert listed == {p.name for p in folder.glob("*.yaml")} - {"kustomization.yaml"}


def test_the_processes_of_the_pipe_are_there():
    running = {"ingress", "worker", "relay", "lag", "dashboard"}
    assert set(PODS) == running | {"gap-detector"}


def test_one_apply_is_enough_the_first_time_and_every_time():
    """A Job's pod cannot be changed, so a changed setting would make the next apply fail."""
    assert "Job" not in {d["kind"] for d in documents(BASE) + documents(PRODUCTION)}
    (topics,) = pod_of(DEPLOYMENTS["worker"])["initContainers"]
    assert topics["args"] == ["topics", "apply"]
    readme = (ROOT / "README.md").read_text()
    commands = readme.split("```")[1].splitlines()
    assert [line.split("#")[0].strip() for line in commands if "apply" in line][-1] == (
        "kubectl apply -k overlays/production"
    )


@pytest.mark.parametrize("name", PODS)
def test_a_container_may_do_nothing_it_need_not(name):
    pod = pod_of(PODS[name])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in containers_of(PODS[name]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("name", PODS)
def test_memory_is_asked_for_and_bounded(name):
    resources = container_of(PODS[name])["resources"]
    asked = int(MEMORY.fullmatch(resources["requests"]["memory"])[1])
    assert asked < int(MEMORY.fullmatch(resources["limits"]["memory"])[1])
    assert resources["requests"]["cpu"].endswith("m")


@pytest.mark.parametrize("name", PODS)
def test_what_is_mounted_is_there_and_secrets_only_come_by_reference(name):
    pod, container = pod_of(PODS[name]), container_of(PODS[name])
    mounted = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert set(mounted) == {volume["name"] for volume in pod["volumes"]}
    assert all(m.get("readOnly") for n, m in mounted.items() if n not in ("tmp", "state"))
    for variable in container["env"]:
        assert variable["name"] in SETTINGS | {"HOME"}
        assert not re.search("SECRET|PASSWORD|CLIENT_ID", variable["name"])
    assert "Secret" not in {d["kind"] for d in documents(BASE) + documents(PRODUCTION)}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_probes_ask_pages_that_are_there_on_the_port_that_listens(name):
    container = container_of(DEPLOYMENTS[name])
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["startupProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    (port,) = container["ports"]
    named = {v["name"]: v.get("value") for v in container["env"]}
    own = named.get("INGRESS_PORT") or named.get("DASHBOARD_PORT")
    assert str(port["containerPort"]) == (own or read_env(BASE / "orderstream.env")["STATUS_PORT"])


def test_nobody_is_killed_who_is_about_to_end_by_himself():
    settings = load_settings(env_file=None)

    def grace(name: str) -> int:
        return pod_of(DEPLOYMENTS[name])["terminationGracePeriodSeconds"]

    assert grace("worker") > settings.worker_stop_deadline_seconds
    assert grace("relay") > STOP_DEADLINE_SECONDS
    drain = float(read_env(BASE / "orderstream.env")["INGRESS_DRAIN_NOTICE_SECONDS"])
    assert grace("ingress") > settings.ingress_request_timeout_seconds + drain


def test_the_gap_detector_looks_again_before_a_save_is_out_of_its_sight():
    spec = GAP_DETECTOR["spec"]
    minutes = int(re.fullmatch(r"\*/(\d+) \* \* \* \*", spec["schedule"])[1])
    arguments = container_of(GAP_DETECTOR)["args"]
    sight = int(arguments[arguments.index("--last") + 1].removesuffix("m"))
    assert sight >= 2 * minutes, "one run that fails leaves nothing unseen"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] < minutes * 60
    # Exit code 1 says that there was a gap: to run again would say so again.
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert pod_of(GAP_DETECTOR)["restartPolicy"] == "Never"


def test_the_gap_detectors_command_is_one_that_can_be_called(monkeypatch, capsys):
    for path in (BASE / "orderstream.env", PRODUCTION / "production.env"):
        for name, value in read_env(path).items():
            monkeypatch.setenv(name, value)
    for name in ("CONSUMER_KEY", "CONSUMER_SECRET", "ACCESS_TOKEN", "ACCESS_TOKEN_SECRET"):
        monkeypatch.setenv(f"MAGENTO_{name}", "from-the-secret")
    load_settings(Role.MAGENTO, env_file=None)
    command, *options = container_of(GAP_DETECTOR)["args"]
    known = get_command(app).commands[command]
    assert known.make_context(command, options).params["last"] == "15m"


def test_the_gap_detector_waits_for_an_overlay_that_has_the_store(rendered):
    assert GAP_DETECTOR["spec"]["suspend"] is True
    made = {(d["kind"], d["metadata"]["name"]): d for d in rendered}
    assert made["CronJob", "gap-detector"]["spec"]["suspend"] is False
    assert "MAGENTO_BASE_URL" in read_env(PRODUCTION / "production.env")


def test_who_talks_to_the_outside_is_let_out():
    """To Kafka, too: with OAUTHBEARER it asks for a token first. lag could not, and measured nothing."""
    needs_it = {
        name
        for name, owner in PODS.items()
        for entry in container_of(owner)["envFrom"]
        if re.search("kafka|salesforce|magento|alerts", entry.get("secretRef", {}).get("name", ""))
    }
    (expression,) = of_kind("NetworkPolicy")["orderstream-outside"]["spec"]["podSelector"][
        "matchExpressions"
    ][1:]
    assert needs_it == set(expression["values"])


def test_selectors_choose_their_own_pods_only():
    kinds = [*DEPLOYMENTS.values(), *of_kind("PodDisruptionBudget").values()]
    for owner in kinds:
        labels = owner["spec"]["selector"]["matchLabels"]
        assert labels["app.kubernetes.io/component"] == owner["metadata"]["name"]
        template = DEPLOYMENTS[owner["metadata"]["name"]]["spec"]["template"]
        assert labels.items() <= template["metadata"]["labels"].items()


def test_what_must_not_go_all_at_once_has_a_budget():
    assert set(of_kind("PodDisruptionBudget")) == {"ingress", "worker", "relay"}


def test_the_settings_are_settings():
    for path in (BASE / "orderstream.env", PRODUCTION / "production.env"):
        assert set(read_env(path)) <= SETTINGS
    load_settings(
        env_file=None, **{k.lower(): v for k, v in read_env(BASE / "orderstream.env").items()}
    )


def test_workers_are_scaled_by_time_and_not_while_they_could_write_nothing():
    (scaled,) = of_kind("ScaledObject", PRODUCTION).values()
    (trigger,) = scaled["spec"]["triggers"]
    query = trigger["metadata"]["query"]
    given = {**read_env(BASE / "orderstream.env"), **read_env(PRODUCTION / "production.env")}
    settings = load_settings(env_file=None, **{k.lower(): v for k, v in given.items()})
    assert f'orderstream_lag_max_seconds{{consumergroup="{settings.worker_group}"}}' in query
    assert "orderstream_breaker_state" in query
    assert "orderstream_budget_left_ratio" in query
    partitions = int(read_env(BASE / "orderstream.env")["KAFKA_PARTITIONS"])
    assert scaled["spec"]["maxReplicaCount"] <= partitions


def test_nobody_but_lag_says_the_lag_and_the_dashboard_finds_the_others():
    scraped = {
        name
        for name, owner in DEPLOYMENTS.items()
        if template_of(owner)["metadata"].get("annotations", {}).get("prometheus.io/scrape")
    }
    assert scraped == set(DEPLOYMENTS) - {"dashboard"}
    services = of_kind("Service")
    for url in read_env(BASE / "orderstream.env")["DASHBOARD_METRICS_URLS"].split(","):
        host, port = re.fullmatch(r"http://(\w+):(\d+)/metrics", url).groups()
        assert services[host]["spec"]["clusterIP"] == "None"
        assert services[host]["spec"]["ports"][0]["port"] == int(port)


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl to render with")
    command = [kubectl, "kustomize", str(PRODUCTION)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return [d for d in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if d]


def test_the_overlay_renders_with_your_image_and_without_a_second_replica_count(rendered):
    made = {(d["kind"], d["metadata"]["name"]): d for d in rendered}
    for kind, name in (
        ("Deployment", "ingress"),
        ("Deployment", "worker"),
        ("CronJob", "gap-detector"),
    ):
        images = {container["image"] for container in containers_of(made[kind, name])}
        assert images == {"registry.example.com/orderstream:1.0.0"}
    assert "replicas" not in made["Deployment", "worker"]["spec"]
    maps = {d["metadata"]["name"] for d in rendered if d["kind"] == "ConfigMap"}
    for entry in container_of(made["Deployment", "worker"])["envFrom"]:
        if "configMapRef" in entry:
            assert entry["configMapRef"]["name"] in maps


def test_the_api_knows_every_object_as_it_is_written(rendered):
    validate = pytest.importorskip("kubernetes_validate", reason="it ships the API's schemas")
    for document in rendered:
        if not document["apiVersion"].startswith("keda.sh/"):
            validate.validate(document, "1.37", strict=True)
