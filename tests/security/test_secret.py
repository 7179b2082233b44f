"""Secrets come from files that nobody else can read, are read again when they change, and are shown nowhere."""

import logging
import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.access.tokens import TokenFile, Tokens, new_token
from streams import login
from streams.login import Brokers, connection
from streams.secret import SecretFile, SecretRefused, read
from streams.settings import Settings, embedded
from tests.security.authority import Authority

CANARY = "canary-5f0c-never-shown"


def written(directory: Path, text: str = CANARY, mode: int = 0o600) -> Path:
    file = directory / "password"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
    file.chmod(mode)
    return file


def given(directory: Path, **changed: str) -> dict[str, str]:
    """The settings of a login, changed by `changed`."""
    ca = Authority("tests").write(directory / "ca.pem")
    base = {
        "kafka_security": "SASL_SSL",
        "kafka_user": "worker",
        "kafka_password_file": str(written(directory)),
        "kafka_ca_file": str(ca),
    }
    return base | changed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("changeme\n", "holds a default"),
        ("Password", "a default"),
    ],
)
def test_empty_and_default_secrets_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SecretRefused, match=says):
        read(written(tmp_path, text))


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o601, 0o666])
def test_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(SecretRefused, match="chmod 600"):
        read(written(tmp_path, mode=mode))


def test_group_may_read_what_root_has_mounted_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, mode=0o440)
    owners = {"root": 0, "somebody": 1000}
    found = file.stat()
    for name, owner in owners.items():
        values = list(found)
        values[4] = owner
        monkeypatch.setattr(Path, "stat", lambda _self, values=values: type(found)(values))
        if name == "root":
            assert read(file) == CANARY
        else:
            with pytest.raises(SecretRefused, match="mode 440"):
                read(file)


def test_missing_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretRefused, match="No such file"):
        read(tmp_path / "none")


def test_changed_secret_is_read_again_and_an_unusable_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = SecretFile(written(tmp_path))
    assert secret.text() == CANARY
    written(tmp_path, "the next one")
    assert (secret.text(), secret.reloads) == ("the next one", 1)
    written(tmp_path, "")
    assert (secret.text(), secret.failures) == ("the next one", 1)
    assert "is empty" in caplog.text
    assert "the next one" not in caplog.text


def test_password_is_read_by_each_connection(tmp_path: Path) -> None:
    settings = Settings(**given(tmp_path))  # type: ignore[arg-type]  # texts, as from the environment
    password = connection(settings.brokers)["sasl_plain_password"]
    assert password.encode() == CANARY.encode()
    written(tmp_path, "the next one")
    assert password.encode() == b"the next one"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"kafka_user": ""}, "HEADRACE_KAFKA_USER is needed"),
        ({"kafka_password_file": ""}, "HEADRACE_KAFKA_PASSWORD_FILE is needed"),
        ({"kafka_ca_file": ""}, "HEADRACE_KAFKA_CA_FILE is needed"),
        ({"kafka_ca_file": "/dev/null"}, "holds no certificate"),
        ({"kafka_password_file": "/nowhere/password"}, "No such file"),
        ({"kafka_security": "SASL_PLAINTEXT"}, "PLAINTEXT"),
    ],
)
def test_login_that_lacks_a_part_starts_nothing(
    tmp_path: Path, changed: dict[str, str], says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        Settings(**given(tmp_path, **changed))  # type: ignore[arg-type]


def test_brokers_named_on_the_command_line_want_the_login_too(tmp_path: Path) -> None:
    settings = Settings(**given(tmp_path))  # type: ignore[arg-type]
    other = settings.at("kafka.example:9093")
    assert isinstance(other, Brokers) and other.login.user == "worker"
    assert connection("kafka.example:9093") == {"bootstrap_servers": "kafka.example:9093"}


def test_two_tokens_of_a_principal_are_valid_while_one_replaces_the_other(tmp_path: Path) -> None:
    now, file = 0.0, tmp_path / "tokens.json"
    old, first = new_token("desk")
    new, second = new_token("desk")
    tokens = Tokens(file, clock=lambda: now)
    valid: list[tuple[bool, bool]] = []
    for step in (first.tokens, first.tokens + second.tokens, second.tokens):
        scratch = tmp_path / "scratch"
        scratch.touch(mode=0o600)
        scratch.write_text(TokenFile(tokens=step).model_dump_json())
        scratch.replace(file)
        now += 5
        valid.append((tokens.find(old) is not None, tokens.find(new) is not None))
    assert valid == [(True, False), (True, True), (False, True)]
    file.chmod(0o644)
    file.touch()
    now += 5
    assert tokens.find(new) is None and tokens.refusal


def test_servers_of_our_own_want_no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in given(tmp_path).items():
        monkeypatch.setenv(f"HEADRACE_{name.upper()}", value)
    monkeypatch.setenv("HEADRACE_POSTGRES_PASSWORD_FILE", str(written(tmp_path)))
    ours = embedded(brokers="127.0.0.1:1", postgres_url="postgresql://us:them@127.0.0.1/x")
    assert type(ours.brokers) is str and type(ours.postgres_url) is str


def test_canary_is_in_no_repr_dump_or_traceback(tmp_path: Path) -> None:
    settings = Settings(**given(tmp_path))  # type: ignore[arg-type]
    arguments = connection(settings.brokers)
    shown = [repr(settings), str(settings), settings.model_dump_json(), repr(arguments)]
    shown += [f"{settings.brokers!r} {settings.brokers}", str(arguments["sasl_plain_password"])]
    try:
        login.login("", str(written(tmp_path)), "")
    except SecretRefused:
        shown.append(traceback.format_exc())
    try:
        raise RuntimeError(f"a client failed: {arguments} {settings!r}")
    except RuntimeError:
        shown.append(traceback.format_exc())
        logging.getLogger("headrace.test").exception("with %s", arguments)
    assert all(CANARY not in text for text in shown)
