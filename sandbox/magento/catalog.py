"""What the simulated store sells: every product type that makes an order's rows hard to read.

Names and prices are made up. A configurable's children are alternatives, of which the shopper
takes one; a bundle's children are all in the box (magento reference §2.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ProductType(StrEnum):
    """Magento's `product_type`, with its two ways to price a bundle told apart."""

    SIMPLE = "simple"
    VIRTUAL = "virtual"
    DOWNLOADABLE = "downloadable"
    CONFIGURABLE = "configurable"
    BUNDLE_DYNAMIC = "bundle-dynamic"
    BUNDLE_FIXED = "bundle-fixed"

    @property
    def in_data(self) -> str:
        """The word as it stands in an order's rows."""
        return self.value.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Product:
    """One product. `price_cents` is in the store's base currency and without tax."""

    product_id: int
    sku: str
    name: str
    type: ProductType
    price_cents: int
    weight: float = 1.0
    children: tuple[Product, ...] = ()

    @property
    def is_virtual(self) -> bool:
        return self.type in (ProductType.VIRTUAL, ProductType.DOWNLOADABLE)


def _simple(product_id: int, sku: str, name: str, price_cents: int, weight: float = 1) -> Product:
    return Product(product_id, sku, name, ProductType.SIMPLE, price_cents, weight)


LONG_NAME = "Hand-woven throw made to order, with a name that grew with every committee: " + (
    "long-staple wool, sheep-grey, two by one and a half metres, washed twice, " * 3
).rstrip(", ")

BAG = _simple(1, "24-MB01", "Courier Bag", 3400)
BOTTLE = _simple(2, "24-UG06", "Steel Bottle 0.75 l", 700, 0.4)
STRAP = _simple(3, "24-WG085", "Yoga Strap, 6 foot", 1400, 0.2)
BRICK = _simple(4, "24-WG084", "Foam Brick “Zażółć gęślą jaźń”", 500, 0.3)
BALL = _simple(5, "24-WG081-blue", "Stability Ball 55 cm", 2300, 1.8)
THROW = _simple(6, "WOOL-THROW-LONG", LONG_NAME, 18999, 2.5)
ODD_CENTS = _simple(7, "ODD-333", "Tea Tin No. 333", 333, 0.0005)
NO_SKU = _simple(8, "", "Spare part without a SKU", 150, 0.1)

COURSE = Product(20, "COURSE-01", "Online Course", ProductType.VIRTUAL, 4999, 0)
EBOOK = Product(21, "EBOOK-07", "E-book: 道を歩く", ProductType.DOWNLOADABLE, 1250, 0)

HOODIE = Product(
    30,
    "MH01",
    "Fleece Hoodie",
    ProductType.CONFIGURABLE,
    5200,
    children=tuple(
        _simple(31 + index, f"MH01-{variant}", f"Fleece Hoodie-{variant}", 5200)
        for index, variant in enumerate(("S-Gray", "M-Gray", "M-Black", "XL-Orange"))
    ),
)
SHIRT = Product(
    40,
    "WS08",
    "Linen Shirt",
    ProductType.CONFIGURABLE,
    3950,
    children=tuple(
        _simple(41 + index, f"WS08-{size}", f"Linen Shirt-{size}", 3950, 0.3)
        for index, size in enumerate(("XS", "M", "L"))
    ),
)

YOGA_KIT = Product(
    60, "24-WG080", "Yoga Companion Kit", ProductType.BUNDLE_DYNAMIC, 0, 0, (BALL, BRICK, STRAP)
)
GIFT_BOX = Product(
    61, "GIFT-BOX", "Gift Box", ProductType.BUNDLE_FIXED, 4500, 1.5, (BOTTLE, ODD_CENTS)
)

# How often each is bought, per hundred baskets' lines.
SHELF: tuple[tuple[Product, int], ...] = (
    (BAG, 14),
    (BOTTLE, 12),
    (STRAP, 9),
    (BRICK, 6),
    (BALL, 6),
    (THROW, 4),
    (ODD_CENTS, 6),
    (NO_SKU, 2),
    (COURSE, 6),
    (EBOOK, 5),
    (HOODIE, 12),
    (SHIRT, 8),
    (YOGA_KIT, 6),
    (GIFT_BOX, 4),
)
