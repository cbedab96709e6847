"""Signed orders by the thousand: requests cut from one template, cheap enough for 10,000/s.

Order `i` of a load says which order it is (increment_id) and which save of it (grand total), as
`sandbox.magento.numbered` does. One order in three is of a customer nobody has seen before.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from sandbox.magento.numbered import STARTS_AT, numbered_order
from sandbox.magento.orders import stamp
from sandbox.magento.shapes import Shape, webhook_body
from sandbox.magento.store import ORDER_SAVED
from schemas.event import Kind

# Stand-ins in the template; every order number has nine digits, so lengths stay the same.
NUMBER, VERSION = 777_777_777, 88_888_888
CUSTOMERS = 1_000
FILLER_BYTES = 300
FIRST_NUMBER = 100_000_000
RETURNING_CUSTOMERS = 1_000  # known to the org when two thousand orders have been there
NEW_CUSTOMER_EVERY = 3


@dataclass(frozen=True, slots=True)
class Template:
    """Makes bodies of about 1.2 KB. `first` is added to every order number."""

    body: bytes
    first: int = FIRST_NUMBER

    @classmethod
    def make(cls, *, first: int = FIRST_NUMBER) -> Template:
        order = numbered_order(NUMBER, VERSION, customers=CUSTOMERS, filler_bytes=FILLER_BYTES)
        return cls(webhook_body(order, Kind.ORDER, ORDER_SAVED, Shape.BLUEPRINT), first)

    def order(self, order: int, version: int, customer: int | None = None) -> bytes:
        """Return save `version` (1, 2, …) of order `order` (0, 1, …), of a customer if told."""
        number = self.first + order
        if customer is None:
            is_new = order % NEW_CUSTOMER_EVERY == 0
            customer = number if is_new else order % RETURNING_CUSTOMERS
        template = NUMBER % CUSTOMERS
        body = self.body.replace(b"%d" % NUMBER, b"%d" % number)
        body = body.replace(_TEMPLATE_TIME, stamp(STARTS_AT + timedelta(seconds=version)).encode())
        body = body.replace(b"%d" % VERSION, b"%d" % version)
        # The id goes with the e-mail: of one id and many e-mails every order would be a rename.
        body = body.replace(_id_of(template), _id_of(customer))
        body = body.replace(b"buyer%d@" % template, b"buyer%d@" % customer)
        return body.replace(b"Number %d" % template, b"Number %d" % customer)


def _id_of(customer: int) -> bytes:
    return b'"customer_id":%d,' % (customer + 1)


_TEMPLATE_TIME = stamp(STARTS_AT + timedelta(seconds=VERSION)).encode()


def request_of(body: bytes, *, path: str, secret: bytes) -> bytes:
    """Return a whole signed HTTP/1.1 request."""
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Magento-Signature: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
