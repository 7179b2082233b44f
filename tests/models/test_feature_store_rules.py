"""Where Feast may be used, and which stores a project may have; neither needs Feast itself."""

import re
from pathlib import Path

import pytest

from api.feature_store.places import find
from models import features
from models.feature_store import place as places
from models.feature_store import relations
from models.feature_store.place import Place, PlaceRefused
from models.feature_store.sets import MICRO
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGES = ("streams", "agents", "tables", "models", "sinks", "api")
LIVE = Place("headrace", "postgresql://u:p@db/h", "redis://cache:6380/0")


def sources() -> dict[str, str]:
    files = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    return {str(path.relative_to(ROOT)): path.read_text() for path in files}


def test_only_the_reader_that_checks_age_asks_the_online_store() -> None:
    users = [name for name, text in sources().items() if "get_online_features" in text]
    assert users == ["models/feature_store/read.py"]


def test_nothing_pushes_to_the_offline_store() -> None:
    modes = re.compile(r"PushMode\.(\w+)")
    used = {mode for text in sources().values() for mode in modes.findall(text)}
    assert used == {"ONLINE"}


def test_one_sql_column_a_feature_in_the_order_of_the_vector() -> None:
    (view,) = [text for text in relations.statements() if f"CREATE VIEW feast.{MICRO.view}" in text]
    found = re.findall(r'v\[(\d+)\] AS "(\w+)"', view)
    assert found == [(str(at), name) for at, name in enumerate(features.NAMES, start=1)]
    assert f"set_hash = '{features.SET_HASH}'" in view


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://127.0.0.1:6379/0", "127.0.0.1:6379,db=0"),
        ("redis://cache", "cache:6379,db=0"),
        (
            "rediss://me:1234%40@cache:7000/2",
            'cache:7000,db=2,ssl=true,username="me",password="1234@"',
        ),
    ],
)
def test_a_redis_url_becomes_feasts_own_form(url: str, text: str) -> None:
    assert places.redis(url) == text


def test_the_files_of_tls_go_with_the_urls() -> None:
    found = places.postgres("postgresql://u:p@db/h?sslmode=verify-full&sslrootcert=/run/ca.crt")
    assert (found["sslmode"], found["sslrootcert"]) == ("verify-full", "/run/ca.crt")
    assert "sslcert" not in found
    text = places.redis("rediss://u:p@cache/0?ssl_ca_certs=/run/ca.crt")
    assert text.endswith(',ssl_ca_certs="/run/ca.crt"')


def test_passwords_in_files_reach_feast(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("of-the-file")
    secret.chmod(0o600)
    settings = Settings(
        postgres_url="postgresql://u@db/h",
        postgres_password_file=str(secret),
        redis_url="redis://u@cache/0",
        redis_password_file=str(secret),
    )
    found = find(settings)
    assert places.postgres(found.postgres_url)["password"] == "of-the-file"
    assert places.redis(found.redis_url) == 'cache:6379,db=0,username="u",password="of-the-file"'


def test_a_redis_password_that_feast_cannot_take_is_refused() -> None:
    with pytest.raises(PlaceRefused, match="comma"):
        places.redis("redis://:a,b@cache/0")


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://u:p@127.0.0.1:5432/h", "disable"),
        ("postgresql://u:p@db/h", "require"),
        ("postgresql://u:p@db/h?sslmode=verify-full", "verify-full"),
    ],
)
def test_the_link_to_postgresql_is_encrypted_unless_it_is_local_or_said_otherwise(
    url: str, mode: str
) -> None:
    assert places.postgres(url)["sslmode"] == mode


@pytest.mark.parametrize(("run", "database"), [("r1", 0), ("R1", 1), ("", 1), ("a b", 1)])
def test_a_replay_never_gets_the_live_database_nor_a_name_that_is_none(
    run: str, database: int
) -> None:
    with pytest.raises(PlaceRefused):
        places.of_replay(LIVE, run, database)


def test_a_replay_has_its_own_project_and_database() -> None:
    found = places.of_replay(LIVE, "2026-01-05", 4)
    assert found.project == "headrace_replay_2026_01_05"
    assert (found.database, found.postgres_url) == (4, LIVE.postgres_url)


def test_a_feature_store_needs_both_of_its_servers() -> None:
    with pytest.raises(PlaceRefused):
        places.live("headrace", "postgresql://db/h", "")
