"""The key pair of the connected app: the private half for the client, the public half for the org.

Made on demand and kept in a folder, so that no key is ever part of the code.
"""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_KEY_BITS = 2048


def make_key_pair(folder: Path) -> tuple[Path, Path]:
    """Return the paths of (private key, public key) in the folder; makes them when absent."""
    private_path, public_path = folder / "server.key", folder / "server.pub"
    if private_path.exists() and public_path.exists():
        return private_path, public_path
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    private_path.touch(mode=0o600)
    private_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public_path.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return private_path, public_path


def public_pem(text: str) -> str:
    """Return the public key of a PEM text, which may also be a certificate or a private key.

    Raises ValueError when it is none of them.
    """
    data = text.encode()
    if "CERTIFICATE" in text:
        return _as_pem(x509.load_pem_x509_certificate(data).public_key())
    if "PRIVATE KEY" in text:
        return _as_pem(serialization.load_pem_private_key(data, password=None).public_key())
    return _as_pem(serialization.load_pem_public_key(data))


def _as_pem(key: object) -> str:
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError(f"the JWT flow needs an RSA key, not {type(key).__name__}")  # noqa: TRY004 - the caller reports ValueErrors
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()
