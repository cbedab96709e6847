"""Hooks: what a function of the mapping's own may do, and what it may not."""

from __future__ import annotations

import pytest

from schemas.codec import Document
from schemas.event import Kind
from stream.errors import MappingError, MappingFileError

HOOKS = """
calls = []

def shout(order, value):
    return f"{value} from {order['city']}!"

def fail(order, value):
    raise KeyError("no such thing")

def tidy(order, fields):
    if order.get("skip"):
        return None
    return {**fields, "NextStep": "call", "Amount": "12.345", "Custom__c": ["a", "b"]}

def wrong(order, fields):
    return "text"

not_callable = 1
"""


@pytest.fixture
def hooked(mapping_of, tmp_path):
    (tmp_path / "shop_hooks.py").write_text(HOOKS)
    return lambda *args, **more: mapping_of(*args, directory=tmp_path, **more)


def test_a_hook_makes_a_value_and_the_field_type_still_holds(hooked) -> None:
    mapping = hooked(
        "NextStep: {from: x, python: 'shop_hooks:shout'}\nAmount: {from: x, python: 'shop_hooks:shout'}"
    )
    mapped = mapping.apply(Document("", Kind.ORDER, "7", {"x": "hello", "city": "Lyon"}, ""))
    assert mapped.rows[0].fields == {"NextStep": "hello from Lyon!"}
    assert "Opportunity.Amount: not a number, left out" in mapped.notes


def test_an_error_in_a_hook_refuses_that_order_and_names_the_hook(hooked) -> None:
    mapping = hooked("NextStep: {from: x, python: 'shop_hooks:fail'}")
    with pytest.raises(
        MappingError, match=r"hook `shop_hooks:fail` \(mapping.yaml line 7\) failed: KeyError"
    ):
        mapping.apply(Document("", Kind.ORDER, "7", {}, ""))


def test_a_row_hook_may_change_add_or_drop(hooked) -> None:
    mapping = hooked("NextStep: x", row="python: 'shop_hooks:tidy'")
    mapped = mapping.apply(Document("", Kind.ORDER, "7", {"x": "y"}, ""))
    assert mapped.rows[0].external_id == "7"
    assert mapped.rows[0].fields == {"NextStep": "call", "Amount": 12.35, "Custom__c": "a b"}
    dropped = mapping.apply(Document("", Kind.ORDER, "7", {"skip": 1}, ""))
    assert dropped.rows == ()
    assert dropped.notes == ("Opportunity: left out by hook `shop_hooks:tidy`",)


def test_a_row_hook_that_returns_no_fields_refuses_the_order(hooked) -> None:
    mapping = hooked("NextStep: x", row="python: 'shop_hooks:wrong'")
    with pytest.raises(MappingError, match="it returned str"):
        mapping.apply(Document("", Kind.ORDER, "7", {}, ""))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("shop_hooks:nothing", "has no function `nothing`"),
        ("shop_hooks:not_callable", "has no function"),
        ("no_such_module_here:f", "cannot import `no_such_module_here`: ModuleNotFoundError"),
        ("shop_hooks", "names no function"),
    ],
)
def test_a_hook_that_is_not_there_is_found_at_load(hooked, name, says) -> None:
    with pytest.raises(MappingFileError, match=f"line 7.*{says}"):
        hooked(f"NextStep: {{from: x, python: '{name}'}}")
