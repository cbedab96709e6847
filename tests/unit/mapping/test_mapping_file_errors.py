"""A wrong mapping file is refused with file, line and fix."""

from __future__ import annotations

import pytest

from agents.mapping.mapping import Mapping, default_text
from stream.errors import MappingFileError

GOOD = """\
order:
  rows:
    - sobject: Opportunity
      external_id: Magento_Order_ID__c
      fields:
        Magento_Order_ID__c: $key
        Name: {from: increment_id, transforms: [upper]}
        StageName: {from: state, map: {new: Prospecting}, default: Prospecting}
        CloseDate: {from: created_at, transforms: [date]}
"""


def error_of(text: str) -> str:
    with pytest.raises(MappingFileError) as caught:
        Mapping.parse(text, file="my.yaml")
    return str(caught.value)


def test_the_file_these_tests_break_is_right() -> None:
    assert Mapping.parse(GOOD).sobjects == ("Opportunity",)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("transforms:", "tranforms:", 7, "did you mean `transforms`?"),
        ("upper", "uper", 7, "unknown transform `uper`; did you mean `upper`?"),
        ("[date]", "[date(1 month)]", 9, "`date` is written `date` or `date(+1 month)`"),
        ("[date]", "[replace(a, b)]", 9, "quote it when it has a comma"),
        ("$key", "$order_key", 6, "`$order_key` is not known; there are $key"),
        ("from: increment_id", "from: a..b", 7, "`a..b` is not a path"),
        (
            "Name: {from: increment_id, transforms: [upper]}",
            "Name: Big deal",
            7,
            "write `value: Big deal`",
        ),
        ("from: increment_id", "from: increment_id, template: x", 7, "exclude each other"),
        ("from: increment_id, ", "", 7, "no source; give one of from, one_of, value"),
        ("from: increment_id", "template: '{a'", 7, "write it twice to print it"),
        ("from: increment_id", "template: '{a|lowr}'", 7, "did you mean `lower`?"),
        ("from: increment_id", "each: items", 7, "`each:` needs a `template:`"),
        ("from: increment_id", "from: a, join: x", 7, "`join:` belongs to `each:`"),
        ("from: increment_id", "map_by: [a, b]", 7, "`map_by:` needs a `map:`"),
        ("Name: {", "Name: {type: txt(80), ", 7, "`txt(80)` is no type; write e.g. text(80)"),
        ("Name: {", "Name: {type: number(40), ", 7, "`number(40)` is no type"),
        ("Name: {", "Name: {insert_only: perhaps, ", 7, "expected true or false"),
        ("Name: {", "Magento_Order_ID__c: {", 7, "is there twice"),
        ("Name: {", "2Name: {", 7, "is no API name"),
        (
            "{new: Prospecting}",
            "{new: Prospecting, New: x}",
            8,
            "is there twice (case does not count)",
        ),
        ("{new: Prospecting}", "[new]", 8, "expected `key: value` pairs, found a list"),
        (
            "{from: created_at, transforms: [date]}",
            "{from: created_at, default: soon}",
            9,
            "`soon` does not fit date",
        ),
        ("{from: created_at, transforms: [date]}", "", 9, "expected text, found nothing"),
        (
            "external_id: Magento_Order_ID__c",
            "external_id: Other__c",
            4,
            "must be among the `fields:`",
        ),
        ("      external_id: Magento_Order_ID__c\n", "", 3, "`external_id:` is missing"),
        ("      fields:", "      when: {total: '> much'}\n      fields:", 5, "compares numbers"),
        ("      fields:", "      target: deal\n      fields:", 5, "possible are lead, opportunity"),
        (
            "      fields:",
            "      parents: {Account: {from: a}}\n      fields:",
            5,
            "`field:` is missing",
        ),
        ("      fields:", "      python: nowhere\n      fields:", 3, "names no function"),
        ("order:\n  rows", "order:\n  row", 2, "did you mean `rows`?"),
        ("order:", "orders:", 1, "did you mean `order`?"),
        ("order:", "amount: {policy: net}\norder:", 1, "possible are grand_total"),
        ("order:", "target: []\norder:", 1, "the last entry must have no `when:`"),
        (
            "order:",
            "target: [{use: lead, when: {a: 1}}]\norder:",
            1,
            "so that every order has a target",
        ),
        ("order:", "customer: {rows: []}\nother: 1\norder:", 2, "unknown key `other`"),
        ("order:\n", "order:\n  values: {a b: c}\n", 2, "`a b` is no name"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_fix(old, new, line, says) -> None:
    assert old in GOOD
    message = error_of(GOOD.replace(old, new, 1))
    assert f"my.yaml line {line}" in message
    assert says in message


def test_a_message_names_the_path_inside_the_file() -> None:
    assert "(order.rows[0].fields.Name.transforms" not in error_of(
        GOOD.replace("Name: {", "Name: {type: x, ")
    )
    assert "(order.rows[0].fields.Name.type)" in error_of(
        GOOD.replace("Name: {", "Name: {type: x, ")
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty; start from `orderstream map --print-default`"),
        ("# only a comment", "is empty"),
        ("a: [1", "not YAML"),
        ("a: !!python/object:os.system x\norder: {}", "unknown key `a`"),
        ("a: &a [*a]", "nested more than"),
        ("[1, 2]", "expected `key: value` pairs, found a list"),
        ("{target: lead}", "`order:` is missing"),
        ("? [a]\n: b", "a key must be text"),
        ("\x01", "not YAML"),
        ("a: b: c", "not YAML"),
    ],
)
def test_what_is_no_mapping_file_is_refused(text, says) -> None:
    assert says in error_of(text)


def test_a_country_named_no_is_not_false() -> None:
    mapping = Mapping.parse(GOOD.replace("{new: Prospecting}", "{NO: on, new: 0012}"))
    assert mapping.rulebook.order.rows[0].fields[2].value.table == {"no": "on", "new": "0012"}


def test_files_that_cannot_be_read_are_named(tmp_path) -> None:
    with pytest.raises(MappingFileError, match=r"missing\.yaml: cannot be read: No such file"):
        Mapping.load(tmp_path / "missing.yaml")
    with pytest.raises(MappingFileError, match="cannot be read: Is a directory"):
        Mapping.load(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("order: é".encode("latin-1"))
    with pytest.raises(MappingFileError, match="is not UTF-8"):
        Mapping.load(latin)
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * 1_000_001)
    with pytest.raises(MappingFileError, match="at most 1000000 fit"):
        Mapping.load(big)


def test_a_saved_copy_of_the_default_works_with_a_byte_order_mark(tmp_path) -> None:
    copy = tmp_path / "mapping.yaml"
    copy.write_text(default_text(), encoding="utf-8-sig")
    assert Mapping.load(copy).version == Mapping.load().version


def test_aliases_are_counted_as_often_as_they_are_used() -> None:
    """Ten lines of nine aliases each stand for three billion values."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefghi", "bcdefghij", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    assert "aliases counted at each use" in error_of("\n".join(lines))


def test_an_alias_is_its_values() -> None:
    text = GOOD.replace("[upper]", "&once [upper]").replace("[date]", "*once")
    assert Mapping.parse(text).sobjects == ("Opportunity",)
