"""The key of the JWT flow, and the certificate of its public half for the app in Salesforce."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

KEY_BITS = 2048
VALID_DAYS = 730
OWNER_ONLY = 0o600


def make_key(path: Path) -> Path | None:
    """Return the certificate beside a key, made with it when absent; None for a key without one."""
    certificate = path.with_suffix(".crt")
    if path.exists():
        return certificate if certificate.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    certificate.write_bytes(_certificate(key))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        form = serialization.PrivateFormat.PKCS8
        plain = serialization.NoEncryption()
        file.write(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return certificate


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "orderstream")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)
