"""Our Magento module's table, events, admin pages, labels and Composer file agree with its code."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from schemas.event import Kind
from schemas.event_names import use_of

MODULE = Path(__file__).resolve().parents[2] / "magento"
OWN_CLASS = re.compile(r"Orderstream\\Webhook\\[\w\\]+")
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
PHP = [path for path in sorted(MODULE.rglob("*.ph*")) if "Test" not in path.parts]
CODE = {path: path.read_text("utf-8") for path in PHP if path.suffix in (".php", ".phtml")}
LISTING = "view/adminhtml/ui_component/orderstream_delivery_listing.xml"
# Magento's coding standard, at the severity at which an agency's or the Marketplace's check stops.
NOT_IN_MAGENTO = {
    "final classes": r"^final class|^abstract final",
    "static methods": r"static function \w",
    "curl's own functions": r"\bcurl_\w+\(",
    "sleep": r"\bu?sleep\(",
    "parse_url": r"\bparse_url\(",
    "raw SQL": r"['\"](SELECT|INSERT|UPDATE|DELETE) ",
    "the object manager": r"ObjectManager::getInstance",
    "an interface without its suffix": r"^interface \w+(?<!Interface)$",
}


class Table(NamedTuple):
    columns: set[str]
    indexed: set[str]
    keys: set[str]


def root_of(path: str) -> ET.Element:
    return ET.parse(MODULE / path).getroot()  # noqa: S314 - our own files


def file_of(class_name: str) -> Path:
    relative = class_name.removeprefix("Orderstream\\Webhook\\").replace("\\", "/")
    return MODULE / f"{relative}.php"


def source(relative: str) -> str:
    return (MODULE / relative).read_text("utf-8")


def tables() -> dict[str, Table]:
    return {
        table.get("name"): Table(
            {column.get("name") for column in table.findall("column")},
            {column.get("name") for column in table.findall("index/column")},
            {
                node.get("referenceId")
                for node in (*table.findall("index"), *table.findall("constraint"))
            },
        )
        for table in root_of("etc/db_schema.xml").findall("table")
    }


def test_every_class_of_ours_that_a_file_names_exists() -> None:
    virtual = {node.get("name") for node in root_of("etc/di.xml").iter("virtualType")}
    files = [*MODULE.rglob("*.xml"), *MODULE.rglob("*.php"), *MODULE.rglob("*.phtml")]
    named = {
        found.removesuffix("\\Webhook").rstrip("\\")
        for path in files
        for found in OWN_CLASS.findall(path.read_text("utf-8"))
        if found.count("\\") > 2
    }
    named = {name.removesuffix("\\Proxy") for name in named}
    generated = {name for name in named if name.endswith("Factory") and not file_of(name).is_file()}
    assert {name.removesuffix("Factory") for name in generated} <= named | {
        r"Orderstream\Webhook\Model\ResourceModel\DeliveryRow\Collection"
    }
    namespaces = {name for name in named if file_of(name).with_suffix("").is_dir()}
    missing = {
        name for name in named - generated - virtual - namespaces if not file_of(name).is_file()
    }
    assert not missing


@pytest.mark.parametrize("what", NOT_IN_MAGENTO)
def test_the_code_keeps_magentos_coding_standard(what: str) -> None:
    found = [
        f"{path.relative_to(MODULE)}: {line.strip()}"
        for path, text in CODE.items()
        for line in text.splitlines()
        if re.search(NOT_IN_MAGENTO[what], line)
    ]
    assert not found


def test_every_column_is_written_or_read_by_the_code() -> None:
    everything = "".join(CODE.values())
    for name, table in tables().items():
        assert f"'{name}'" in everything
        unused = {column for column in table.columns if not re.search(rf"\b{column}\b", everything)}
        assert not unused, name
        assert table.indexed <= table.columns


def test_rows_are_changed_one_at_a_time_by_their_key() -> None:
    """With any other condition MySQL may lock a gap in which a checkout inserts its row."""
    text = source("Model/Outbox.php")
    changes = re.findall(r"->(?:update|delete)\(([^;]*);", text)
    assert len(changes) == 2
    assert text.count("'delivery_id = ?'") == len(changes)
    assert "delivery_id IN" not in text
    assert not re.search(r"\$where = .*\bstate\b", text)


def test_the_whitelist_is_the_schemas() -> None:
    listed = json.loads(source("etc/db_schema_whitelist.json"))
    assert {name: set(table["column"]) for name, table in listed.items()} == {
        name: table.columns for name, table in tables().items()
    }
    for name, table in tables().items():
        assert table.keys == {*listed[name].get("index", {}), *listed[name]["constraint"]}


def test_an_index_has_the_name_that_magento_makes_for_it() -> None:
    for table in root_of("etc/db_schema.xml").findall("table"):
        for index in table.findall("index"):
            columns = [column.get("name") for column in index.findall("column")]
            assert index.get("referenceId") == "_".join([table.get("name"), *columns]).upper()


def observers() -> dict[str, list[str]]:
    return {
        event.get("name"): [node.get("instance") for node in event.findall("observer")]
        for event in root_of("etc/events.xml").findall("event")
    }


def test_every_save_is_noted_inside_its_transaction_and_told_after_it() -> None:
    by_event = observers()
    inside = {name for name in by_event if not name.endswith("_commit_after")}
    behind = {name.replace("_commit_after", "_after") for name in by_event.keys() - inside}
    assert inside - behind == {"sales_order_save_attribute_after"}  # nothing is told: cron looks
    assert behind <= inside
    for name, classes in by_event.items():
        (observer,) = classes
        text = file_of(observer).read_text("utf-8")
        assert "implements ObserverInterface" in text
        assert ("->nudge()" if name.endswith("_commit_after") else "->note(") in text


def test_what_saves_no_order_row_is_noted_too() -> None:
    text = source("Observer/OrderPartSaved.php")
    fields = dict(re.findall(r"'(sales_order_\w+_after)' => '(\w+)'", text))
    parts = {name for name, (seen,) in observers().items() if seen.endswith("OrderPartSaved")}
    assert set(fields) == parts
    assert {
        "sales_order_address_save_after",
        "sales_order_shipment_save_after",
        "sales_order_shipment_track_save_after",
        "sales_order_status_history_save_after",
    } <= parts
    assert "customer_address_delete_after" in observers()


def test_the_ingress_knows_the_events_of_the_bodies() -> None:
    sent = dict(
        re.findall(r"Delivery::(\w+) => '(\w+_commit_after)'", source("Sending/Payload.php"))
    )
    assert use_of(sent["ORDER"]) is Kind.ORDER
    assert use_of(sent["CUSTOMER"]) is Kind.CUSTOMER


def test_cron_looks_every_minute_in_a_process_of_its_own() -> None:
    jobs = {job.get("name"): job for job in root_of("etc/crontab.xml").iter("job")}
    assert jobs["orderstream_deliver"].findtext("schedule") == "* * * * *"
    for job in jobs.values():
        text = file_of(job.get("instance")).read_text("utf-8")
        assert f"function {job.get('method')}(): void" in text
    group = root_of("etc/cron_groups.xml").find("group")
    assert group.get("id") == root_of("etc/crontab.xml").find("group").get("id")
    assert group.findtext("use_separate_process") == "1"


def test_every_interface_of_ours_has_an_implementation() -> None:
    preferred = {
        node.get("for"): node.get("type") for node in root_of("etc/di.xml").iter("preference")
    }
    interfaces = {path.stem for path in (MODULE / "Sending").glob("*Interface.php")}
    assert {name.rpartition("\\")[2] for name in preferred} == interfaces
    for interface, class_name in preferred.items():
        text = file_of(class_name).read_text("utf-8")
        assert f"implements {interface.rpartition(chr(92))[2]}" in text


def test_the_grid_shows_columns_of_the_table_and_its_actions_exist() -> None:
    grid = root_of(LISTING)
    shown = {column.get("name") for column in grid.iter("column")}
    assert shown <= tables()["orderstream_delivery"].columns
    assert {"kind", "event", "state", "attempts", "answer", "next_try_at"} <= shown
    assert all(column.find("settings/filter") is not None for column in grid.iter("column"))
    for url in grid.findall(".//action/settings/url"):
        route, controller, action = url.get("path").split("/")
        assert route == root_of("etc/adminhtml/routes.xml").find("router/route").get("frontName")
        file = f"Controller/Adminhtml/{controller.title()}/{action[0].upper()}{action[1:]}.php"
        assert "extends MassAction" in source(file)
    provider = grid.find("dataSource").get("name")
    collections = [item.get("name") for item in root_of("etc/di.xml").iter("item")]
    assert provider in collections


def test_pages_menu_and_actions_ask_for_rights_that_exist() -> None:
    rights = {node.get("id") for node in root_of("etc/acl.xml").iter("resource")}
    asked = {node.get("resource") for node in root_of("etc/adminhtml/menu.xml").iter("add")}
    asked |= {node.text for node in root_of(LISTING).iter("aclResource")}
    for text in CODE.values():
        asked |= set(re.findall(r"RESOURCE = '([\w:]+)'", text))
    assert asked <= rights
    for path in (MODULE / "Controller").rglob("*.php"):
        assert "ADMIN_RESOURCE = " in path.read_text("utf-8") or "extends MassAction" in CODE[path]


def test_the_button_posts_where_a_controller_is_that_every_autoloader_finds() -> None:
    """Magento's own composer.json leaves whatever lies in a folder `Test` out of the class map."""
    (url,) = re.findall(
        r"getUrl\('(orderstream/\w+/\w+)'", source("Block/Adminhtml/SendTestButton.php")
    )
    _, controller, action = url.split("/")
    assert "HttpPostActionInterface" in source(
        f"Controller/Adminhtml/{controller.title()}/{action.title()}.php"
    )
    folders = {part for path in CODE for part in path.relative_to(MODULE).parts}
    assert not {"Test", "dev", "update"} & folders


