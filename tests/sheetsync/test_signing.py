"""Signatures: worked out by hand from their recipe, and broken by any change to what is signed."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sheetsync.web.signing import TIME_WINDOW_S, SignedRequest, form_flaw, is_in_time, is_signed, signature_of

REQUEST = SignedRequest(
    method="POST",
    path="/api/actions/",
    timestamp="1790000000",
    nonce="0123456789abcdef",
    body=b'{"action": "pm.save_selected"}',
)
SECRET = "a secret"


def signed(request: SignedRequest = REQUEST, secret: str = SECRET) -> SignedRequest:
    return replace(request, signature=signature_of(request, secret))


def test_the_signature_follows_its_recipe():
    body = hashlib.sha256(b'{"action": "pm.save_selected"}').hexdigest()
    text = f"POST\n/api/actions/\n1790000000\n0123456789abcdef\n{body}"
    assert signature_of(REQUEST, SECRET) == hmac.new(b"a secret", text.encode(), "sha256").hexdigest()


def test_a_signed_request_is_known_in_small_and_capital_digits():
    assert is_signed(signed(), [SECRET])
    assert is_signed(replace(signed(), signature=signed().signature.upper()), [SECRET])


def test_any_of_the_secrets_will_do_and_none_is_never_enough():
    assert is_signed(signed(), ["another", SECRET])
    assert not is_signed(signed(), ["another"])
    assert not is_signed(signed(), [])


@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=st.text(st.characters(exclude_categories=["Cs"])),
    timestamp=st.text("0123456789"),
    nonce=st.text("abcdef0123456789"),
    body=st.binary(),
)
def test_any_change_to_what_is_signed_breaks_the_signature(**changed):
    other = replace(signed(), **changed)
    assume(other != signed())
    assume("\n" not in other.path)  # no request line holds one
    assert not is_signed(other, [SECRET])


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_made_up_signature_is_refused_without_an_error(signature):
    assert not is_signed(replace(REQUEST, signature=signature), [SECRET])


@pytest.mark.parametrize("timestamp", ["", "now", "-5", "1.5", "1e9", "١٢٣٤", "9" * 13, "17 ", "17\n"])
def test_a_malformed_time_is_named(timestamp):
    assert "X-Timestamp" in form_flaw(replace(signed(), timestamp=timestamp))


@pytest.mark.parametrize("nonce", ["", "short", "a" * 65, "with space in it", "null\0null\0", "ünicode-ünicode"])
def test_a_malformed_nonce_is_named(nonce):
    assert "X-Nonce" in form_flaw(replace(signed(), nonce=nonce))


@pytest.mark.parametrize("signature", ["", "0" * 63, "0" * 65, "g" * 64, "٣" * 64])
def test_a_malformed_signature_is_named(signature):
    assert "X-Signature" in form_flaw(replace(signed(), signature=signature))


def test_a_well_formed_request_has_no_flaw():
    assert form_flaw(signed()) == ""


@pytest.mark.parametrize(
    ("seconds", "in_time"),
    [(0, True), (TIME_WINDOW_S, True), (-TIME_WINDOW_S, True), (TIME_WINDOW_S + 1, False), (-TIME_WINDOW_S - 1, False)],
)
def test_five_minutes_either_way_are_in_time(seconds, in_time):
    assert is_in_time(REQUEST, 1790000000 + seconds) is in_time
