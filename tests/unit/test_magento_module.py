"""Our Magento module: syntax, its own PHPUnit tests, and the rules of Magento's XML files."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

MODULE = Path(__file__).resolve().parents[2] / "magento"
ETC = MODULE / "etc"
PHP_FILES = sorted(MODULE.rglob("*.php"))
XML_FILES = sorted(MODULE.rglob("*.xml"))
SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
SCHEMAS = {
    "module.xml": "urn:magento:framework:Module/etc/module.xsd",
    "events.xml": "urn:magento:framework:Event/etc/events.xsd",
    "di.xml": "urn:magento:framework:ObjectManager/etc/config.xsd",
    "db_schema.xml": "urn:magento:framework:Setup/Declaration/Schema/etc/schema.xsd",
    "crontab.xml": "urn:magento:module:Magento_Cron:etc/crontab.xsd",
    "cron_groups.xml": "urn:magento:module:Magento_Cron:etc/cron_groups.xsd",
    "communication.xml": "urn:magento:framework:Communication/etc/communication.xsd",
    "queue_publisher.xml": "urn:magento:framework-message-queue:etc/publisher.xsd",
    "queue_topology.xml": "urn:magento:framework-message-queue:etc/topology.xsd",
    "queue_consumer.xml": "urn:magento:framework-message-queue:etc/consumer.xsd",
    "config.xml": "urn:magento:module:Magento_Store:etc/config.xsd",
    "acl.xml": "urn:magento:framework:Acl/etc/acl.xsd",
    "routes.xml": "urn:magento:framework:App/etc/routes.xsd",
    "menu.xml": "urn:magento:module:Magento_Backend:etc/menu.xsd",
    "system.xml": "urn:magento:module:Magento_Config:etc/system_file.xsd",
}
# What the classes that ours extend declare themselves: PHP ends with a fatal error at such a name.
CONSTANTS_OF_THE_PARENT = {
    "Command": {"SUCCESS", "FAILURE", "INVALID"},
    "Value": {"ENTITY"},
    "Encrypted": {"ENTITY"},
    "Action": {"SESSION_NAMESPACE", "PARAM_NAME_BASE64_URL", "PARAM_NAME_URL_ENCODED"},
    "AbstractCollection": {"SORT_ORDER_ASC", "SORT_ORDER_DESC"},
    "Template": {"XML_PATH_TEMPLATE_ALLOW_SYMLINK", "CACHE_GROUP", "CACHE_KEY_PREFIX"},
    "Field": {"XML_PATH_TEMPLATE_ALLOW_SYMLINK", "CACHE_GROUP", "CACHE_KEY_PREFIX"},
}
ENCRYPTED = r"Magento\Config\Model\Config\Backend\Encrypted"

needs_php = pytest.mark.skipif(
    shutil.which("php") is None, reason="PHP is not installed (Debian: apt install php-cli)"
)
needs_phpunit = pytest.mark.skipif(
    shutil.which("phpunit") is None, reason="PHPUnit is not installed (Debian: apt install phpunit)"
)


def tree(name: str) -> ET.Element:
    return ET.parse(next(MODULE.rglob(name))).getroot()  # noqa: S314 - our own files


def php_file_of(class_name: str) -> Path:
    return MODULE / (class_name.removeprefix("Orderstream\\Webhook\\").replace("\\", "/") + ".php")


@needs_php
@pytest.mark.parametrize("path", PHP_FILES, ids=lambda path: path.name)
def test_php_compiles(path: Path) -> None:
    checked = subprocess.run(
        ["php", "-n", "-l", str(path)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_phpunit
def test_the_modules_own_tests_pass() -> None:
    ran = subprocess.run(
        ["phpunit", "-c", str(MODULE / "phpunit.xml")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "OK (" in ran.stdout


def test_what_is_tested_without_magento_uses_nothing_of_it() -> None:
    for path in (MODULE / "Sending").glob("*.php"):
        assert "Magento\\" not in path.read_text("utf-8"), path.name


@pytest.mark.parametrize("path", PHP_FILES, ids=lambda path: path.name)
def test_php_is_strict_and_its_class_has_the_name_of_its_file(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "declare(strict_types=1);" in text
    if path.stem in ("registration", "bootstrap", "dispatch", "magento"):
        return
    folder = path.parent.relative_to(MODULE).as_posix().replace("/", "\\")
    assert f"namespace Orderstream\\Webhook\\{folder};" in text
    assert f"class {path.stem}" in text or f"interface {path.stem}" in text


@pytest.mark.parametrize("parent", CONSTANTS_OF_THE_PARENT)
def test_no_constant_has_the_name_of_one_of_the_class_it_extends(parent: str) -> None:
    """`Resend::INVALID` made every bin/magento from 2.4.6 on end in a fatal error."""
    texts = [path.read_text("utf-8") for path in PHP_FILES]
    children = [
        text
        for text in texts
        if re.search(rf"^(abstract )?class .* extends {parent}\b", text, re.MULTILINE)
    ]
    assert children
    own = {name for text in children for name in re.findall(r"\bconst (\w+) =", text)}
    assert not own & CONSTANTS_OF_THE_PARENT[parent]


def test_a_command_is_made_without_the_database() -> None:
    """Magento makes all of them at each call; at `setup:install` no table is there yet."""
    proxies = {
        (node.get("name"), argument.get("name")): argument.text
        for node in ET.parse(ETC / "di.xml").getroot().iter("type")  # noqa: S314 - our own files
        for argument in node.iter("argument")
        if (argument.text or "").endswith(r"\Proxy")
    }
    harmless = re.compile(r"Factory$|^State$|^UtcTime$")
    for path in (MODULE / "Console/Command").glob("*.php"):
        command = rf"Orderstream\Webhook\Console\Command\{path.stem}"
        for kind, name in re.findall(r"private readonly (\w+) \$(\w+)", path.read_text("utf-8")):
            proxy = proxies.pop((command, name), "")
            assert harmless.search(kind) or proxy.endswith(rf"\{kind}\Proxy"), (command, name)
    assert not proxies


@pytest.mark.parametrize(
    "option",
    [
        "CURLOPT_SUPPRESS_CONNECT_HEADERS, true",  # a proxy's "200 Connection established"
        "CURLOPT_FOLLOWLOCATION, false",  # a redirect
        "CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1",  # HTTP/2, without words
    ],
)
def test_the_answer_is_the_one_of_the_ingress(option: str) -> None:
    """Magento's client keeps the first status line; curl hands it one of each hop (seen with it)."""
    text = (MODULE / "Model/HttpTransport.php").read_text("utf-8")
    assert f"$client->setOption({option});" in text
    assert "'Expect' => ''" in text


