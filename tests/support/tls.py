"""Both sides of TLS with a throw-away certificate authority."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


def serving(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """Return what a server with a certificate for ``name`` uses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a client that trusts the authority, and the usual ones, uses."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def pem_files(authority: trustme.CA, directory: Path) -> tuple[Path, Path, Path]:
    """Write the authority and a certificate with its key for the loopback; return their paths."""
    ca, certificate, key = (directory / name for name in ("ca.pem", "cert.pem", "key.pem"))
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(ca))
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    return ca, certificate, key
