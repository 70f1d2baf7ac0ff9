"""Settings: what is documented is what is read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings, SettingsError

EXAMPLE = Path(__file__).parent.parent / ".env.example"


class Recording(dict[str, str]):
    """An environment that remembers what was asked for."""

    def __init__(self, *arguments: dict[str, str]) -> None:
        super().__init__(*arguments)
        self.asked: set[str] = set()

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        self.asked.add(name)
        return super().get(name, default)  # type: ignore[arg-type]


SECRETS: dict[str, tuple[str, Callable[[Any], str | None]]] = {
    "POSTGRESQL_DB_URL": ("postgresql://somewhere/db", lambda settings: settings.database_url),
    "MONGODB_URL": ("mongodb+srv://somewhere/db", lambda settings: settings.mongodb_url),
    "AWS_ACCESS_KEY_ID": ("AKIA1", lambda settings: settings.bucket.keys.id),
    "AWS_SECRET_ACCESS_KEY": ("s3cret", lambda settings: settings.bucket.keys.secret),
    "AWS_SESSION_TOKEN": ("t", lambda settings: settings.bucket.keys.token),
    "KAFKA_SASL_PASSWORD": ("p", lambda settings: settings.kafka.password),
}
"""All that may come from a file, each with a value and where that must be found; a setting more is undocumented."""


def documented(mark: str = "(?:# )?") -> dict[str, str]:
    """Settings in the example; those behind a `# ` have no default."""
    return dict(re.findall(rf"^{mark}([A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def test_every_setting_is_in_the_example_and_nothing_else() -> None:
    asked = Recording()
    Settings.from_env(asked)
    assert set(documented()) == asked.asked - {f"{name}_FILE" for name in SECRETS}


def test_the_example_shows_the_defaults() -> None:
    assert Settings.from_env(documented(mark="")) == Settings.from_env({})


def test_limits_are_on_by_default_and_as_strict_as_promised() -> None:
    promised = {
        "SIGN_IN": "5/15 minutes", "SIGN_IN_ACCOUNT": "50/15 minutes", "SIGN_IN_ADDRESS": "100/15 minutes",
        "SIGN_UP": "20/hour", "SUBMIT": "100/15 minutes", "BUY": "100/15 minutes",
    }  # fmt: skip
    assert {name: documented("")[f"RATE_LIMIT_{name}"] for name in promised} == promised


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_come_from_a_file(tmp_path: Path, name: str) -> None:
    value, found = SECRETS[name]
    secret = tmp_path / "secret"
    secret.write_text(f"{value}\n")
    others = {
        "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
        "AWS_S3_BUCKET_NAME": "media",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
    }
    others.pop(name, None)
    assert found(Settings.from_env({**others, f"{name}_FILE": str(secret)})) == value


@pytest.mark.parametrize("name", ["POSTGRESQL_DB_URL", "MONGODB_URL"])
def test_a_bad_secret_is_told_without_its_value(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: must begin with") as refused:
        Settings.from_env({name: "mysql://user:hunter2@somewhere"})
    assert "hunter2" not in str(refused.value)


def test_without_a_bucket_there_is_none() -> None:
    assert Settings.from_env({"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "alone"}).bucket is None


def test_half_a_pair_of_keys_is_refused() -> None:
    with pytest.raises(SettingsError, match="set both or none"):
        Settings.from_env({"AWS_S3_BUCKET_NAME": "media", "AWS_ACCESS_KEY_ID": "alone"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_S3_BUCKET_NAME", "Not_A_Bucket"), ("AWS_ENDPOINT_URL_S3", "minio:9000"),
        ("MEDIA_BASE_URL", "//cdn.example.org"), ("MEDIA_BASE_URL", "https://cdn.example.org/?x=1"),
    ],
)  # fmt: skip
def test_a_bad_address_of_media_is_told_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"{name}={value!r}")):
        Settings.from_env({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka"), ("KAFKA_BOOTSTRAP_SERVERS", "a:1, b:2"), ("KAFKA_PREFIX", "no blanks"),
        ("KAFKA_SECURITY_PROTOCOL", "https"), ("KAFKA_SASL_MECHANISM", "gssapi"), ("KAFKA_CA_FILE", "/no/such/file"),
        ("KAFKA_REPLICATION", "0"),
    ],
)  # fmt: skip
def test_a_bad_setting_of_kafka_is_told_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"{name}={value!r}")):
        Settings.from_env({name: value})


def test_kafka_that_asks_for_a_password_needs_one() -> None:
    asked = {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "KAFKA_SECURITY_PROTOCOL": "sasl_ssl"}
    with pytest.raises(SettingsError, match="KAFKA_SASL_USERNAME"):
        Settings.from_env(asked)
    given = Settings.from_env({**asked, "KAFKA_SASL_USERNAME": "eventstream", "KAFKA_SASL_PASSWORD": "secret"})
    assert given.kafka is not None
    assert given.kafka.options()["ssl_context"] is not None


@pytest.mark.parametrize("value", ["often", "5/minute;100/hour", "5/minute, 100/hour", "5/minute|100/hour"])
def test_what_is_no_single_rate_limit_is_told_with_its_variable(value: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"RATE_LIMIT_BUY={value!r}")):
        Settings.from_env({"RATE_LIMIT_BUY": value})


@pytest.mark.parametrize("name", ["EVENTSTREAM_INSTANCE", "DRAIN_SECONDS"])
def test_an_empty_value_is_as_good_as_none(name: str) -> None:
    assert Settings.from_env({name: ""}) == Settings.from_env({})


def test_a_process_that_would_do_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="RUN_CONSUMERS='0': with SERVE_HTTP=0 there is nothing left to do"):
        Settings.from_env({"SERVE_HTTP": "0", "RUN_CONSUMERS": "0"})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("POSTGRESQL_DB_URL", "postgresql://user:hunt@er2@somewhere/db", "%40"),
        ("POSTGRESQL_DB_URL", "postgresql://user:hunter2/@somewhere/db", "must look like postgresql://"),
        ("POSTGRESQL_DB_URL", "postgresql://user:hunter2@[::1/db", "must look like postgresql://"),
        (
            "POSTGRESQL_DB_URL",
            "postgresql://user:hunter2@somewhere/db?sslmode=verify",
            "sslmode must be one of disable",
        ),
        ("POSTGRESQL_DB_URL", "postgresql://hunter2@somewhere/db?sslrootcert=/no/such", "sslrootcert names no file"),
        ("MONGODB_URL", "mongodb://user:hunt@er2@somewhere/db", "%40"),
        ("MONGODB_URL", "mongodb://user:hunter2/@somewhere/db", "must look like mongodb://"),
        ("MONGODB_URL", "mongodb://user:hunter2@somewhere:99999/db", "must look like mongodb://"),
        ("MONGODB_URL", "mongodb+srv://user:hunt@er2@somewhere/db", "must look like mongodb\\+srv://"),
        ("MONGODB_URL", "mongodb://user:hunter2@somewhere/db?tlsCAFile=/no/such", "a file .* cannot be read: No such"),
    ],
)
def test_an_address_that_cannot_be_is_told_in_one_sentence_without_its_password(
    name: str, value: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .*{words}") as refused:
        Settings.from_env({name: value})
    assert refused.value.name == name
    assert "hunt" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (
            "POSTGRESQL_DB_URL",
            "postgresql://user:p%40ss@one:5432,two:5433/db?sslmode=require&target_session_attrs=primary",
        ),
        ("POSTGRESQL_DB_URL", "postgres://user@[::1]:5432/db"),
        ("POSTGRESQL_DB_URL", "postgresql://user@/db?host=/run/postgresql"),
        ("POSTGRESQL_DB_URL", "postgresql:///db"),
        ("MONGODB_URL", "mongodb://user:p%40ss@one:27017,two:27018/db?replicaSet=rs0&tls=true"),
        ("MONGODB_URL", "mongodb+srv://user:p%40ss@cluster.example.org/db?srvMaxHosts=3"),
    ],
)
def test_an_address_of_any_kind_that_works_is_taken(name: str, value: str) -> None:
    settings = Settings.from_env({name: value})
    assert value in {settings.database_url, settings.mongodb_url}


@pytest.mark.parametrize("endpoint", ["http://my_minio:9000", "http://-minio", "http://minio:port", "ftp://minio"])
def test_an_endpoint_that_the_client_of_s3_would_not_take_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingsError, match=r"^AWS_ENDPOINT_URL_S3="):
        Settings.from_env({"AWS_S3_BUCKET_NAME": "media", "AWS_ENDPOINT_URL_S3": endpoint})


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9000", "http://[::1]:9000", "https://s3.eu-1.example.org/below"]
)
def test_an_endpoint_that_the_client_of_s3_takes_is_taken(endpoint: str) -> None:
    settings = Settings.from_env({"AWS_S3_BUCKET_NAME": "media", "AWS_ENDPOINT_URL_S3": endpoint})
    assert settings.bucket is not None
    assert settings.bucket.endpoint == endpoint
