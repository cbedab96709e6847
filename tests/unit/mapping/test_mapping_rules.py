"""What a rule can say, one by one."""

from __future__ import annotations

import pytest

from agents.mapping.mapping import Mapping
from schemas.codec import Document
from schemas.event import Kind
from stream.errors import MappingError


@pytest.fixture
def value_of(mapping_of):
    """Map `order` through one field and return its value and the notes."""

    def run(rule: str, order: dict, *, name: str = "NextStep", **more):
        document = Document("order_saved", Kind.ORDER, "7", order, "")
        mapped = mapping_of(f"{name}: {rule}", **more).apply(document)
        notes = [n for n in mapped.notes if "no time" not in n and "new record" not in n]
        return mapped.rows[0].whole.get(name), notes

    return run


def test_the_first_path_that_leads_somewhere_counts_without_a_note(value_of) -> None:
    assert value_of("[a.b, 'c[1]', d]", {"a": 3, "c": ["x", "y"], "d": "z"}) == ("y", [])


UNREADABLE = {
    "a[0]": ["a[0]: a row of an object cannot be read, left out"],
    "list.a": ["list.a: `a` of a list cannot be read, left out"],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b.c", "deep"),
        ("list[0]", "first"),
        ("list[-1]", "last"),
        ("rows[kind=x].name", "by text"),
        ("rows[kind=2].name", "by number"),
        ("rows[is_main=true].name", "by flag"),
        ("rows[kind=nothing].name", None),
        ("list[9]", None),
        ("a[0]", None),
        ("list.a", None),
    ],
)
def test_paths_reach_into_objects_and_lists(value_of, path, found) -> None:
    order = {
        "a": {"b": {"c": "deep"}},
        "list": ["first", "last"],
        "rows": [
            "junk",
            {"kind": "X", "name": "by text"},
            {"kind": 2.0, "name": "by number"},
            {"is_main": "1", "name": "by flag"},
        ],
    }
    value, notes = value_of(f"'{path}'", order)
    assert value == found
    assert notes == UNREADABLE.get(path, [])


def test_a_named_value_hides_the_field_of_that_name_below_it(value_of) -> None:
    values = "email: {from: email, transforms: [lower]}\nwho: {template: '<{email}>'}"
    assert value_of("who", {"email": "A@B.C"}, values=values) == ("<a@b.c>", [])


@pytest.mark.parametrize(
    ("transforms", "value", "result"),
    [
        ("[after_at]", "jane@example.com", "example.com"),
        ("[before_at]", "jane@example.com", "jane"),
        ("[country]", "us", "US"),
        ("[country]", "France", "France"),
        ("[date]", "2026-03-14 18:02:11", "2026-03-14"),
        ("[date(+1 month)]", "2024-01-31 00:00:00", "2024-02-29"),
        ("[date(-2 weeks)]", "2026-03-14", "2026-02-28"),
        ("[date(+1 year)]", "2024-02-29", "2025-02-28"),
        ("[date(+ 30 days)]", "2026-12-31T23:00:00-05:00", "2027-01-31"),
        ("[date]", "14.03.2026", None),
        ("[date(+9000 years)]", "2026-03-14", None),
        ("[datetime]", "2026-03-14T18:02:11.25+02:00", "2026-03-14T16:02:11Z"),
        ("[decimal(2)]", "0.005", "0.01"),
        ("[decimal(0)]", 2.5, "3"),
        ("[decimal(2)]", "1e400", None),
        ("[email]", " Jane@Example.COM ", "jane@example.com"),
        ("[email]", "jane at example", None),
        ("[join]", ["a", " ", "b"], "a, b"),
        ("['join(\" / \")']", "a\nb", "a / b"),
        ("[line(2)]", ["a", "b"], "b"),
        ("[line(3)]", "a\nb", None),
        ("[lines]", ["a", None, "b"], "a b"),
        ("[lower]", "ÀB", "àb"),
        ("[number]", "2.0000", "2"),
        ("[number]", "0.000", "0"),
        ("[number]", "-0.50", "-0.5"),
        ("[number]", "many", None),
        ('[\'replace("-", "")\']', "1-2-3", "123"),
        ("[strip]", " a ", "a"),
        ("[text]", 7.0, "7"),
        ("[truncate(3)]", "abcdef", "abc"),
        ("[upper]", "ab", "AB"),
        ("[yes_no]", "1", "Yes"),
        ("['yes_no(Ja, Nein)']", False, "Nein"),
        ("[yes_no]", "maybe", None),
        ("[lower, truncate(2), upper]", "abc", "AB"),
    ],
)
def test_transforms(value_of, transforms, value, result) -> None:
    got, _ = value_of(f"{{from: x, transforms: {transforms}}}", {"x": value})
    assert got == result


def test_cutting_on_purpose_is_noted_too(value_of) -> None:
    rule = "{from: x, transforms: [truncate(3)]}"
    assert value_of(rule, {"x": "abcd"}) == (
        "abc",
        ["Opportunity.NextStep: cut from 4 to 3 characters"],
    )


def test_a_template_of_blanks_is_blank_and_braces_can_be_written(value_of) -> None:
    rule = "{template: '{{x}} {a} {b|upper}', default: none}"
    assert value_of(rule, {"b": "z"}) == ("{x}  Z", [])
    assert value_of(rule, {})[0] == "none"


def test_a_template_has_no_blanks_but_its_own(value_of) -> None:
    assert value_of("{template: '{a} {b}'}", {"a": " Ada\n", "b": "\u00a0Wolf "})[0] == "Ada Wolf"


