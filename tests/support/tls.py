"""Both sides of TLS with a throw-away certificate authority."""

from __future__ import annotations

import ssl

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
