"""The Kubernetes manifests as documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2] / "deploy" / "kubernetes"
BASE, PRODUCTION = ROOT / "base", ROOT / "overlays" / "production"


def documents(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            found += [d for d in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader) if d]
    return found


def of_kind(kind: str, folder: Path = BASE) -> dict[str, dict[str, Any]]:
    return {d["metadata"]["name"]: d for d in documents(folder) if d["kind"] == kind}
