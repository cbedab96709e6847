"""RSA-SHA256 signatures, which is how Adobe's channels sign: keys from PEM, and the check. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MIN_KEY_BITS = 2048
PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


def public_keys(pem: bytes) -> list[RSAPublicKey]:
    """Return the keys of a PEM text, in order; raises ValueError saying what is wrong with it."""
    keys = [_public_key(match[0]) for match in PEM_BLOCK.finditer(pem)]
    if not keys:
        raise ValueError("holds no PEM block (-----BEGIN PUBLIC KEY-----)")
    return keys


def _public_key(block: bytes) -> RSAPublicKey:
    if b"PRIVATE" in block.partition(b"\n")[0]:
        raise ValueError("holds a private key; only the public one belongs here")
    try:
        key = serialization.load_pem_public_key(block)
    except (ValueError, TypeError) as error:
        raise ValueError(f"holds no readable public key: {error}") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("holds a key that is not RSA")  # noqa: TRY004 - what the file says
    if key.key_size < MIN_KEY_BITS:
        raise ValueError(f"holds a key of {key.key_size} bits, needs at least {MIN_KEY_BITS}")
    return key


def decoded(signature: str) -> bytes | None:
    """Return the bytes of a base64 signature, None when it is none."""
    try:
        return base64.b64decode(signature.strip(), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def is_signed(key: RSAPublicKey, signature: bytes, signed: bytes) -> bool:
    """Return whether this key's owner signed these bytes (PKCS#1 v1.5, SHA-256)."""
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def fingerprint(key: RSAPublicKey) -> str:
    """Return eight hex digits that tell one public key from another."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()[:8]
