"""Secret keys as they lie in the database: sealed with AES-GCM under a key that lies beside it.

To check a signature the secret has to be had back, so that a hash will not do. Whoever gets hold of the
database alone, in a backup for instance, reads no secret.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from irs_engine.errors import IrsError

KEY_BYTES = 32
NONCE_BYTES = 12


class KeyringError(IrsError):
    """The file with the key is missing, damaged, or not the one that the database was written with."""


class Keyring:
    """Seals and opens secrets. The key is made with the first one.

    Args:
        file: Of the key, readable by its owner alone; servers that share a database need the same one.
    """

    def __init__(self, file: Path):
        self._file = file
        self._cipher: AESGCM | None = None

    @classmethod
    def passing(cls) -> Keyring:
        """One that this process alone knows, and no file."""
        made = cls(Path())
        made._cipher = AESGCM(secrets.token_bytes(KEY_BYTES))
        return made

    def seal(self, secret: str, access_key: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._load(make=True).encrypt(nonce, secret.encode(), access_key.encode())

    def open(self, sealed: bytes, access_key: str) -> str:
        """The secret, which was sealed for this access key.

        Raises:
            KeyringError: It cannot be opened with the key of this server.
        """
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._load().decrypt(nonce, rest, access_key.encode()).decode()
        except InvalidTag:
            raise KeyringError(f"{self._file} is not the key that the access keys were sealed with") from None

    def _load(self, make: bool = False) -> AESGCM:
        if self._cipher is None:
            if make:
                write_private(self._file, secrets.token_bytes(KEY_BYTES), once=True)
            try:
                key = self._file.read_bytes()
            except FileNotFoundError:
                raise KeyringError(
                    f"{self._file} is missing: the database's access keys cannot be opened"
                ) from None
            if len(key) != KEY_BYTES:
                raise KeyringError(f"{self._file}: expected {KEY_BYTES} bytes, got {len(key)}")
            self._cipher = AESGCM(key)
        return self._cipher


def write_private(file: Path, data: bytes, *, once: bool = False, mode: int = 0o600) -> None:
    """Write a file that its owner alone reads, whole or not at all.

    Args:
        once: Leave a file that is there already as it is.
        mode: For one that others read too.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if once:
            try:
                os.link(draft, file)  # fails where another process was quicker
            except FileExistsError:
                pass
        else:
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
