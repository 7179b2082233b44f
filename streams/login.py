"""How clients reach the brokers: over a plain listener, or by TLS and SCRAM-SHA-512 with what stands in files.

The bootstrap servers travel through the program as a string, and whoever opens a client hands them to `connection`.
"""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError

from streams.secret import SecretFile, SecretRefused

Protocol = Literal["PLAINTEXT", "SASL_SSL"]
MECHANISM = "SCRAM-SHA-512"
ASK_MS = 5_000
CLOSE_S = 0.25
"""A refused TLS connection is closed in the background."""


class Login(NamedTuple):
    """Who we are, and whom we trust. ca: certificates (PEM) of those who sign for brokers."""

    user: str
    password: SecretFile
    ca: Path


class Brokers(str):
    """Bootstrap servers that want a login; a plain string of them does not."""

    __slots__ = ("login",)
    login: Login

    def __new__(cls, servers: str, login: Login) -> Self:
        brokers = super().__new__(cls, servers)
        brokers.login = login
        return brokers


def login(user: str, password_file: str, ca_file: str) -> Login:
    """A login from settings. Raises SecretRefused where a part is missing or unusable."""
    for name, given in (("USER", user), ("PASSWORD_FILE", password_file), ("CA_FILE", ca_file)):
        if not given:
            raise SecretRefused(f"HEADRACE_KAFKA_{name} is needed with SASL_SSL")
    ca = Path(ca_file)
    _context(ca)
    return Login(user, SecretFile(Path(password_file)), ca)


def connection(brokers: str) -> dict[str, Any]:
    """The arguments of an aiokafka client of any kind that say where to connect and how to log in."""
    if not isinstance(brokers, Brokers):
        return {"bootstrap_servers": brokers}
    return {"bootstrap_servers": str(brokers), **_credentials(brokers.login)}


def _credentials(of: Login) -> dict[str, Any]:
    return {
        "security_protocol": "SASL_SSL",
        "ssl_context": _context(of.ca),
        "sasl_mechanism": MECHANISM,
        "sasl_plain_username": of.user,
        "sasl_plain_password": _Password(of.password),
    }


def _context(ca: Path) -> ssl.SSLContext:
    """Trusts these certificates alone, and checks the broker's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=ca)
    except OSError as error:  # ssl.SSLError too
        reason = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise SecretRefused(f"{ca}: {reason}") from None
    return context


class _Password(str):
    """Read from its file by each connection that logs in: a client outlives a password."""

    __slots__ = ("_file",)
    _file: SecretFile

    def __new__(cls, file: SecretFile) -> Self:
        password = super().__new__(cls, "**********")
        password._file = file
        return password

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The password of now."""
        return self._file.text().encode(encoding, errors)


async def start(client: Any, brokers: str) -> None:
    """Start an aiokafka client. Raises KafkaConnectionError with the reason, which aiokafka says to its log alone."""
    try:
        await client.start()
    except KafkaConnectionError as error:
        raise KafkaConnectionError(await refusal(brokers) or str(error)) from error


async def refusal(brokers: str) -> str:
    """Why none of the brokers lets us in, as a sentence; "" where one does."""
    reasons = [await _refusal_of(server.strip(), brokers) for server in brokers.split(",")]
    return "" if "" in reasons else "; ".join(dict.fromkeys(reasons))


async def _refusal_of(server: str, brokers: str) -> str:
    host, _, port = server.rpartition(":")
    arguments = connection(brokers)
    del arguments["bootstrap_servers"]
    try:
        opened = await create_conn(
            host, int(port), client_id="headrace", request_timeout_ms=ASK_MS, **arguments
        )
    except (OSError, KafkaError, TimeoutError) as error:
        await asyncio.sleep(CLOSE_S)
        return f"{server} {_why(error, brokers)}"
    opened.close()
    return ""


def _why(error: BaseException, brokers: str) -> str:
    of = brokers.login if isinstance(brokers, Brokers) else None
    for kind, sentence in _REASONS:
        if isinstance(error, kind) and of is not None:
            return sentence(error, of)
    if isinstance(error, KafkaConnectionError):
        return "closes the connection: perhaps it wants TLS, see HEADRACE_KAFKA_SECURITY"
    return f"does not answer ({str(error) or type(error).__name__})"


def _certificate(error: BaseException, of: Login) -> str:
    assert isinstance(error, ssl.SSLCertVerificationError)
    said = error.verify_message.rstrip(".")
    return f"shows a certificate that {of.ca} does not vouch for: {said}"


_NO_TLS = "does not speak TLS: is it a plain listener?"
_REASONS: tuple[tuple[type[BaseException], Callable[[BaseException, Login], str]], ...] = (
    (ssl.SSLCertVerificationError, _certificate),
    (ssl.SSLError, lambda _error, _of: _NO_TLS),
    (ConnectionResetError, lambda _error, _of: _NO_TLS),
    (
        KafkaError,
        lambda error, of: (
            f"refuses the login of {of.user} with {of.password.file}: {str(error) or type(error).__name__}"
        ),
    ),
)
