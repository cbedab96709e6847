"""Rules → closures, once at load: mapping an order is then calls and dict look-ups.

A value is made in this order: source, hook, transforms, map; when it is blank then, `or_else` and
`default` take over, and a note says so. What the document did not say itself (those two, a further
path, a template with a missing part) is marked as unsaid: it may only fill a new record.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.mapping.fields.coerce import Step
from agents.mapping.fields.values import decimal_of, is_blank, text_of
from agents.mapping.hooks import load_hook
from agents.mapping.model import Condition, EachRule, ValueRule, When
from agents.mapping.paths import Named, compile_emptiness, equals
from agents.mapping.scope import Getter, Scope
from agents.mapping.template import (
    compile_path_of,
    compile_template,
    compile_transform,
    run,
    stepped,
    unread,
)

Table = dict[str, str | None]

COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}

LEFT_OUT = object()

# A value of the document is shown in a note only if it looks like a code, not like a person.
CODE = re.compile(r"[a-z0-9_/]{1,64}")
# So does a time as people and programs write it: figures, and short names of days, months, zones.
DATE = re.compile(r"(?=.*\d{2})(?:[0-9:./,+ TZ-]|\b[A-Z][A-Za-z]{1,2}\b){1,40}", re.ASCII)


def compile_values(
    rules: Mapping[str, ValueRule], directory: Path | None, label: str = ""
) -> dict[str, tuple[int, Getter]]:
    """Return the named values. Each may use those above it, and is computed once per scope."""
    named: dict[str, tuple[int, Getter]] = {}
    for index, (name, rule) in enumerate(rules.items()):
        compute = compile_value(rule, f"{label}{name}", named, directory)
        named[name] = (index, compute)
    return named


def compile_value(rule: ValueRule, label: str, named: Named, directory: Path | None) -> Getter:
    """Return the function that makes a value; raises MappingFileError."""
    entry = rule.entry
    origin = _hooked(rule, _origin(rule, label, named, directory), directory)
    steps = tuple(compile_transform(text, entry) for text in rule.transforms)
    finish = _finish(rule, label, named, steps)
    instead = _instead(rule, label, named, steps)
    if finish is None and instead is None:
        return origin

    def produce(scope: Scope) -> Any:
        value = sent = origin(scope)
        if finish is not None:
            value = finish(value, scope)
        if type(value) is str and value and value.isprintable() and not value.isspace():
            return value
        if value is LEFT_OUT:
            return None
        if instead is None or not is_blank(value):
            return value
        return instead(scope, sent)

    return produce


def _instead(
    rule: ValueRule, label: str, named: Named, steps: tuple[Step, ...]
) -> Callable[[Scope, Any], Any] | None:
    """Return what makes a value where the source has none, None when the rule says nothing."""
    spares = [(path, compile_path_of(path, rule.entry, named)) for path in rule.or_else]
    default = rule.default
    if not spares and default is None:
        return None

    def produce(scope: Scope, sent: Any) -> Any:
        scope.facts.is_unsaid = True
        why = _why("" if rule.table is not None else ", ".join(rule.sources), sent)
        for path, get in spares:
            sent = get(scope)
            value = run(steps, sent, scope.notes, label)
            if not is_blank(value):
                scope.notes.append(f"{label}: {why}, used {path}")
                return value
            if not is_blank(sent):
                why = f"{why}, {_why(path, sent)}"
        if default is not None:
            scope.notes.append(f"{label}: {why}, used `{default}`")
        return default

    return produce


def _why(path: str, sent: Any) -> str:
    """Say why a source gave no value: it was not there, or could not be read."""
    if not path or is_blank(sent):
        return "missing"
    text = "" if isinstance(sent, list) else text_of(sent)
    return f"{path} `{text}` cannot be read" if DATE.fullmatch(text) else f"{path} cannot be read"


def _hooked(rule: ValueRule, plain: Getter, directory: Path | None) -> Getter:
    if not rule.python:
        return plain
    hook = load_hook(rule.python, rule.entry, directory)
    return lambda scope: hook(scope.root, plain(scope))


def _origin(rule: ValueRule, label: str, named: Named, directory: Path | None) -> Getter:
    if rule.constant is not None:
        constant = rule.constant
        return lambda _scope: constant
    if rule.template is not None:
        return compile_template(rule.template, rule.entry, named, label)
    if rule.each is not None:
        return _each(rule, rule.each, label, named, directory)
    getters = [compile_path_of(path, rule.entry, named) for path in rule.sources]
    if len(getters) == 1:
        return getters[0]

    if rule.is_one_fact:
        return _first([(get, None) for get in getters])
    empties = [compile_emptiness(path, named) for path in rule.sources]
    return _first(list(zip(getters, empties, strict=True)))


def _first(sources: Sequence[tuple[Getter, Callable[[Scope], bool] | None]]) -> Getter:
    """Return the getter of the first source that has something.

    A source's test tells whether the document says that it has nothing; what stands behind one that
    is not told so is unsaid.
    """

    def first(scope: Scope) -> Any:
        misread = scope.facts.misread
        before = len(misread)
        is_said = True
        for get, is_empty in sources:
            value = get(scope)
            if not is_blank(value):
                if not is_said:
                    scope.facts.is_unsaid = True
                if misread:
                    del misread[before:]  # another source could be read
                return value
            is_said = is_said and (is_empty is None or is_empty(scope))
        return None

    return first


def _each(
    rule: ValueRule,
    each: EachRule,
    label: str,
    named: Named,
    directory: Path | None,
) -> Getter:
    entries_of = compile_path_of(each.path, rule.entry, named)
    inner = compile_values(each.values, directory, f"{label}.")
    render = compile_template(each.template, rule.entry, inner, label)
    count, join = len(inner), each.join

    def produce(scope: Scope) -> Any:
        entries = entries_of(scope)
        if not isinstance(entries, list):
            return None
        texts = (
            render(Scope(scope.facts, entry, count)) for entry in entries if isinstance(entry, dict)
        )
        return join.join(text for text in texts if text)

    return produce


def _finish(
    rule: ValueRule, label: str, named: Named, steps: tuple[Step, ...]
) -> Callable[[Any, Scope], Any] | None:
    """Return what runs the transforms and the map, None when there are none."""
    table = rule.table
    if table is None:
        if not steps:
            return None
        if len(steps) > 1:
            return lambda value, scope: run(steps, value, scope.notes, label)
        step = steps[0]

        def one_step(value: Any, scope: Scope) -> Any:
            if is_blank(value):
                return None
            if type(value) is str:  # no object that `stepped` would have to look after
                return step(value, scope.notes, label)
            return stepped(step, value, scope.notes, label)

        return one_step
    paths = [compile_path_of(path, rule.entry, named) for path in rule.map_by]

    def finish(value: Any, scope: Scope) -> Any:
        if paths:
            # A status without its state is looked up by itself.
            parts = [get(scope) for get in paths]
            if any(part and isinstance(part, dict) for part in parts):
                scope.notes.append(unread(label))
            keys = [key for part in parts if (key := text_of(part).strip().lower())]
        else:
            keys = [text_of(run(steps, value, scope.notes, label)).strip().lower()]
        return _look_up(table, keys, scope.notes, label)

    return finish


def _look_up(table: Table, keys: list[str], notes: list[str], label: str) -> Any:
    """Return the entry for `a/b`, else for `a`; LEFT_OUT where the map says null."""
    for count in range(len(keys), 0, -1):
        key = "/".join(keys[:count])
        if key in table:
            found = table[key]
            return LEFT_OUT if found is None else found
    if any(keys):
        shown = "/".join(keys)
        shown = f"`{shown}`" if CODE.fullmatch(shown) else "the value"
        notes.append(f"{label}: {shown} is not in the map")
    return None


def compile_when(when: When, named: Named) -> Callable[[Scope], bool] | None:
    """Return the test of a `when:`, None when there is nothing to test."""
    if not when:
        return None
    sets = [[_condition(condition, named) for condition in one] for one in when]
    if len(sets) == 1 and len(sets[0]) == 1:
        return sets[0][0]
    return lambda scope: any(all(test(scope) for test in tests) for tests in sets)


def _condition(rule: Condition, named: Named) -> Callable[[Scope], bool]:
    get = compile_path_of(rule.path, rule.entry, named)
    texts = rule.texts
    match rule.operator:
        case "present":
            return lambda scope: not is_blank(get(scope))
        case "absent":
            return lambda scope: is_blank(get(scope))
        case "=":
            return lambda scope: any(equals(get(scope), text) for text in texts)
        case "!=":
            return lambda scope: not equals(get(scope), texts[0])
    limit = decimal_of(texts[0])
    assert limit is not None
    compare = COMPARISONS[rule.operator]

    def test(scope: Scope) -> bool:
        number = decimal_of(get(scope))
        return number is not None and compare(number, limit)

    return test
