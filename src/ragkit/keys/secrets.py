"""What a key looks like: `rk_`, twelve hexadecimal digits that may be seen, and 256 random bits that may not.

A plain hash is enough to keep it by: nobody guesses 256 bits, however fast the hash. Slow hashes and salts protect what
people choose, such as passwords.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

__all__ = ["digest", "id_of", "matches", "new_id", "new_secret"]

_SECRET = re.compile(r"(rk_[0-9a-f]{12})_[\w-]{43}", re.ASCII)


def new_id() -> str:
    return f"rk_{secrets.token_hex(6)}"


def new_secret(key_id: str) -> str:
    return f"{key_id}_{secrets.token_urlsafe(32)}"


def id_of(secret: str) -> str | None:
    """Of the key that a secret belongs to, if it is one of ours by its looks."""
    found = _SECRET.fullmatch(secret)
    return found[1] if found else None


def digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def matches(secret_digest: bytes, kept: bytes | None) -> bool:
    """Whether they are equal; how long it takes says nothing about where they differ."""
    return kept is not None and hmac.compare_digest(secret_digest, bytes(kept))
