"""Deploys metadata through the Metadata API's REST resource: a zip, polled until it is done.

Standard fields and objects are not touched: the zip lists the custom fields, rules and permission
sets one by one, and with one failure nothing of it stays.
"""

from __future__ import annotations

import asyncio
import io
import secrets
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import orjson

from agents.salesforce.api.caller import Caller
from agents.salesforce.api.org_session import OrgApi
from agents.salesforce.errors.error_kind import ErrorKind
from agents.salesforce.errors.errors import SalesforceError
from agents.salesforce.http.answers import bad_answer
from schemas.metadata_package import NAMESPACE, Component, CustomField, PermissionSet

PATH = "metadata/deployRequest"
TRANSFER_SECONDS = 120.0
PATIENCE_SECONDS = 1800.0
POLL_SECONDS = 2.0
FIELDS, RULES, SETS = "CustomField", "ValidationRule", "PermissionSet"


@dataclass(frozen=True, slots=True)
class DeployResult:
    """How a deployment stands. `failures` are (component, problem) as Salesforce words them."""

    id: str
    status: str
    is_done: bool
    is_success: bool
    deployed: int
    total: int
    failures: tuple[tuple[str, str], ...] = ()


class Deployer:
    """Deploys to the org of a caller."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def deploy(
        self,
        archive: bytes,
        *,
        is_check_only: bool,
        tell: Callable[[DeployResult], None] = lambda _result: None,
    ) -> DeployResult:
        """Return the end of a deployment; `tell` is given each look. Raises SalesforceError."""
        deploy_id = await self._start(archive, is_check_only=is_check_only)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                result = await self.look(deploy_id)
                tell(result)
                if result.is_done:
                    return result
                await asyncio.sleep(POLL_SECONDS)

    async def _start(self, archive: bytes, *, is_check_only: bool) -> str:
        options = {
            "checkOnly": is_check_only,
            "rollbackOnError": True,
            "singlePackage": True,
            "allowMissingFiles": False,
        }
        boundary = f"orderstream-{secrets.token_hex(16)}"
        body = multipart(orjson.dumps({"deployOptions": options}), archive, boundary)
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}

        def work(org: OrgApi) -> Any:
            answer = org.send(
                "POST", PATH, data=body, headers=headers, timeout_seconds=TRANSFER_SECONDS
            )
            return org.parse_result_to_json(answer)

        answer = await self._caller.call("deploy", work, timeout_seconds=TRANSFER_SECONDS)
        deploy_id = answer.get("id") if isinstance(answer, dict) else None
        if not isinstance(deploy_id, str) or not deploy_id.isalnum():
            raise bad_answer("the answer to a deployment holds no id")
        return deploy_id

    async def look(self, deploy_id: str) -> DeployResult:
        """Return how a deployment stands. Raises SalesforceError."""

        def work(org: OrgApi) -> Any:
            return org.restful(f"{PATH}/{deploy_id}?includeDetails=true", method="GET")

        answer = await self._caller.call("deploy", work)
        result = answer.get("deployResult") if isinstance(answer, dict) else None
        if not isinstance(result, dict):
            raise bad_answer("the answer about a deployment holds no deployResult")
        return _result(deploy_id, result)


def _result(deploy_id: str, result: dict[str, Any]) -> DeployResult:
    details = result.get("details")
    failures = (details.get("componentFailures") if isinstance(details, dict) else None) or []
    failures = failures if isinstance(failures, list) else [failures]
    return DeployResult(
        deploy_id,
        str(result.get("status") or ""),
        is_done=result.get("done") is True,
        is_success=result.get("success") is True,
        deployed=_count(result.get("numberComponentsDeployed")),
        total=_count(result.get("numberComponentsTotal")),
        failures=tuple(
            (str(f.get("fullName")), str(f.get("problem"))) for f in failures if isinstance(f, dict)
        ),
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0


def multipart(options: bytes, archive: bytes, boundary: str) -> bytes:
    """Return the body of a deploy request: its options, then the zip."""
    line = b"--" + boundary.encode()
    parts = (
        (b'name="json"', b"application/json", options),
        (b'name="file"; filename="package.zip"', b"application/zip", archive),
    )
    body = b"".join(
        b"%s\r\nContent-Disposition: form-data; %s\r\nContent-Type: %s\r\n\r\n%s\r\n"
        % (line, name, kind, content)
        for name, kind, content in parts
    )
    return body + line + b"--\r\n"


def package_zip(components: Sequence[Component], version: str) -> bytes:
    """Return the components in the Metadata API's own format: objects in one file each."""
    names: dict[str, list[str]] = {FIELDS: [], RULES: [], SETS: []}
    objects: dict[str, ET.Element] = {}
    buffer = io.BytesIO()
    ET.register_namespace("", NAMESPACE)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for component in components:
            what = component.what
            if isinstance(what, PermissionSet):
                names[SETS].append(what.name)
                archive.writestr(
                    f"permissionsets/{what.name}.permissionset", _xml(component.element)
                )
                continue
            kind, tag = FIELDS, "fields"
            if not isinstance(what, CustomField):
                kind, tag = RULES, "validationRules"
            names[kind].append(f"{what.sobject}.{what.name}")
            root = objects.setdefault(what.sobject, ET.Element(f"{{{NAMESPACE}}}CustomObject"))
            part = ET.SubElement(root, f"{{{NAMESPACE}}}{tag}")
            part.extend(component.element)
        for sobject, root in objects.items():
            archive.writestr(f"objects/{sobject}.object", _xml(root))
        archive.writestr("package.xml", _xml(_manifest(names, version)))
    return buffer.getvalue()


def _manifest(names: dict[str, list[str]], version: str) -> ET.Element:
    root = ET.Element(f"{{{NAMESPACE}}}Package")
    for kind, members in names.items():
        if not members:
            continue
        types = ET.SubElement(root, f"{{{NAMESPACE}}}types")
        for member in members:
            ET.SubElement(types, f"{{{NAMESPACE}}}members").text = member
        ET.SubElement(types, f"{{{NAMESPACE}}}name").text = kind
    ET.SubElement(root, f"{{{NAMESPACE}}}version").text = version.removeprefix("v")
    return root


def _xml(element: ET.Element) -> bytes:
    text: bytes = ET.tostring(element, encoding="UTF-8", xml_declaration=True)
    return text


def failed(result: DeployResult) -> SalesforceError:
    """Return a deployment that did not succeed as an error."""
    what = "; ".join(f"{name}: {problem}" for name, problem in result.failures[:10])
    return SalesforceError(
        f"deployment {result.id} ended as {result.status}: {what or 'no reason given'}",
        kind=ErrorKind.PERMANENT,
        code="DEPLOY_FAILED",
        fix="Correct what it names, then run `orderstream org plan` again.",
    )