@pytest.mark.parametrize("unseen", ["\u200b", "\ufeff \u200d", "\u202e\u202c", "\x00"])
def test_a_text_that_nobody_sees_is_blank(value_of, unseen: str) -> None:
    assert value_of("{from: x, default: none}", {"x": unseen})[0] == "none"


def test_a_map_may_leave_a_field_out_or_fall_back(value_of) -> None:
    rule = "{from: x, map: {a: Alpha, b: null}, default: Other}"
    assert value_of(rule, {"x": "A"}) == ("Alpha", [])
    assert value_of(rule, {"x": "b"}) == (None, [])
    assert value_of(rule, {"x": "c"}) == (
        "Other",
        [
            "Opportunity.NextStep: `c` is not in the map",
            "Opportunity.NextStep: missing, used `Other`",
        ],
    )


def test_a_map_note_shows_codes_and_hides_everything_else(value_of) -> None:
    _, notes = value_of("{from: x, map: {a: b}}", {"x": "Jane Doe"})
    assert notes == ["Opportunity.NextStep: the value is not in the map"]


def test_or_else_goes_through_the_transforms_as_well(value_of) -> None:
    rule = "{from: a, transforms: [upper], or_else: [b, c], default: d}"
    assert value_of(rule, {"c": "x"}) == ("X", ["Opportunity.NextStep: missing, used c"])


def test_blank_values_are_skipped_unless_the_rule_says_to_empty_the_field(value_of) -> None:
    assert value_of("x", {"x": ""}, name="Amount")[0] is None
    document = Document("order_saved", Kind.ORDER, "7", {}, "")
    rule = "order: {rows: [{sobject: Lead, external_id: K__c, skip_blank: %s, fields: {K__c: $key, Phone: p}}]}"
    assert Mapping.parse(rule % "no").apply(document).rows[0].fields == {"Phone": None}
    assert Mapping.parse(rule % "yes").apply(document).rows[0].fields == {}


def test_single_fields_and_parents_can_be_insert_only(mapping_of) -> None:
    mapping = mapping_of(
        "OwnerId: {value: 0055g00000AbCdE, insert_only: yes}\nNextStep: x",
        row="parents: {Account: {field: K__c, from: a, insert_only: yes}}",
    )
    row = mapping.apply(Document("", Kind.ORDER, "7", {"x": "y", "a": "b"}, "")).rows[0]
    assert dict(row.fields) == {"NextStep": "y"}
    assert dict(row.insert_fields) == {"OwnerId": "0055g00000AbCdE", "Account": {"K__c": "b"}}


def test_a_required_field_without_a_value_refuses_the_order_by_name(mapping_of) -> None:
    mapping = mapping_of("CloseDate: [created_at, updated_at]")
    with pytest.raises(MappingError, match=r"Opportunity.CloseDate is empty.*created_at") as caught:
        mapping.apply(Document("", Kind.ORDER, "7", {"created_at": "soon"}, ""))
    assert caught.value.fields == ("Opportunity.CloseDate",)


def test_a_default_replaces_a_value_that_does_not_fit(value_of) -> None:
    rule = "{from: x, default: 2020-01-01}"
    assert value_of(rule, {"x": "soon"}, name="CloseDate") == (
        "2020-01-01",
        [
            "Opportunity.CloseDate: not a date, left out",
            "Opportunity.CloseDate: used the default instead",
        ],
    )


@pytest.mark.parametrize(
    ("when", "order", "is_written"),
    [
        ("{a: present}", {"a": 0}, True),
        ("{a: present}", {"a": " "}, False),
        ("{a: absent}", {}, True),
        ("{a: x}", {"a": "X"}, True),
        ("{a: [x, y]}", {"a": "y"}, True),
        ("{a: [x, y]}", {"a": "z"}, False),
        ("{a: '!= x'}", {"a": "x"}, False),
        ("{a: '> 0'}", {"a": "0.0000"}, False),
        ("{a: '> 0'}", {"a": "0.0100"}, True),
        ("{a: '<= 2'}", {"a": "many"}, False),
        ("{a: yes}", {"a": 1}, True),
        ("{a: no}", {"a": "0"}, True),
        ("{a: no}", {}, False),
        ("{a: 1, b: 2}", {"a": 1, "b": 3}, False),
        ("[{a: 1}, {b: 2}]", {"a": 3, "b": 2}, True),
    ],
)
def test_conditions(mapping_of, when, order, is_written) -> None:
    mapped = mapping_of("NextStep: a", row=f"when: {when}").apply(
        Document("", Kind.ORDER, "7", order, "")
    )
    assert bool(mapped.rows) is is_written
    assert any("not written" in note for note in mapped.notes) is not is_written


def test_a_mapping_without_customers_sends_nothing_for_them(mapping_of) -> None:
    mapped = mapping_of("NextStep: a").apply(Document("", Kind.CUSTOMER, "a@b.c", {}, ""))
    assert mapped.rows == ()
    assert mapped.notes == ("the mapping has no rules for events about a customer",)


def test_equal_notes_are_said_once_and_many_are_counted(mapping_of) -> None:
    fields = "\n".join(f"F{i}__c: {{from: x, type: date}}" for i in range(60))
    mapped = mapping_of(fields).apply(Document("", Kind.ORDER, "7", {"x": "?"}, ""))
    assert len(mapped.notes) == 51
    assert mapped.notes[-1] == "… and 11 more notes"
