"""What pyproject.toml cannot say: the tree of the Salesforce package, installed beside the code."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from setuptools import setup

TREE = sorted(path for path in Path("salesforce").rglob("*.xml") if path.is_file())

setup(
    data_files=[
        (f"share/orderstream/{folder.as_posix()}", [path.as_posix() for path in paths])
        for folder, paths in groupby(TREE, key=lambda path: path.parent)
    ]
)
