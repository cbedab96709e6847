"""The look: text can be read in light and dark, and nothing comes from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "dashboard"
CSS = (WEB / "static" / "dashboard.css").read_text()
LIGHT, DARK = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3 (AA)

PAIRS = [
    *(
        (ink, ground)
        for ink in ("ink", "dim", "blue", "red", "green")
        for ground in ("page", "card")
    ),
    *(("red", "red-soft"), ("amber", "amber-soft"), ("green", "green-soft")),
    *(("blue", "blue-soft"), ("dim", "grey-soft"), ("ink", "grey-soft")),
    *(("card", "blue"), ("card", "red"), ("amber", "card")),
]


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(scheme, ink, ground):
    named = colours(scheme)
    assert contrast(named[ink], named[ground]) >= LEAST_CONTRAST


def test_both_schemes_have_the_same_colours():
    assert colours(LIGHT).keys() == colours(DARK).keys()


@pytest.mark.parametrize(
    "path",
    [*sorted((WEB / "templates").glob("*.html")), WEB / "static/dashboard.js"],
    ids=lambda path: path.name,
)
def test_nothing_is_loaded_from_elsewhere_and_no_policy_is_bent(path):
    text = path.read_text()
    assert not re.search(r"(src|href|action)=\"(https?:)?//", text)
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\bon\w+=\"", text)
    assert "| safe" not in text
