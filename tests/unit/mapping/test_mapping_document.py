"""docs/mapping.md is run: its examples give what it says, its tables are the code's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agents.mapping.fields.field_types import KINDS, parse_type
from agents.mapping.fields.transforms import TRANSFORMS
from agents.mapping.mapping import Mapping
from agents.mapping.paths import BUILT_IN
from schemas.codec import Document
from schemas.event import Kind

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "mapping.md").read_text(encoding="utf-8")
BLOCK = r"((?:(?!```).)*)```"
EXAMPLE = re.compile(rf"```yaml\n{BLOCK}\n```json\n{BLOCK}\n```json\n{BLOCK}", re.DOTALL)
WHOLE_FILE = re.compile(r"```yaml\n((?:target|amount|order).*?)```", re.DOTALL)
EXAMPLES = EXAMPLE.findall(TEXT)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 7
    assert len(WHOLE_FILE.findall(TEXT)) == 2


@pytest.mark.parametrize(
    ("fields", "order", "sent"), EXAMPLES, ids=lambda text: text.split(":")[0].strip()
)
def test_an_example_gives_what_it_says(mapping_of, fields, order, sent) -> None:
    document = Document("order_saved", Kind.ORDER, "7", json.loads(order), "")
    assert dict(mapping_of(fields).apply(document).rows[0].whole) == json.loads(sent)


@pytest.mark.parametrize("text", WHOLE_FILE.findall(TEXT), ids=["first", "guests"])
def test_a_whole_file_in_the_document_is_a_mapping(text) -> None:
    mapping = Mapping.parse(text)
    order = {
        "increment_id": "7",
        "customer_lastname": "Doe",
        "created_at": "2026-01-01",
        "grand_total": 1,
    }
    mapped = mapping.apply(Document("", Kind.ORDER, "7", order | {"customer_is_guest": 1}, ""))
    assert [row.sobject for row in mapped.rows] == [
        "Lead" if "lead, when" in text else "Opportunity"
    ]


def test_the_table_of_transforms_is_complete_and_says_how_each_is_written() -> None:
    rows = re.findall(
        r"^\| `(.+?)` \| (.+?) \|$",
        TEXT.partition("## Transforms")[2].partition("##")[0],
        re.MULTILINE,
    )
    assert [written for written, _ in rows] == [t.usage for t in TRANSFORMS.values()]
    for (_, purpose), transform in zip(rows, TRANSFORMS.values(), strict=True):
        assert purpose.startswith(transform.purpose)


def test_every_built_in_value_and_every_type_is_explained() -> None:
    assert all(f"`{name}`" in TEXT for name in BUILT_IN)
    listed = [line for line in TEXT.splitlines() if " · " in line]
    types = re.findall(r"`(.+?)`", "".join(listed))
    assert {re.split(r"\W", spelled)[0] for spelled in types} >= {*KINDS}
    assert all(parse_type(spelled) for spelled in types)


def test_the_hooks_of_the_document_work() -> None:
    source = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert source is not None
    scope: dict = {}
    exec(source[1], scope)  # noqa: S102 - our own document
    assert scope["segment"]({"grand_total": "2000"}, "x") == "VIP"
    assert scope["review"]({}, {"a": 1}) == {"a": 1, "NextStep": "call"}
