"""How senders spell an address, and how they wrap what they spelled."""

from __future__ import annotations

import base64
import json
import quopri
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import strategies as st

Spelling = Callable[[str], str]


def punycode(address: str) -> str:
    local, _, host = address.partition("@")
    labels = [
        label if label.isascii() else "xn--" + label.encode("punycode").decode()
        for label in host.split(".")
    ]
    return f"{local}@{'.'.join(labels)}"


def quoted_printable(text: str) -> str:
    return quopri.encodestring(text.encode(), header=False).decode().replace("@", "=40")


def mail_word(text: str) -> str:
    inner = "".join(f"={byte:02X}" for byte in text.encode())
    return f"=?utf-8?Q?To_{inner}?="


def url_safe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def bytewise(pattern: str) -> Spelling:
    return lambda text: "".join(
        pattern.format(byte) if byte > 0x7F or byte == ord("@") else chr(byte)
        for byte in text.encode()
    )


# What stands for the address alone.
OF_AN_ADDRESS: tuple[Spelling, ...] = (
    lambda text: text,
    str.upper,
    str.title,
    lambda text: unicodedata.normalize("NFD", text),
    punycode,
    lambda text: text.replace("@", "\N{FULLWIDTH COMMERCIAL AT}"),
    lambda text: text.replace("@", "\N{ZERO WIDTH SPACE}@"),
    lambda text: text.replace("@", "\N{VARIATION SELECTOR-16}@"),
    lambda text: text.replace(".", "\N{IDEOGRAPHIC FULL STOP}"),
    lambda text: text.replace("@", " @ "),
    lambda text: '"{}"@{}'.format(*text.split("@")),
    lambda text: text.replace("@", "(at)"),
    lambda text: text.replace("@", " at "),
    lambda text: text.replace("@", " [AT] ").replace(".", " [dot] "),
    lambda text: text.replace("@", "<wbr>@"),
    lambda text: text.encode().decode("latin-1"),
)
# What a text is encoded in; one may be inside another.
ENCODINGS: tuple[Spelling, ...] = (
    quote,
    lambda text: quote(quote(text, safe=""), safe=""),
    lambda text: quote(text, encoding="latin-1", errors="replace") if _is_latin(text) else text,
    lambda text: "".join(f"&#{ord(char)};" if char in "@øå." else char for char in text),
    lambda text: text.replace("@", "&amp;commat;").replace("ø", "&oslash;"),
    lambda text: text.replace("@", "%u0040"),
    bytewise("\\x{:02x}"),
    bytewise("\\{:03o}"),
    quoted_printable,
    mail_word,
    lambda text: json.dumps({"email": text}),
    lambda text: json.dumps(json.dumps({"email": text})),
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: base64.b64encode(text.encode("utf-16", "surrogatepass")).decode(),
    lambda text: base64.encodebytes(f"Please write to {text}, {'and so on ' * 9}".encode()).decode(),
    lambda text: f"https://shop.example/confirm/{url_safe(text.encode())}/x?y=1",
    lambda text: f"eyJhbGciOiJub25lIn0.{url_safe(json.dumps({'sub': text}).encode())}.x",
    lambda text: text.encode().hex(),
)  # fmt: skip
# What stands around it.
PLACES: tuple[Spelling, ...] = (
    lambda text: f" {text} ",
    lambda text: f"Bjørn <{text}>",
    lambda text: f"https://shop.example/?to=A+B+{quote(text)}&x=1",
    lambda text: f"customer:{text}",
    lambda text: f"write to:\n{text}\n",
    lambda text: json.dumps({"note": f"\t{text}\r\n"}),
)


def _is_latin(text: str) -> bool:
    return all(char <= "\xff" for char in text)


def spellings() -> st.SearchStrategy[Spelling]:
    """An address spelled, encoded up to twice, and put somewhere."""

    def composed(parts: tuple[Spelling, list[Spelling], Spelling]) -> Spelling:
        spelled, encodings, place = parts

        def spelling(address: str) -> str:
            text = spelled(address)
            for encode in encodings:
                text = encode(text)
            return place(text)

        return spelling

    return st.tuples(
        st.sampled_from(OF_AN_ADDRESS),
        st.lists(st.sampled_from(ENCODINGS), max_size=2),
        st.sampled_from(PLACES),
    ).map(composed)
