"""Bearer tokens: a file of their SHA-256 hashes with principal, scopes and accounts, read again when it changes."""

import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streams.contract import ID
from streams.secret import Fingerprint, check_mode, fingerprint

log = logging.getLogger("headrace.api")

LOOK_S = 1.0
ALL_ACCOUNTS = "*"
FILE_BYTES_MAX = 1 << 20

Scope = Literal["read", "operate"]


class Token(BaseModel):
    """One valid token. sha256: of the token's text. accounts: those it may see, or `*`. Two of one principal may be
    valid at a time, while one replaces the other."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    principal: ID
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: tuple[Scope, ...] = Field(default=("read",), strict=False)
    accounts: tuple[str, ...] = Field(default=(ALL_ACCOUNTS,), strict=False)

    @property
    def sees_all(self) -> bool:
        """Whether it may see every account."""
        return ALL_ACCOUNTS in self.accounts

    def sees(self, account: str) -> bool:
        """Whether it may see an account."""
        return self.sees_all or account in self.accounts


class TokenFile(BaseModel):
    """The file: `{"tokens": [...]}`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    tokens: tuple[Token, ...] = Field(strict=False)


class Tokens:
    """The tokens of one file, looked at again at most once a second. An unusable file leaves none."""

    def __init__(self, file: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._looked = -LOOK_S
        self._seen: Fingerprint | None = None
        self._tokens: tuple[Token, ...] = ()
        self.refusal = "no token file is configured"

    def find(self, text: str) -> Token | None:
        """The token of this text; every hash is compared, each in constant time."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        found = [t for t in self.current() if hmac.compare_digest(t.sha256, digest)]
        return found[0] if found else None

    def current(self) -> tuple[Token, ...]:
        """The tokens that are valid now; none, with `refusal` saying why, while the file is unusable."""
        now = self._clock()
        if self._file is not None and now - self._looked >= LOOK_S:
            self._looked = now
            self._look(self._file)
        return self._tokens

    def secret(self) -> bytes:
        """What every replica with this file knows and no client does: the key that signs cursors."""
        joined = "".join(sorted(token.sha256 for token in self.current()))
        return hashlib.sha256(b"cursor" + joined.encode()).digest()

    def _look(self, file: Path) -> None:
        try:
            seen = fingerprint(file)
            if seen != self._seen:
                self._tokens, self.refusal = _read(file), ""
                self._seen = seen
        except (OSError, ValueError) as error:
            self._tokens, self._seen = (), None
            self.refusal = "the token file cannot be used"
            log.error("token file %s: %s", file, error)


def new_token(principal: str, scopes: tuple[Scope, ...] = ("read",)) -> tuple[str, TokenFile]:
    """A random token and the file that makes it valid."""
    text = secrets.token_urlsafe(24)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text, TokenFile(tokens=(Token(principal=principal, sha256=digest, scopes=scopes),))


def _read(file: Path) -> tuple[Token, ...]:
    """Raises ValueError for loose modes and for what is no token file; its text stays out of the message."""
    check_mode(file)
    with file.open("rb") as opened:
        text = opened.read(FILE_BYTES_MAX)
    try:
        return TokenFile.model_validate_json(text).tokens
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        places = ", ".join(".".join(map(str, fault["loc"])) for fault in faults[:3])
        raise ValueError(f"{len(faults)} faults, at {places or 'the top'}") from None
