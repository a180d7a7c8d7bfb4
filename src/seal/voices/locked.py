"""Encryption of the voice library: AES-256-GCM, with a key that scrypt makes of a passphrase.

Both are those of the library `cryptography`, which is imported where it is used: without a
passphrase it is not needed. A new salt and a new nonce are drawn each time. It knows nothing of
voices.
"""

import base64
import os
import unicodedata
from pathlib import Path
from typing import Any

from seal.errors import SealError

PASSPHRASE = "SEAL_VOICES_PASSPHRASE"
"""The variable with the passphrase, where no file with it is named."""

KEY = "encrypted"
"""The key of the file under which all of this stands."""

COST = {"n": 1 << 16, "r": 8, "p": 1}
"""Of scrypt: 64 MB and some tenths of a second for each guess at the passphrase."""

MOST_COST = {"n": 1 << 20, "r": 16, "p": 4}
"""In a file that is read: more would be an attack on this machine's memory."""

KINDS = {"kdf": "scrypt", "cipher": "AES-256-GCM"}


def lock(data: bytes, passphrase: str) -> dict[str, Any]:
    """The data encrypted, with what is needed to decrypt it but the passphrase."""
    _check_installed()
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not passphrase:
        raise SealError("the passphrase is empty; choose one, or leave it out")
    salt, nonce = os.urandom(16), os.urandom(12)
    head = {**KINDS, **COST, "salt": _text(salt), "nonce": _text(nonce)}
    secret = AESGCM(_key(passphrase, salt, COST)).encrypt(nonce, data, _bound(head))
    return head | {"data": _text(secret)}


def unlock(found: Any, passphrase: str, path: Path) -> bytes:
    """What `lock` was given. Raises SealError where the passphrase is another, or the file was
    changed: one cannot be told from the other."""
    _check_installed()
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        head = {key: found[key] for key in (*KINDS, *COST, "salt", "nonce")}
        cost = {key: int(found[key]) for key in COST}
        salt, nonce, data = (_bytes(found[key]) for key in ("salt", "nonce", "data"))
        sane = all(1 <= cost[key] <= MOST_COST[key] for key in COST) and len(nonce) == 12
        if not sane or any(found[key] != kind for key, kind in KINDS.items()):
            raise ValueError
        return AESGCM(_key(passphrase, salt, cost)).decrypt(nonce, data, _bound(head))
    except InvalidTag:
        raise SealError(f"{path}: the passphrase is wrong, or the file is damaged") from None
    except (KeyError, TypeError, ValueError, OverflowError):
        raise SealError(f"{path}: is damaged: what is encrypted cannot be read") from None


def _key(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    text = unicodedata.normalize("NFC", passphrase)  # keyboards differ in how they write an é
    return Scrypt(salt=salt, length=32, **cost).derive(text.encode("utf-8", "surrogatepass"))


def _bound(head: dict[str, Any]) -> bytes:
    """What is not secret but must not be changed either."""
    return repr(sorted(head.items())).encode()


def _check_installed() -> None:
    try:
        import cryptography  # noqa: F401
    except ModuleNotFoundError:
        raise SealError(
            "an encrypted voice library needs the package cryptography; install it with "
            "pip install 'seal[voices]'"
        ) from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
