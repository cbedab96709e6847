"""The mapping: a file of rules that users edit, ready to turn documents into Salesforce rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from agents.mapping.apply import Mapped, apply_kind
from agents.mapping.compiled import CompiledKind, Types, compile_kind
from agents.mapping.fields.field_types import described_type
from agents.mapping.line_rules import LineRules, compile_lines, rules_of
from agents.mapping.model import Rulebook
from agents.mapping.parser import read_rulebook
from agents.mapping.reads import Reads, reads_of
from agents.mapping.scope import Facts
from schemas.codec import Document
from schemas.document.other_numbers import perhaps_its_number
from schemas.document.shape import id_of, number_of
from schemas.event import Kind
from schemas.salesforce import Row
from schemas.sender_clock import TOLERANCE_SECONDS
from stream.errors import MappingError, MappingFileError

DEFAULT_FILE = "default.yaml"
PERSON_FILE = "person_accounts.yaml"
VERSION_BYTES = 6
ITS_KEY = "which its record goes by"
MAX_FILE_BYTES = 1_000_000

NO_READS = Reads(frozenset(), frozenset())

Describes = MappingOf[str, MappingOf[str, Any]]


def default_text(name: str = DEFAULT_FILE) -> str:
    """Return a shipped mapping file; `PERSON_FILE` is the one for Person Accounts."""
    return (files("agents.mapping") / name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Mapping:
    """A loaded mapping file. `version` is a short digest of its text.

    `only_currency` is that of an org without multi-currency, '' when there is no such org known.
    """

    rulebook: Rulebook
    version: str
    directory: Path | None
    kinds: MappingOf[Kind, CompiledKind] = field(repr=False)
    lines: LineRules | None = field(default=None, repr=False)
    only_currency: str = ""
    reads_by_kind: MappingOf[Kind, Reads] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, path: Path | str | None = None) -> Self:
        """Load a file, or the shipped default; raises MappingFileError."""
        if path is None:
            return cls.parse(default_text(), file=DEFAULT_FILE)
        path = Path(path)
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise MappingFileError(f"{path}: cannot be read: {error.strerror}") from None
        if len(raw) > MAX_FILE_BYTES:
            raise MappingFileError(f"{path}: has {len(raw)} bytes, at most {MAX_FILE_BYTES} fit")
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise MappingFileError(f"{path}: is not UTF-8 (byte {error.start})") from None
        return cls.parse(text, file=str(path), directory=path.resolve().parent)

    @classmethod
    def parse(cls, text: str, *, file: str = "mapping.yaml", directory: Path | None = None) -> Self:
        """Read the text of a mapping file; raises MappingFileError.

        `file` is its name in messages; hooks are looked for in `directory`.
        """
        version = blake2b(text.encode(errors="replace"), digest_size=VERSION_BYTES).hexdigest()
        book = read_rulebook(text, file)
        book = dataclasses.replace(book, line_rules=rules_of(book.lines))
        lines = compile_lines(book, {}, "")
        compiled = _compiled(book, directory, {})
        return cls(book, version, directory, compiled, lines, reads_by_kind=_reads(book))

    def refined(
        self, describes: Describes, *, standard_pricebook: str = "", only_currency: str = ""
    ) -> Self:
        """Return this mapping with the org's own types, lengths and picklists.

        `describes` are describe answers by sObject; what they do not cover stays as it is. Line
        items need the id of the org's standard price book.
        """
        types = types_of(describes)
        kinds = _compiled(self.rulebook, self.directory, types)
        lines = compile_lines(self.rulebook, types, standard_pricebook)
        return dataclasses.replace(self, kinds=kinds, lines=lines, only_currency=only_currency)

    @property
    def sobjects(self) -> tuple[str, ...]:
        """The sObjects that some document can reach, parents first."""
        return tuple(dict.fromkeys(row.sobject for row in self.rulebook.active_rows()))

    def apply(
        self,
        document: Document,
        *,
        received_at_ms: int = 0,
        read_at_ms: int = 0,
        tolerance_seconds: float = TOLERANCE_SECONDS,
    ) -> Mapped:
        """Return the rows of a document, parents first.

        `received_at_ms` (unix milliseconds) stands in for dates the document lacks; it, or
        `read_at_ms` of a document read from the store, bounds the time the org is told
        (`schemas.sender_clock`). Raises MappingError, and nothing else, on any document.
        """
        if document.kind is None:
            raise MappingError("the event is neither about an order nor about a customer")
        if document.kind is Kind.ORDER and (lack := self._lack_of(document.entity)):
            raise MappingError(
                f"{lack}: let the sender send all fields, or let orderstream read the order from "
                "Magento (docs/events.md)"
            )
        kind = self.kinds.get(document.kind)
        if kind is None:
            return Mapped((), (f"the mapping has no rules for events about a {document.kind}",))
        lines = self.lines if document.kind is Kind.ORDER else None
        facts = Facts(
            document,
            self.rulebook.amount,
            came_at_ms=received_at_ms,
            received_at_ms=read_at_ms or received_at_ms,
            notes=list(document.notes),
            tolerance_seconds=tolerance_seconds,
        )
        return apply_kind(kind, facts, lines, only_currency=self.only_currency)

    def _lack_of(self, order: dict[str, Any]) -> str:
        """Return why an order cannot be written before it was read from the store, '' if it can."""
        reads = self.reads(Kind.ORDER)
        if reads.says_nothing(order):
            return "the event says of the order only that it was saved"
        if not number_of(order) and id_of(order):
            if reads.lacks_a_part(Kind.ORDER, order):
                return f"the event says a part of the order and not its number, {ITS_KEY}"
            if name := perhaps_its_number(order):
                return f"the order has no increment_id, {ITS_KEY}, unless `{name}` is meant"
        return ""

    def reads(self, kind: Kind) -> Reads:
        """Return what this file reads of documents of a kind."""
        return self.reads_by_kind.get(kind, NO_READS)

    def record_of(self, row: Row) -> dict[str, Any]:
        """Return a row as people read it: everything, in the order of the file.

        The wire form differs: there the external ID is in the URL or beside the fields.
        """
        values = {row.external_id_field: row.external_id, **row.insert_fields, **row.fields}
        order = [
            field.name
            for rule in self.rulebook.active_rows()
            if rule.sobject == row.sobject
            for field in rule.fields
        ]
        names = [name for name in dict.fromkeys([*order, *values]) if name in values]
        return {"sobjectType": row.sobject, **{name: values[name] for name in names}}


def types_of(describes: Describes) -> Types:
    """Return the org's own types of all fields that were described."""
    return {
        (sobject, str(entry.get("name"))): found
        for sobject, describe in describes.items()
        for entry in describe.get("fields") or ()
        if (found := described_type(entry)) is not None
    }


def _compiled(book: Rulebook, directory: Path | None, types: Types) -> dict[Kind, CompiledKind]:
    return {
        kind: compile_kind(book, rules, types, directory)
        for kind, rules in book.kinds.items()
        if rules.rows
    }


def _reads(book: Rulebook) -> dict[Kind, Reads]:
    active = {id(row) for row in book.active_rows()}
    reads = {
        kind: reads_of(rules, [row for row in rules.rows if id(row) in active])
        for kind, rules in book.kinds.items()
    }
    if book.lines.use and Kind.ORDER in reads:
        reads[Kind.ORDER] = dataclasses.replace(reads[Kind.ORDER], priced=book.amount)
    return reads
