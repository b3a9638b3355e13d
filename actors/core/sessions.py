"""Names that nobody can guess who does not know the journal's: agents' sessions, judges' nonces. Pure: no chance."""

from hashlib import sha256


def session_name(*parts: object) -> str:
    """A UUID (version 4 in form) for this name, and for no other."""
    digest = _digest("session", *parts)
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def nonce_of(*parts: object) -> str:
    """A word for this name."""
    return _digest("nonce", *parts)[:16]


def _digest(*parts: object) -> str:
    return sha256("/".join(map(str, parts)).encode()).hexdigest()
