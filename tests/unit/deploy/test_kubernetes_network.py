"""Who may reach whom by the Kubernetes manifests."""

from __future__ import annotations

from support.manifests import PRODUCTION, of_kind

from stream.config import load_settings


def test_what_we_take_nginx_lets_through_from_every_sender():
    (entry,) = of_kind("Ingress", PRODUCTION).values()
    size = entry["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    # More than we take: what nginx refuses has no reason for the sender, no count, and no alert.
    assert int(size) == 2 * load_settings(env_file=None).ingress_max_body_bytes
    paths = {path["path"] for path in entry["spec"]["rules"][0]["http"]["paths"]}
    assert paths == {"/magento/webhook", "/adobe"}


def test_names_brokers_and_addresses_of_every_usual_cluster_can_be_reached():
    policies = of_kind("NetworkPolicy")
    egress = policies["orderstream-default"]["spec"]["egress"]
    ports = [port for rule in egress for port in rule["ports"]]
    reached = {
        number
        for port in ports
        for number in range(port["port"], port.get("endPort", port["port"]) + 1)
    }
    assert {53, 5353, 9092, 9093, 9094, 9096, 9098, 9100, 9194, 9196, 9198} <= reached
    blocks = [to["ipBlock"] for to in policies["orderstream-outside"]["spec"]["egress"][0]["to"]]
    assert {block["cidr"] for block in blocks} == {"0.0.0.0/0", "::/0"}


def test_the_network_is_shut_by_default():
    policies = of_kind("NetworkPolicy")
    default = policies["orderstream-default"]["spec"]
    assert default["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "orderstream"}
    assert default["policyTypes"] == ["Ingress", "Egress"]
    assert default["ingress"] == []
