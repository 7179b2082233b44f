"""The embedded broker as production has it: TLS, SCRAM-SHA-512 and ACLs that refuse what they do not name.

Its listeners: one for clients, and one whose certificate is for another host. Its controller talks TLS both ways.
"""

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from streams import acl
from streams.acl import Grant
from streams.local import LocalKafka
from streams.login import Brokers, Login
from streams.ports import LOOPBACK, free_port
from streams.secret import SecretFile
from tests.security.authority import Authority

ADMIN = "admin"
BROKER = "broker"
APP = "headrace"
PARTITIONS = 4
REPLAYED = "replay.fills"
ACL_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
}
ACL_KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}


class SecureKafka(LocalKafka):
    """Holds the passwords of all principals in files, beside the certificate to trust."""

    def __init__(self, data_dir: Path, passwords: Mapping[str, str]) -> None:
        super().__init__(data_dir)
        data_dir.mkdir(parents=True, exist_ok=True)
        self._passwords = {ADMIN: "admin-of-the-test", **passwords}
        authority = Authority("tests")
        self.ca = authority.write(data_dir / "ca.pem")
        self.foreign_ca = Authority("somebody else").write(data_dir / "foreign.pem")
        self._identity = authority.issue(data_dir / "broker.pem", name=BROKER, address=LOOPBACK)
        self._misnamed = authority.issue(
            data_dir / "misnamed.pem", name="kafka.example", address=None
        )
        self._misnamed_port = free_port()

    @property
    def misnamed(self) -> str:
        """A listener whose certificate is for another host."""
        return f"{LOOPBACK}:{self._misnamed_port}"

    def login(self, principal: str, *, ca: Path | None = None, servers: str = "") -> Brokers:
        """The brokers, as this principal sees them."""
        file = SecretFile(self.password_file(principal))
        return Brokers(servers or self.bootstrap, Login(principal, file, ca or self.ca))

    def password_file(self, principal: str) -> Path:
        """The file that holds a principal's password."""
        file = self.data_dir / f"{principal}.password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(self._passwords[principal] + "\n")
        return file

    def environment(self, principal: str) -> dict[str, str]:
        """The settings of a process that is this principal."""
        return {
            "HEADRACE_KAFKA_SECURITY": "SASL_SSL",
            "HEADRACE_KAFKA_USER": principal,
            "HEADRACE_KAFKA_PASSWORD_FILE": str(self.password_file(principal)),
            "HEADRACE_KAFKA_CA_FILE": str(self.ca),
        }

    def grant_all(self) -> None:
        """Put the matrix into force."""
        bindings = [
            _binding(principal, grant, operation)
            for principal, grants in acl.matrix(APP).items()
            for grant in grants
            for operation in grant.operations
        ]
        admin = self._admin()
        for done in admin.create_acls(bindings).values():
            done.result(20)

    def rotate(self, principal: str, password: str) -> None:
        """A new password, at the broker and in the file, which is replaced as a whole."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        wanted = UserScramCredentialUpsertion(principal, info, password.encode())
        admin = self._admin()
        for done in admin.alter_user_scram_credentials([wanted]).values():
            done.result(20)
        self._passwords[principal] = password
        scratch = self.data_dir / f"{principal}.new"
        scratch.touch(mode=0o600)
        scratch.write_text(password)
        scratch.replace(self.data_dir / f"{principal}.password")

    def _admin(self) -> AdminClient:
        return AdminClient(
            {
                "bootstrap.servers": self.bootstrap,
                "security.protocol": "SASL_SSL",
                "ssl.ca.location": str(self.ca),
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": ADMIN,
                "sasl.password": self._passwords[ADMIN],
            }
        )

    def _format_options(self) -> list[str]:
        options = []
        for principal, password in self._passwords.items():
            options += ["--add-scram", f"SCRAM-SHA-512=[name={principal},password={password}]"]
        return options

    def _answers(self, port: int) -> bool:
        context = ssl.create_default_context(cafile=self.ca)
        try:
            with socket.create_connection((LOOPBACK, port), timeout=2) as plain:
                with context.wrap_socket(plain, server_hostname=LOOPBACK) as secured:
                    return self._answers_on(secured)
        except OSError:
            return False

    def _listeners(self, port: int, controller: str) -> dict[str, str]:
        pem = {"ssl.keystore.type": "PEM", "ssl.truststore.type": "PEM"}
        jaas = (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{ADMIN}" password="{self._passwords[ADMIN]}";'
        )
        protocols = "CONTROLLER:SSL,CLIENTS:SASL_SSL,MISNAMED:SASL_SSL"
        here = f"CLIENTS://{LOOPBACK}:{port},MISNAMED://{self.misnamed}"
        return pem | {
            "ssl.keystore.location": str(self._identity),
            "ssl.truststore.location": str(self.ca),
            "listener.security.protocol.map": protocols,
            "listeners": f"{here},CONTROLLER://{controller}",
            "advertised.listeners": here,
            "inter.broker.listener.name": "CLIENTS",
            "listener.name.controller.ssl.client.auth": "required",
            "listener.name.misnamed.ssl.keystore.type": "PEM",
            "listener.name.misnamed.ssl.keystore.location": str(self._misnamed),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "listener.name.clients.scram-sha-512.sasl.jaas.config": jaas,
            "listener.name.misnamed.scram-sha-512.sasl.jaas.config": jaas,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:{ADMIN};User:CN={BROKER}",
        }


def _binding(principal: str, grant: Grant, operation: str) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if grant.is_prefix else ResourcePatternType.LITERAL
    return AclBinding(
        ACL_KINDS[grant.kind],
        grant.name,
        pattern,
        f"User:{principal}",
        "*",
        ACL_OPERATIONS[operation],
        AclPermissionType.ALLOW,
    )
