"""What Salesforce must hold, in ten lines: the model the pipe is compared with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from agents.mapping.apply import Mapped
from schemas.salesforce import Row

STATES = ("new", "processing", "complete", "closed")  # their ranks are their places


@dataclass(frozen=True)
class Save:
    """One save of the store."""

    at_ms: int
    rank: int
    amount: int


@dataclass(frozen=True)
class Event:
    """One delivery, as the model sees it. `time` is when it counts as saved; '' for undated."""

    time: str
    rank: int
    amount: int
    offset: int
    received: str
    mark: tuple[int, str, str]
    edited: str = ""
    says: str = "whole"
    is_edit: bool = False
    is_repair: bool = False
    is_forced: bool = False
    is_read: bool = False

    @property
    def is_part(self) -> bool:
        return self.says != "whole"

    @property
    def content(self) -> tuple[str, int, int]:
        return self.says, self.amount, self.rank

    @property
    def fields(self) -> dict[str, int]:
        """What it tells: the amount, the stage, or both."""
        names = {"whole": ("Amount", "StageName"), "amount": ("Amount",), "stage": ("StageName",)}
        return dict.fromkeys(names[self.says], self.amount)


@dataclass
class Register:
    """The newest save that counts: of all, or of the whole ones beneath the parts."""

    held: Event | None = None
    time: str = ""
    rank: int = 0

    def takes(self, new: Event, replaced: list, overruled: list) -> bool:  # noqa: C901, PLR0911 - rules
        held = self.held
        if held is None:
            return True
        if new.is_edit:
            is_of_it = new.mark == held.mark and not held.is_edit  # the same bytes came twice
            return new.offset == held.offset or is_of_it or new.time >= self.time
        if new.mark in overruled:
            return False
        said = self.time or max(held.received, held.edited)
        if (new.is_repair or new.is_read) and held.is_edit and new.time <= said:
            return False
        if new.is_repair:
            return True
        if new.time and self.time and new.time != self.time:
            return new.time > self.time
        if new.content == held.content:
            return new.is_forced
        is_behind, is_ahead = new.rank < self.rank, new.rank > self.rank
        if new.says == "amount":  # which does not say how far the order is
            is_behind = is_ahead = False
        goes_back = new.content in replaced or is_behind
        if held.says == "unsure" and new.offset == held.offset:
            return True  # the very event that nobody knows to be written
        if new.time and not self.time:
            return not (new.time < held.received and goes_back)
        if self.time and not new.time:
            return is_ahead and not goes_back
        return not goes_back and (is_ahead or new.offset >= held.offset)

    def has(self, new: Event) -> bool:
        """Whether it is the same content, of a later save."""
        return (
            self.held is not None and new.content == self.held.content and new.time > self.time
        ) and not new.is_edit

    def put(self, new: Event) -> Register:
        rank = self.rank if new.says == "amount" else new.rank
        return Register(new, new.time or self.time, rank)


@dataclass
class Model:
    """What Salesforce must hold, by docs/decisions/0018."""

    top: Register = field(default_factory=Register)
    beneath: Register | None = None  # the whole save that parts came over
    told: dict[str, str] = field(default_factory=dict)  # by those parts: field → when
    replaced: list = field(default_factory=list)
    overruled: list = field(default_factory=list)
    fields: dict[str, int] = field(default_factory=dict)

    def takes(self, new: Event) -> bool:
        return self.top.takes(new, self.replaced, self.overruled)

    def see(self, new: Event) -> None:
        if self.takes(new):
            self._stands(new)
        elif self.top.has(new) and new.mark not in self.overruled:
            self.top = self.top.put(new)  # unchanged, and its version is remembered
            if new.is_part:
                self.told |= dict.fromkeys(new.fields, new.time)
        elif self.beneath is not None and (new.is_edit or new.mark not in self.overruled):
            is_later = self.beneath.has(new)
            if is_later or self.beneath.takes(new, self.replaced, self.overruled):
                self._fills(new)

    def doubt(self, new: Event) -> None:
        """What a part was not written over, nothing is held equal to until it is written again."""
        held = self.top.held
        if new.is_part and held is not None and self.beneath is None and self.takes(new):
            _remember(self.replaced, held.content, 8)
            self.top = dataclasses.replace(self.top, held=dataclasses.replace(held, says="unsure"))

    def _stands(self, new: Event) -> None:
        self._note([self.beneath, self.top], self.top, new)
        if not new.is_part:
            self.beneath, self.told = None, {}
        elif self.beneath is None:
            self.beneath = self.top
        if new.is_part:
            self.told |= dict.fromkeys(new.fields, new.time)
        self.top = self.top.put(new)
        self.fields |= new.fields

    def _fills(self, new: Event) -> None:
        """Beneath the newer parts it is written, except what they told."""
        fresh = {
            name: value
            for name, value in new.fields.items()
            if name not in self.told or (new.time and "" < self.told[name] < new.time)
        }
        self.fields |= fresh
        if new.is_part:
            if fresh:
                self._date(new)
                self._note([], Register(), new)
                self.told |= dict.fromkeys(fresh, new.time)
        elif fresh:
            self._date(new)
            self._note([self.beneath], self.beneath, new)
            self.beneath = self.beneath.put(new)
            _remember(self.replaced, new.content, 8)
            self.told = {n: at for n, at in self.told.items() if n not in fresh}

    def _date(self, new: Event) -> None:
        """What is beneath undated parts dates them: nothing undated goes back behind it."""
        self.top = dataclasses.replace(self.top, time=self.top.time or new.time)

    def _note(self, undone: list[Register | None], over: Register, new: Event) -> None:
        """Remember what is replaced, and what is overruled."""
        if new.is_edit:
            _remember(self.overruled, new.mark, 4)
        for register in undone if not new.is_edit else ():
            if register and register.held and new.time and new.time < register.time:
                _remember(self.overruled, register.held.mark, 4)
        if over.held is not None:
            if over.held.says != "unsure":
                _remember(self.replaced, over.held.content, 8)
            self.replaced = [content for content in self.replaced if content != new.content]


def _remember(kept: list, entry, most: int) -> None:
    if kept[:1] != [entry]:
        kept[:] = [entry, *(other for other in kept if other != entry)][:most]


def said(save: Save, says: str) -> dict:
    """Return what a document says of a save: everything, its amount, or how far it is."""
    amount, stage = {"grand_total": save.amount}, {"state": STATES[save.rank]}
    stage["status"] = str(save.amount)
    rest = {
        "items": [{"item_id": 1, "sku": "CUP", "qty_ordered": 1}],
        "customer_email": "a@b.c",
        "created_at": "x",
        "billing_address": {"city": "Bonn"},
    }
    return {"whole": amount | stage | rest, "amount": amount, "stage": stage}[says]


def corrected_to(document: dict, value: int) -> dict:
    """Return what a person changes of a document: all that it tells."""
    changes = {"grand_total": value, "status": str(value)}
    return {name: new for name, new in changes.items() if name in document}


class FakeMapping:
    version = "m"

    def apply(self, document, **_known):
        said = {"Amount": "grand_total", "StageName": "status"}
        fields = {
            name: int(document.entity[source])
            for name, source in said.items()
            if source in document.entity
        }
        return Mapped((Row("Opportunity", "K__c", document.key, fields),))
