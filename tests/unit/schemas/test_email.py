"""What is an e-mail address: one rule, as wide as Salesforce's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.email import ORDINARY, broken_rule, in_one_spelling, seen, stored_forms, why_not
from schemas.identity import email_of_buyer


@pytest.mark.parametrize(
    "address",
    [
        "haru..mori.@docomo.ne.jp",
        "o'neil+shop@example.com",
        "a_b-c/d=e?f{g}|h~i!j#k$l%m&n*o^p`q@mail.example.co.uk",
        "x@xn--fsq.xn--0zwm56d",
        "δοκιμή@παράδειγμα.δοκιμή",
        "संपर्क@उदाहरण.भारत",
        "用户@例子.广告",
        "jørgen@blåbær.example",
        "1@2.cc",
        "a" * 64 + "@example.com",
        "ø" * 64 + "@example.com",
        f"jane@{'.'.join(['a' * 63] * 3 + ['b' * 59, 'com'])}",  # 255 characters
    ],
)
def test_an_address_that_salesforce_takes_is_one(address: str) -> None:
    assert why_not(address) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it has no @"),
        ("jane", "it has no @"),
        ("@example.com", "it has nothing before the @"),
        ("jane@", "it has nothing after the @"),
        ("a@b@example.com", "it has two @"),
        ("jane doe@example.com", "it has a blank in it"),
        (".jane@example.com", "it begins with a dot"),
        ("a" * 65 + "@example.com", "it has more than 64 characters before the @"),
        ('"jane"@example.com', "it has a character before the @ that no address has"),
        ("jane@example", "its domain has no dot"),
        ("jane@example..com", "its domain is none"),
        ("jane@-example.com", "its domain is none"),
        ("jane@127.0.0.1", "its domain is none"),
        ("jane@example.c", "its domain is none"),
        ("jane@ex_ample.com", "its domain is none"),
        (f"jane@{'a' * 64}.com", "its domain is none"),
        (f"jane@{'a.' * 126}come", "it has more than 255 characters after the @"),
    ],
)
def test_a_text_that_is_none_says_why_and_never_itself(text: str, why: str) -> None:
    assert why_not(text) == why != ""


@pytest.mark.parametrize(
    "sent",
    ["\u202alayla@example.com\u202c", "lay\u200bla@example.com", " layla@exam\u00adple.com\n",
     "\ufefflayla@example.com", "layla@example.com\u200e", "lay\x07la@example.com"],
)  # fmt: skip
def test_characters_that_nobody_sees_are_no_part_of_it(sent: str) -> None:
    assert seen(sent) == "layla@example.com"


def test_an_accent_is_one_letter_however_it_was_typed() -> None:
    assert seen("rene\u0301@example.com") == "ren\u00e9@example.com"


@given(st.from_regex(ORDINARY, fullmatch=True))
def test_what_is_taken_at_a_glance_breaks_no_rule(address):
    assert broken_rule(address) == ""
    assert in_one_spelling(address) == address.lower()
    assert email_of_buyer({"customer_email": address}) == address.lower()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Jo@xn--MLLER-kva.de", "jo@müller.de"),
        ("jo@mail.xn--mller-kva.de", "jo@mail.müller.de"),
        ("jo@MÜLLER.de", "jo@müller.de"),
        ("jo@mu\u0308ller.de", "jo@müller.de"),
        ("jo@xn--fsqu00a.xn--0zwm56d", "jo@例子.测试"),
        ("jo@xn--.de", "jo@xn--.de"),
        ("jo@xn--abc-.de", "jo@xn--abc-.de"),  # of no letters but ASCII: no punycode
        ("jo@xn--99999999999.de", "jo@xn--99999999999.de"),
        ("xn--mller-kva@example.com", "xn--mller-kva@example.com"),
        ('"a@b"@xn--mller-kva.de', '"a@b"@müller.de'),
        ("jo@example.com", "jo@example.com"),
    ],
)
def test_an_address_is_one_key_however_its_domain_is_spelled(text: str, address: str) -> None:
    assert in_one_spelling(text) == address
    assert in_one_spelling(address) == address


@given(st.text(alphabet="xn-a9ü.@", max_size=30))
def test_no_domain_breaks_the_one_spelling(text: str) -> None:
    once = in_one_spelling(f"a@xn--{text}.de")
    assert in_one_spelling(once) == once


def test_a_text_may_be_stored_with_its_accents_apart():
    assert stored_forms("jane@x.y") == ("jane@x.y",)
    assert stored_forms("zo\u00eb@x.y") == ("zo\u00eb@x.y", "zoe\u0308@x.y")
    assert stored_forms("zoe\u0308@x.y") == ("zo\u00eb@x.y", "zoe\u0308@x.y")
    assert stored_forms("\u00df@x.y") == ("\u00df@x.y",), "one form, asked for once"
