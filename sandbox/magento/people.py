"""Who buys in the simulated store: guests and customers that break software.

Apostrophes, no capital letter, other scripts, companies of 160 letters, capitals in e-mails.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

NAMES = (
    ("Jane", "Doe"),
    ("Claire", "Durand"),
    ("Łukasz", "Wiśniewski"),
    ("Seán", "O'Brien"),
    ("Nuria", "Ibáñez-Muñoz"),
    ("Åse", "Øvergård"),
    ("小春", "田中"),
    ("Zoë", "van der Berg"),
    ("İpek", "Öztürk"),
    ("Αθηνά", "Παππά"),
    ("Omar", "al-Farouk"),
    ("Mary Ann", "Smith-Jones"),
    ("Jürgen", "Groß"),
    ("Anh", "Nguyễn"),
    ("Björk", "Jónsdóttir"),
    ("Maximiliane-Wilhelmina-Theodora", "von und zu Hohenwart-Gerlachstein-Freudenberg"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A city as Magento stores it; `region_id` is Magento's own directory id."""

    street: tuple[str, ...]
    city: str
    postcode: str
    region: str
    region_code: str
    region_id: int
    country_id: str
    telephone: str


PLACES = (
    Place(("123 Main St",), "Anytown", "12345", "Ohio", "OH", 47, "US", "555-123-4567"),
    Place(
        ("12 rue des Exemples", "Bât. B"),
        "Lyon",
        "69002",
        "Rhône",
        "69",
        251,
        "FR",
        "+33 4 00 00 00 00",
    ),
    Place(
        ("ul. Przykładowa 7 m. 3",),
        "Łódź",
        "90-001",
        "łódzkie",
        "PL-10",
        601,
        "PL",
        "+48 42 000 00 00",
    ),
    Place(("1-2-3 例町",), "東京", "100-0001", "東京都", "JP-13", 720, "JP", "03-0000-0000"),
    Place(
        ("The Old Dairy", "Unit 4", "Long Lane"),
        "Dublin 2",
        "D02 X285",
        "Dublin",
        "D",
        0,
        "IE",
        "+353 1 000 0000",
    ),
)

COMPANIES = (
    "",
    "",
    "",
    "Atelier Exemple SARL",
    "Müller & Söhne GmbH & Co. KG",
    (
        "The Society for the Preservation of Extremely Long Names of Companies and of Other "
        "Bodies, Whether Incorporated or Not, in the County and Beyond, Limited"
    ),
)


@dataclass(frozen=True, slots=True)
class Shopper:
    """Somebody who buys. `customer_id` None is a guest."""

    email: str
    firstname: str
    lastname: str
    place: Place
    company: str
    customer_id: int | None

    @property
    def is_guest(self) -> bool:
        return self.customer_id is None


def draw_shopper(rng: random.Random, number: int, *, is_guest: bool) -> Shopper:
    """Return shopper `number`; the number makes the e-mail unique."""
    first, last = rng.choice(NAMES)
    email = f"shopper.{number}@example.com"
    return Shopper(
        email=email.title() if rng.random() < 0.2 else email,  # noqa: PLR2004 - one in five
        firstname=first,
        lastname=last,
        place=rng.choice(PLACES),
        company=rng.choice(COMPANIES),
        customer_id=None if is_guest else 1000 + number,
    )


def address_of(
    shopper: Shopper, address_type: str, entity_id: int, order_id: int
) -> dict[str, Any]:
    """Return an order address in REST shape (magento reference §2.2)."""
    place = shopper.place
    address: dict[str, Any] = {
        "address_type": address_type,
        "entity_id": entity_id,
        "parent_id": order_id,
        "firstname": shopper.firstname,
        "lastname": shopper.lastname,
        "street": list(place.street),
        "city": place.city,
        "postcode": place.postcode,
        "region": place.region,
        "region_code": place.region_code,
        "region_id": place.region_id,
        "country_id": place.country_id,
        "telephone": place.telephone,
        "email": shopper.email,
    }
    if shopper.company:
        address["company"] = shopper.company
    if shopper.customer_id is not None:
        address["customer_address_id"] = 50_000 + shopper.customer_id
    return address


def customer_of(shopper: Shopper, *, created_at: str, updated_at: str) -> dict[str, Any]:
    """Return a registered customer in REST shape."""
    place = shopper.place
    address = {
        "id": 50_000 + (shopper.customer_id or 0),
        "customer_id": shopper.customer_id,
        "firstname": shopper.firstname,
        "lastname": shopper.lastname,
        "street": list(place.street),
        "city": place.city,
        "postcode": place.postcode,
        "region": {
            "region": place.region,
            "region_code": place.region_code,
            "region_id": place.region_id,
        },
        "country_id": place.country_id,
        "telephone": place.telephone,
        "default_billing": True,
        "default_shipping": True,
    }
    if shopper.company:
        address["company"] = shopper.company
    return {
        "id": shopper.customer_id,
        "group_id": 1,
        "website_id": 1,
        "store_id": 1,
        "created_in": "Default Store View",
        "created_at": created_at,
        "updated_at": updated_at,
        "email": shopper.email,
        "firstname": shopper.firstname,
        "lastname": shopper.lastname,
        "disable_auto_group_change": 0,
        "addresses": [address],
    }
