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
                names |= sobjects_of(str(sub.get("url", "")).split("?")[0].split("/"), None)
        if isinstance(body.get("object"), str):
            names.add(body["object"])
    return names


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
