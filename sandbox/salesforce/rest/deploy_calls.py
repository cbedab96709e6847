"""Metadata API by REST: a zip is deployed in the background, and really makes what it holds.

A deployment goes Pending, InProgress, Succeeded or Failed, one step per look, so that a client that
does not poll is found out. With a failure nothing of it stays (`rollbackOnError`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

import orjson

from sandbox.salesforce.errors import RequestError, not_found
from sandbox.salesforce.org import Org
from sandbox.salesforce.records.customfields import described_field
from sandbox.salesforce.rest.answer import Answer, RestRequest
from schemas.metadata_package import NAMESPACE, field_of, permission_set_of, rule_of

_Q = f"{{{NAMESPACE}}}"
_STEPS = ("Pending", "InProgress")


@dataclass(slots=True)
class Deployment:
    """One deployment; `looks` is how often it was asked for."""

    id: str
    is_check_only: bool
    failures: list[dict[str, Any]] = field(default_factory=list)
    successes: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0

    def as_json(self) -> dict[str, Any]:
        is_done = self.looks > len(_STEPS)
        end = "Failed" if self.failures else "Succeeded"
        total = len(self.failures) + len(self.successes)
        return {
            "id": self.id,
            "checkOnly": self.is_check_only,
            "done": is_done,
            "status": end if is_done else _STEPS[self.looks - 1],
            "success": is_done and not self.failures,
            "numberComponentsTotal": total,
            "numberComponentsDeployed": len(self.successes) if is_done else 0,
            "numberComponentErrors": len(self.failures) if is_done else 0,
            "details": {
                "componentFailures": self.failures if is_done else [],
                "componentSuccesses": self.successes if is_done else [],
            },
        }


def start(request: RestRequest) -> Answer:
    """POST metadata/deployRequest: multipart, a JSON part and the zip."""
    parts = _parts(request.body)
    try:
        options = orjson.loads(parts["json"])["deployOptions"]
        archive = zipfile.ZipFile(io.BytesIO(parts["file"]))
    except (KeyError, TypeError, orjson.JSONDecodeError, zipfile.BadZipFile) as error:
        text = f"The body is multipart: `json` with deployOptions, `file` with a zip ({error!r})"
        raise RequestError(400, "INVALID_MULTIPART_REQUEST", text) from None
    org = request.org
    deployment = Deployment(
        f"0AfOs{len(org.deployments) + 1:013d}", options.get("checkOnly") is True
    )
    org.deployments[deployment.id] = deployment
    _carry_out(org, archive, deployment)
    return Answer(201, {"id": deployment.id, "deployOptions": options, "deployResult": None})


def show(request: RestRequest, deployment_id: str) -> Answer:
    """GET metadata/deployRequest/{id}?includeDetails=true."""
    deployment = request.org.deployments.get(deployment_id)
    if deployment is None:
        raise not_found()
    deployment.looks += 1
    result = deployment.as_json()
    if request.query.get("includeDetails") != "true":
        result["details"] = {}
    return Answer(200, {"id": deployment.id, "deployResult": result})


def _carry_out(org: Org, archive: zipfile.ZipFile, deployment: Deployment) -> None:
    if "package.xml" not in archive.namelist():
        _fail(deployment, "package.xml", "No package.xml found")
        return
    steps: list[Callable[[], None]] = []
    for name in sorted(archive.namelist()):
        try:
            element = ET.fromstring(archive.read(name))  # noqa: S314 - a simulator's input
        except ET.ParseError as error:
            _fail(deployment, name, f"Error parsing file: {error}")
            continue
        if name.startswith("objects/"):
            _object(org, name, element, deployment, steps)
        elif name.startswith("permissionsets/"):
            _permission_set(org, name, element, deployment, steps)
    if not deployment.failures and not deployment.is_check_only:
        for step in steps:
            step()


def _object(
    org: Org,
    name: str,
    element: ET.Element,
    deployment: Deployment,
    steps: list[Callable[[], None]],
) -> None:
    sobject = org.store.schema.get(name.removeprefix("objects/").removesuffix(".object"))
    if sobject is None:
        _fail(deployment, name, "In field: fullName - no CustomObject of that name found")
        return
    new_names = set(sobject.fields)
    for part in element.findall(f"{_Q}fields"):
        custom = field_of(sobject.name, part)
        full_name = f"{sobject.name}.{custom.name}"
        try:
            made = described_field(custom)
        except ValueError as error:
            _fail(deployment, full_name, str(error))
            continue
        known = sobject.fields.get(custom.name)
        if known is not None and known.type != made.type:
            _fail(deployment, full_name, f"Cannot change field type to {custom.type}")
            continue
        new_names.add(custom.name)
        steps.append(lambda made=made: sobject.put(made))  # type: ignore[misc]  # mypy does not infer a lambda with a default
        deployment.successes.append({"fullName": full_name, "created": known is None})
    for part in element.findall(f"{_Q}validationRules"):
        rule = rule_of(sobject.name, part)
        steps.append(lambda rule=rule: org.validation.add(rule))  # type: ignore[misc]  # mypy does not infer a lambda with a default
        deployment.successes.append({"fullName": f"{sobject.name}.{rule.name}"})


def _permission_set(
    org: Org,
    name: str,
    element: ET.Element,
    deployment: Deployment,
    steps: list[Callable[[], None]],
) -> None:
    label = name.removeprefix("permissionsets/").removesuffix(".permissionset")
    found = permission_set_of(label, element)
    table = org.store.tables["PermissionSet"]

    def put() -> None:
        known = table.ids_with("Name", label)
        key = known[0] if known else table.new_id()
        table.put(key, {"Id": key, "Name": label, "Label": found.label, "IsDeleted": False})

    steps.append(put)
    deployment.successes.append({"fullName": label})


def _fail(deployment: Deployment, name: str, problem: str) -> None:
    deployment.failures.append({"fullName": name, "problem": problem, "problemType": "Error"})


def _parts(body: Any) -> dict[str, bytes]:
    """Return the parts of a multipart body by name."""
    if not isinstance(body, bytes):
        return {}
    boundary, _, _ = body.partition(b"\r\n")
    found: dict[str, bytes] = {}
    for part in body.split(boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        _, quote, rest = head.partition(b'name="')
        if quote:
            found[rest.partition(b'"')[0].decode()] = content.removesuffix(b"\r\n")
    return found
