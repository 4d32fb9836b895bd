from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from secretary_common.errors import ConfigurationError
from secretary_common.settings.settings import load_settings


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)


def refusal(*require: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(require=require)
    return caught.value.message


def test_defaults_are_for_one_machine() -> None:
    settings = load_settings()
    assert settings.generic_worker.max_concurrent == 3
    assert settings.broker.url.get_secret_value() == ""
    assert settings.notifier.retry_schedule_sec[:3] == [0, 5, 300]


def test_the_section_generic_worker_is_read(tmp_path: Path) -> None:
    config(tmp_path, "generic_worker: {active: false, max_concurrent: 7, poll_interval_sec: 2}")
    worker = load_settings().generic_worker
    assert (worker.active, worker.max_concurrent, worker.poll_interval_sec) == (False, 7, 2)


def test_the_environment_overrides_the_file_key_by_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(tmp_path, "generic_worker: {max_concurrent: 7, poll_interval_sec: 2}")
    monkeypatch.setenv("SECRETARY_GENERIC_WORKER__MAX_CONCURRENT", "9")
    monkeypatch.setenv("SECRETARY_FILES__ROOTS", '["/a", "/b"]')
    settings = load_settings()
    assert settings.generic_worker.max_concurrent == 9
    assert settings.generic_worker.poll_interval_sec == 2
    assert settings.files.roots == [Path("/a"), Path("/b")]


@pytest.mark.parametrize(
    ("worker", "renewal_sec"),
    [("{}", 10), ("{lease_sec: 6}", 2), ("{heartbeat_sec: 1}", 1), ("{heartbeat_sec: 60}", 10)],
)
def test_leases_are_renewed_in_time_with_any_settings(
    tmp_path: Path, worker: str, renewal_sec: float
) -> None:
    config(tmp_path, f"worker: {worker}")
    assert load_settings().worker.renewal_sec == renewal_sec


def test_another_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("api: {port: 6000}")
    monkeypatch.setenv("SECRETARY_CONFIG", str(other))
    assert load_settings().api.port == 6000
    other.unlink()
    assert "SECRETARY_CONFIG" in refusal()


def test_an_unknown_key_stops_the_service_and_is_named(tmp_path: Path) -> None:
    config(tmp_path, "mongo: {ulr: x}")
    assert refusal() == "mongo.ulr: no such key"
    config(tmp_path, "mango: {url: x}")
    assert refusal() == "mango: no such key"


@pytest.mark.parametrize(
    "variable", ["SECRETARY_MONGO__ULR", "SECRETARY_MANGO__URL", "SECRETARY_API__PORT__X"]
)
def test_an_unknown_variable_stops_the_service_and_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    message = refusal().lower().replace(".", "__")
    assert variable.lower().removeprefix("secretary_").removesuffix("__x") in message


def test_variables_of_other_programs_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETARY_API_PORT", "tcp://10.0.0.1:5001")
    monkeypatch.setenv("SECRETARY_API", "whatever")
    assert load_settings().api.port == 5001


def test_a_bad_value_is_named_but_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETARY_SECURITY__ENCRYPTION_KEYS", '["hunter2"]')
    message = refusal()
    assert "security.encryption_keys" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("secret", ["hunter2", "whsec_c2hvcnQ=", "whsec_" + "A" * 100])
def test_a_signing_secret_has_24_to_64_bytes(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("SECRETARY_NOTIFIER__SIGNING_SECRETS", f'["{secret}"]')
    message = refusal()
    assert "notifier.signing_secrets" in message
    assert secret not in message


@pytest.mark.parametrize("name", ["api.pepper", "api.bootstrap_key", "security.metrics_token"])
def test_a_secret_that_can_be_guessed_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    variable = f"SECRETARY_{name.upper().replace('.', '__')}"
    monkeypatch.setenv(variable, "hunter2" * 3)
    message = refusal()
    assert f"{name}: " in message
    assert "hunter2" not in message
    monkeypatch.setenv(variable, "hunter2" * 4)
    assert load_settings()


def test_a_setting_without_a_safe_default_is_required_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = refusal("api.pepper", "security.encryption_keys")
    assert "SECRETARY_API__PEPPER" in message
    assert "SECRETARY_SECURITY__ENCRYPTION_KEYS" in message
    monkeypatch.setenv("SECRETARY_API__PEPPER", "p" * 24)
    keys = f'["{Fernet.generate_key().decode()}"]'
    monkeypatch.setenv("SECRETARY_SECURITY__ENCRYPTION_KEYS", keys)
    assert load_settings(require=("api.pepper", "security.encryption_keys"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_URL", "ftp://example.com"),
        ("BASE_URL", ""),
        ("BASE_URL", "https://user:hunter2@example.com/v1"),
        ("BASE_URL", "https://example.com/v1?key=hunter2"),
        ("API_KEY", "hunter2\n"),
        ("API_KEY", "hunter2 ü"),
    ],
)
def test_a_bad_provider_setting_is_named_and_its_key_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SECRETARY_LLM__{name}", value)
    message = refusal()
    assert f"llm.{name.lower()}" in message
    assert "hunter2" not in message


def test_a_provider_lists_its_missing_settings() -> None:
    settings = load_settings()
    assert settings.mistral.missing() == ("mistral.api_key",)
    assert settings.llm.missing(model="of the job") == ("llm.api_key",)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("BROKER__URL", "u:hunter2@h:5672"),
        ("BROKER__URL", "http://u:hunter2@h:5672/"),
        ("BROKER__URL", "amqp://u:hun/ter2@h/"),
        ("BROKER__URL", "amqp://u:hun#ter2@h/"),
        ("BROKER__URL", "amqp://u:hun?ter2@h/"),
        ("BROKER__URL", "amqp://u:12/hunter2@h/"),
        ("BROKER__URL", "amqp://u:hunter2@h:port/"),
        ("BROKER__URL", "amqp://u:hunter2@/"),
        ("BROKER__MANAGEMENT_URL", "amqp://u:hunter2@h:15672"),
        ("BROKER__MANAGEMENT_URL", "http://u:hun/ter2@h:15672"),
        ("API__PUBLIC_URL", "ftp://hunter2"),
        ("API__PUBLIC_URL", "http://[hunter2"),
        ("MONGO__DATABASE", ""),
        ("MONGO__DATABASE", "local"),
        ("MONGO__DATABASE", "hunter2/x"),
        ("MONGO__DRIVER", "hunter2"),
        ("WORKER__LEASE_SEC", "inf"),
        ("WORKER__DRAIN_SEC", "1e300"),
        ("NOTIFIER__RETRY_SCHEDULE_SEC", "[0, Infinity]"),
        ("RETENTION__FINISHED_DAYS", "1e7"),
        ("CACHE__MAX_MB", "nan"),
        ("FILES__MAX_UPLOAD_MB", "inf"),
        ("LLM__RETRY_SEC", "inf"),
        ("SECURITY__ALLOW_NETWORKS", '["10.0.0.1/8"]'),
        ("SECURITY__ALLOW_NETWORKS", "hunter2"),
    ],
)
def test_a_value_that_would_fail_later_is_refused_by_name_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    monkeypatch.setenv(f"SECRETARY_{setting}", value)
    message = refusal()
    section, _, key = setting.lower().partition("__")
    assert section in message
    assert key in message or "JSON" in message
    assert "hun" not in message
    assert "ter2" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "url",
    [
        "",
        "amqp://guest:guest@127.0.0.1:5672/",
        "amqps://u:p%40%2F@h/%2Fjobs?heartbeat=30",
        "amqp://u:p@rabbit1/jobs, amqp://u:p@rabbit2/jobs",
    ],
)
def test_urls_of_real_brokers_are_accepted(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SECRETARY_BROKER__URL", url)
    assert load_settings().broker.url.get_secret_value() == url


def test_the_nodes_of_a_broker_need_the_same_virtual_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETARY_BROKER__URL", "amqp://u:hunter2@a/jobs,amqp://u:hunter2@b/")
    message = refusal()
    assert "broker.url" in message
    assert "virtual host" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "host", ["10.0.0.5", "10.0.0.5:80", "http://app", "app/", "0x7f000001", ""]
)
def test_an_allowed_host_is_a_name_with_or_without_a_port(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("SECRETARY_SECURITY__ALLOW_HOSTS", f'["app", "app:8000", "{host}"]')
    assert "security.allow_hosts.2" in refusal()


def test_a_proxy_is_an_http_url_and_its_password_is_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRETARY_SECURITY__PROXY_URL", "https://me:hunter2@proxy:3128")
    message = refusal()
    assert "security.proxy_url" in message
    assert "hunter2" not in message
    monkeypatch.setenv("SECRETARY_SECURITY__PROXY_URL", "http://me:hunter2@proxy:3128")
    proxy = load_settings().security.proxy()
    assert proxy is not None
    assert (proxy.host, proxy.port) == ("proxy", 3128)


def test_a_client_key_needs_its_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETARY_NOTIFIER__CLIENT_KEY", "key.pem")
    assert "client_cert" in refusal()