def test_every_configuration_file_is_known_to_magento_and_names_its_schema() -> None:
    files = [path for path in XML_FILES if path.is_relative_to(ETC)]
    assert {path.name for path in files} == set(SCHEMAS)
    for path in files:
        root = ET.parse(path).getroot()  # noqa: S314 - our own files
        assert root.tag == ("schema" if path.name == "db_schema.xml" else "config")
        assert root.get(SCHEMA) == SCHEMAS[path.name], path.name


def test_the_module_has_one_name_everywhere() -> None:
    name = tree("module.xml").find("module").get("name")
    assert name == "Orderstream_Webhook"
    assert f"'{name}'" in (MODULE / "registration.php").read_text("utf-8")
    assert tree("system.xml").findtext(".//resource") == f"{name}::config"


def test_the_publisher_topology_and_consumer_speak_of_one_queue() -> None:
    topic = tree("communication.xml").find("topic")
    publisher = tree("queue_publisher.xml").find("publisher")
    binding = tree("queue_topology.xml").find("exchange/binding")
    exchange = tree("queue_topology.xml").find("exchange")
    consumer = tree("queue_consumer.xml").find("consumer")
    assert topic.get("request") == "string"
    assert {topic.get("name"), publisher.get("topic"), binding.get("topic")} == {topic.get("name")}
    assert publisher.find("connection").get("exchange") == exchange.get("name")
    assert binding.get("destination") == consumer.get("queue")
    assert exchange.get("connection") == consumer.get("connection")
    assert binding.get("destinationType") == "queue"
    class_name, method = consumer.get("handler").split("::")
    assert f"function {method}(string $message)" in php_file_of(class_name).read_text("utf-8")
    assert f"TOPIC = '{topic.get('name')}'" in (MODULE / "Model/Recorder.php").read_text("utf-8")


def test_every_setting_has_a_field_in_the_admin_and_a_default() -> None:
    fields = {field.get("id"): field for field in tree("system.xml").iter("field")}
    button = fields.pop("send_test")
    assert button.findtext("frontend_model").endswith("SendTestButton")
    group = tree("config.xml").find("default/orderstream/webhook")
    assert set(fields) == {node.tag for node in group}
    text = (MODULE / "Model/Settings.php").read_text("utf-8")
    assert all(f"'{name}'" in text for name in fields)
    for field in fields.values():
        assert field.get("sortOrder").isdigit()
        assert field.get("showInDefault") == "1"
        assert field.findtext("label")
        # A switch chooses from a list; whatever a person types is checked behind the page too.
        assert field.findtext("source_model") or field.findtext("backend_model")


def test_switch_address_and_secret_can_differ_by_website_and_store() -> None:
    per_scope = {"enabled", "url", "secret"}
    for field in tree("system.xml").iter("field"):
        shown = (field.get("showInWebsite"), field.get("showInStore"))
        assert (shown == ("1", "1")) == (field.get("id") in {*per_scope, "send_test"})


def test_the_secret_is_encrypted_hidden_and_has_no_default() -> None:
    field = tree("system.xml").find(".//field[@id='secret']")
    assert field.get("type") == "obscure"
    backend = php_file_of(field.findtext("backend_model")).read_text("utf-8")
    assert f"use {ENCRYPTED};" in backend
    assert "extends Encrypted" in backend
    default = tree("config.xml").find("default/orderstream/webhook/secret")
    assert (default.get("backend_model"), default.text) == (ENCRYPTED, None)


def test_what_belongs_to_one_installation_is_never_dumped_into_config_php() -> None:
    pool = next(
        node
        for node in tree("di.xml").iter("type")
        if node.get("name") == r"Magento\Config\Model\Config\TypePool"
    )
    kinds = {
        kind.get("name"): {item.get("name").rpartition("/")[2] for item in kind}
        for kind in pool.iter("argument")
    }
    assert kinds == {"sensitive": {"secret"}, "environment": {"enabled", "url", "secret"}}
