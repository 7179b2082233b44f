"""A certificate authority of the test's own, and certificates of brokers that it vouches for."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
LASTS = timedelta(days=36_500)


class Authority:
    """Signs for names and addresses; `certificate` is what clients must trust."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        builder = _certificate(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        self._own = builder.sign(self._key, hashes.SHA256())

    def write(self, file: Path) -> Path:
        """The certificate to trust, as PEM."""
        file.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))
        return file

    def issue(self, file: Path, *, name: str, address: str | None) -> Path:
        """A key and a certificate for it, as PEM. address: the only place where it is valid; None: at `name` alone."""
        key = ec.generate_private_key(ec.SECP256R1())
        place: x509.GeneralName = (
            x509.DNSName(name) if address is None else x509.IPAddress(ipaddress.ip_address(address))
        )
        builder = _certificate(_named(name), self._name, key.public_key())
        builder = builder.add_extension(x509.SubjectAlternativeName([place]), False)
        signed = builder.sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
        file.chmod(0o600)
        return file


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(EPOCH)
        .not_valid_after(EPOCH + LASTS)
    )
