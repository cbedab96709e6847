"""What a call is about: the sObjects it touches, and the name it is counted under."""

from __future__ import annotations

from typing import Any


def sobjects_of(path: list[str], body: Any) -> set[str]:
    """Return the names of the sObjects a call is about, sub-requests included."""
    names: set[str] = set()
    if "sobjects" in path:
        names.update(path[path.index("sobjects") + 1 :][:1])
    if isinstance(body, dict):
        for sub in body.get("compositeRequest") or ():
            if isinstance(sub, dict):
                path = str(sub.get("url", "")).split("?")[0].split("/")
                names |= sobjects_of(path, sub.get("body"))
        if isinstance(body.get("object"), str):
            names.add(body["object"])
        names |= _types(body.get("records"))
    return names


def _types(records: Any) -> set[str]:
    """Return the types that records of a collection say they have."""
    listed = records if isinstance(records, list) else ()
    told = [one.get("attributes") for one in listed if isinstance(one, dict)]
    names = [one.get("type") for one in told if isinstance(one, dict)]
    return {name for name in names if isinstance(name, str)}


def name_of(method: str, path: list[str]) -> str:
    """Return the call's name for counting: method and path, with ids and keys as `*`."""
    match path:
        case ["sobjects", _, "describe"]:
            shown = path
        case ["sobjects", name, _]:
            shown = ["sobjects", name, "*"]
        case ["sobjects", name, field_name, _]:
            shown = ["sobjects", name, field_name, "*"]
        case ["jobs", kind, _, *rest]:
            shown = ["jobs", kind, "*", *rest]
        case ["query" | "queryAll" as verb, *_]:
            shown = [verb]
        case _:
            shown = path
    return f"{method} {'/'.join(shown)}"
