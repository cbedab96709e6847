"""Parameters of long stories: one of a kind in `make test`, all of them in `make proofs`."""

from collections.abc import Iterable
from typing import Any

import pytest


def one_told(values: Iterable[Any], *, told: Any) -> list[Any]:
    """Return parameters of which all but `told` are marked as proofs."""
    return [
        value if value == told else pytest.param(value, marks=pytest.mark.proof) for value in values
    ]
