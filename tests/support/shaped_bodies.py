"""Bodies, and what they are said to be."""

from __future__ import annotations

import orjson

from schemas.codec import decode

PERSON = {"entity_id": "23", "email": "petra.lund@example.com", "firstname": "Petra"}


def said(body: object, event: str = ""):
    return decode(orjson.dumps(body), event=event)