def test_layouts_and_templates_that_are_named_exist() -> None:
    for text in CODE.values():
        for name in re.findall(r"'Orderstream_Webhook::(\w+\.phtml)'", text):
            assert (MODULE / "view/adminhtml/templates" / name).is_file()
    layout = root_of("view/adminhtml/layout/orderstream_delivery_index.xml")
    component = layout.find(".//uiComponent").get("name")
    assert (MODULE / f"view/adminhtml/ui_component/{component}.xml").is_file()
    assert "orderstream/delivery/index" in source("etc/adminhtml/menu.xml")


def labels() -> set[str]:
    found = set()
    for text in CODE.values():
        found |= set(re.findall(r"__\(\s*'([^']*)'", text))
    for path in MODULE.rglob("*.js"):
        found |= set(re.findall(r"\$t\('([^']*)'\)", path.read_text("utf-8")))
    found |= set(re.findall(r"'(The [^']*\.)'", source("Sending/SettingRules.php")))
    for path in MODULE.rglob("*.xml"):
        for node in ET.parse(path).getroot().iter():  # noqa: S314 - our own files
            names = (node.get("translate") or "").split()
            if names == ["true"]:
                found.add(node.text)
            else:
                found |= {node.get(name) or node.findtext(name) for name in names}
    return found - {None}


def test_every_label_can_be_translated() -> None:
    with (MODULE / "i18n" / "en_US.csv").open(encoding="utf-8", newline="") as file:
        translated = dict(csv.reader(file))
    assert set(translated) == labels()


def test_composer_requires_what_the_code_uses_and_has_a_version() -> None:
    package = json.loads(source("composer.json"))
    assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
    required = set(package["require"])
    used = {"magento/framework", "magento/framework-message-queue"}
    everything = "".join(CODE.values()) + "".join(
        path.read_text("utf-8") for path in MODULE.rglob("*.xml")
    )
    for name in re.findall(r"Magento[\\_](?!Framework)(\w+)[\\:\"]", everything):
        used.add("magento/module-" + re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower())
    assert used <= required
    assert {"psr/log", "symfony/console"} <= required
    sequence = {node.get("name") for node in root_of("etc/module.xml").iter("module")}
    for name in sequence - {"Orderstream_Webhook"}:
        short = re.sub(r"(?<!^)(?=[A-Z])", "-", name.removeprefix("Magento_")).lower()
        assert f"magento/module-{short}" in required
