"""Templates: `"{title} (SKU: {sku}, Qty: {qty_ordered|number})"`.

Between the braces stands a path or a named value, then transforms after bars. `{{` and `}}` are
braces. A template of which every placeholder is blank is blank itself, so that `or_else` and
`default` can take over; one of which some are blank is not written over a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agents.mapping.fields.coerce import Step
from agents.mapping.fields.transforms import TRANSFORMS, BadArgumentsError
from agents.mapping.fields.values import is_blank, text_of
from agents.mapping.paths import Named, PathError, compile_path
from agents.mapping.scope import Getter, Scope
from agents.mapping.yaml_source import Entry, suggestion

TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
CALL = re.compile(r"([a-z_]+)\s*(?:\((.*)\))?", re.DOTALL)
ARGUMENT = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^,"']*?))\s*(?:,|$)""")

Piece = tuple[str, Getter | None, tuple[Step, ...]]


def compile_template(text: str, entry: Entry, named: Named, label: str) -> Getter:
    """Return the function that renders a template; raises MappingFileError."""
    pieces = _pieces(text, entry, named)
    is_constant = all(get is None for _, get, _ in pieces)

    def render(scope: Scope) -> str | None:
        texts = []
        has_value = is_constant
        is_whole = True
        for literal, get, steps in pieces:
            texts.append(literal)
            if get is not None:
                value = get(scope)
                if steps:
                    value = run(steps, value, scope.notes, label)
                part = (value if type(value) is str else text_of(value)).strip()
                if not part and value and isinstance(value, dict):
                    scope.notes.append(unread(label))
                if part:
                    has_value = True
                    texts.append(part)
                else:
                    is_whole = False
        if has_value and not is_whole:
            scope.facts.is_unsaid = True
        return "".join(texts).strip() if has_value else None

    return render


def run(steps: Sequence[Step], value: Any, notes: list[str], label: str) -> Any:
    """Return the value after the steps; a blank one goes through none."""
    for step in steps:
        if is_blank(value):
            return None
        value = stepped(step, value, notes, label)
    return value


def stepped(step: Step, value: Any, notes: list[str], label: str) -> Any:
    """Return a value after one step; an object or list that no step can read is noted."""
    made = step(value, notes, label)
    if isinstance(value, dict | list) and is_blank(made):
        notes.append(unread(label))
    return made


def unread(label: str) -> str:
    """Return the note for an object where a text or a number is read."""
    return f"{label}: an object cannot be read as a value, left out"


def compile_path_of(text: str, entry: Entry, named: Named) -> Getter:
    """Return the function that reads a path; raises MappingFileError with the entry's line."""
    try:
        return compile_path(text, named)
    except PathError as error:
        fix = "" if " " not in text else f"; for fixed text write `value: {text}`"
        raise entry.error(f"{error}{fix}") from None


def compile_transform(text: str, entry: Entry) -> Step:
    """Return the step of `name` or `name(arguments)`; raises MappingFileError."""
    match = CALL.fullmatch(text.strip())
    if match is None:
        fix = '; quote it when it has a comma: `"replace(a, b)"`' if "(" in text else ""
        raise entry.error(f"`{text}` is not a transform{fix}")
    name, inner = match[1], match[2]
    if name not in TRANSFORMS:
        raise entry.error(f"unknown transform `{name}`; {suggestion(name, TRANSFORMS)}")
    try:
        return TRANSFORMS[name].make(_arguments(inner))
    except BadArgumentsError as error:
        raise entry.error(f"`{name}` {error}") from None


def _arguments(inner: str | None) -> tuple[str, ...]:
    if inner is None or not inner.strip():
        return ()
    found: list[str] = []
    position = 0
    while position < len(inner):
        match = ARGUMENT.match(inner, position)
        if match is None:
            raise BadArgumentsError(f"has a quote too many or too few in `({inner})`")
        found.append(next(group for group in match.groups() if group is not None))
        position = match.end()
    return tuple(found)


def _pieces(text: str, entry: Entry, named: Named) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    literal, position = "", 0
    for token in TOKEN.finditer(text):
        literal += text[position : token.start()]
        position = token.end()
        if token[0] in ("{{", "}}"):
            literal += token[0][0]
        elif token[1] is None:
            raise entry.error(f"`{token[0]}` alone in the template; write it twice to print it")
        else:
            path, *transforms = token[1].split("|")
            steps = tuple(compile_transform(part, entry) for part in transforms)
            pieces.append((literal, compile_path_of(path, entry, named), steps))
            literal = ""
    literal += text[position:]
    return (*pieces, (literal, None, ()))
