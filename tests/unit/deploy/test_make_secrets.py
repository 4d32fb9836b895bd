"""The script that makes the secrets of docker-compose.yml, and the users that it makes."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from secretary_common.broker.topology import DELIVERIES, job_queue
from secretary_common.mongo.jobs.limited_claims import TURNSTILE
from secretary_common.settings.settings import load_settings

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
USED = {
    "api": ("api.pepper", "api.bootstrap_key", "security.encryption_keys"),
    "worker": ("security.encryption_keys",),
    "notifier": ("security.encryption_keys", "notifier.signing_secrets"),
    "init": ("broker.management_url",),
}
VOLUMES = [
    *("all", "api", "grafana", "init", "mongo", "notifier", "prometheus", "rabbitmq", "worker")
]


def module(name: str) -> ModuleType:
    """Import a script of ``deploy/compose``."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"deploy/compose/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


make_secrets, mongo_users = module("make_secrets"), module("mongo_users")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation whose volumes are folders of *tmp_path*, all owned by this user."""
    volumes = tmp_path / "secrets"
    for name in VOLUMES:
        (volumes / name).mkdir(parents=True)
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(make_secrets, "VOLUMES", volumes)
    monkeypatch.setattr(make_secrets, "DATA", tmp_path / "data")
    monkeypatch.setattr(make_secrets, "ENV_FILE", tmp_path / ".env")
    monkeypatch.setattr(make_secrets.os, "chown", lambda *_, **__: None)
    yield tmp_path
    for folder in volumes.iterdir():
        folder.chmod(0o700)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["make_secrets.py", *arguments])
    make_secrets.main()


def files_of(place: Path, volume: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in (place / "secrets" / volume).iterdir()}


@pytest.mark.parametrize("service", sorted(USED))
def test_each_service_accepts_its_files_under_the_names_of_docker_compose(
    place: Path, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    run(monkeypatch)
    given = COMPOSE["services"][service]["environment"]
    named = {name: path for name, path in given.items() if name.endswith("_FILE")}
    for name, path in named.items():
        here = path.replace("/run/secrets", str(place / "secrets" / service))
        monkeypatch.setenv(name, here)
    settings = load_settings(require=USED[service])
    assert settings.mongo.url.startswith(f"mongodb://{service}:")
    assert f"://{service}:" in settings.broker.url.get_secret_value()
    files = set(files_of(place, service)) - {"mongo_users.json"}
    assert files == {Path(path).name for path in named.values()}, "no file is useless"


def test_a_second_run_changes_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch)
    before = {name: files_of(place, name) for name in ("all", "api", "worker", "mongo")}
    run(monkeypatch)
    assert before == {name: files_of(place, name) for name in before}


def test_a_secret_of_the_env_file_wins_and_the_others_are_made(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch)
    (place / ".env").write_text(
        "# SECRETARY_API__PEPPER='no'\n"
        "SECRETARY_API__PEPPER='of an earlier installation'\n"
        """SECRETARY_SECURITY__ENCRYPTION_KEYS='["one", "two"]'\n"""
        "SECRETARY_LLM__API_KEY=sk-1\nRABBITMQ_PASSWORD=''\nOTHER=1"
    )
    pepper = files_of(place, "api")["api__pepper"]
    run(monkeypatch)
    assert files_of(place, "api")["api__pepper"] == "of an earlier installation" != pepper
    assert files_of(place, "notifier")["security__encryption_keys"] == "one\ntwo"
    assert files_of(place, "worker")["llm__api_key"] == "sk-1"
    assert files_of(place, "worker")["vision__api_key"] == ""
    (place / ".env").unlink()
    run(monkeypatch)
    assert files_of(place, "api")["api__pepper"] == "of an earlier installation"
    assert files_of(place, "worker")["llm__api_key"] == "", "only .env has the keys of providers"


def test_an_upgrade_makes_the_secrets_that_the_earlier_version_left_empty(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "secrets" / "all" / "SECRETARY_SECURITY__METRICS_TOKEN").write_text("")
    run(monkeypatch)
    token = files_of(place, "prometheus")["metrics_token"]
    assert len(token) >= 24
    shared = [files_of(place, one)["security__metrics_token"] for one in ("api", "notifier")]
    assert shared == [token, token]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("PEPPER=a#b", "a#b"),
        ("PEPPER=abc # of 2024", "abc"),
        ("PEPPER='a # b' # of 2024", "a # b"),
        ('PEPPER="a # b"# of 2024', "a # b"),
        (r'PEPPER="a\"b\\c"', r'a"b\c'),
        ("export PEPPER=abc", "abc"),
        ("  PEPPER = abc  ", "abc"),
        ('PEPPER=["one", "two"] # keys', "one\ntwo"),
        (r'PEPPER="[\"one\"]"', "one"),
        ("PEPPER=# of 2024", None),
        ("PEPPER=", None),
        ("PEPPER=[]", None),
        ("# PEPPER=abc", None),
    ],
)
def test_a_line_of_the_env_file_means_what_it_means_for_compose(
    line: str, expected: str | None
) -> None:
    assert make_secrets.values_in(f"OTHER=1\n{line}\n").get("PEPPER") == expected


@pytest.mark.parametrize("value", ["[one", "[1]", '["one"], ["two"]'])
def test_a_broken_list_in_the_env_file_is_named_and_not_shown(value: str) -> None:
    with pytest.raises(SystemExit, match=r"^KEYS in \.env is no JSON list of texts") as caught:
        make_secrets.values_in(f"KEYS={value}")
    assert value not in str(caught.value)


def test_an_operators_password_may_have_any_character() -> None:
    password = "p@ss/w:rd #1%"
    names = [
        f"{server}_{user}_PASSWORD" for server in ("MONGO", "RABBITMQ") for user in ("API", "INIT")
    ]
    given = dict.fromkeys((*names, "MONGO_OPERATOR_PASSWORD"), password)
    files = make_secrets.files_of(make_secrets.complete(given, {}))
    tools = yaml.safe_load(files["mongo"]["tools.yaml"])["uri"]
    urls = [files["api"]["mongo__url"], files["api"]["broker__url"], tools]
    urls.append(files["init"]["broker__management_url"])
    assert [unquote(urlsplit(url).password or "") for url in urls] == [password] * 4
    assert json.loads(files["init"]["mongo_users.json"])["api"] == password


def test_what_it_shows_restores_an_installation(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / ".env").write_text(r'''GRAFANA_PASSWORD="it's \"mine\" \\ #1'"''')
    run(monkeypatch)
    before = files_of(place, "all")
    assert before["GRAFANA_PASSWORD"] == r"""it's "mine" \ #1'"""
    capsys.readouterr()
    run(monkeypatch, "show")
    shown = capsys.readouterr().out
    for path in (place / "secrets" / "all").iterdir():
        path.unlink()
    (place / ".env").write_text(shown)
    run(monkeypatch)
    assert files_of(place, "all") == before


def test_only_its_owner_may_read_a_secret(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch)
    folders = [place / "secrets" / name for name in ("api", "worker", "mongo", "rabbitmq")]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o500}
    modes = {path.stat().st_mode & 0o777 for folder in folders for path in folder.iterdir()}
    assert modes == {0o400}


def test_two_installations_share_no_secret() -> None:
    one, other = make_secrets.fresh_secrets(), make_secrets.fresh_secrets()
    assert not set(one.values()) & set(other.values())


def test_each_service_has_a_user_of_rabbitmq_for_its_queues_alone() -> None:
    known = make_secrets.complete({}, {})
    made = make_secrets.definitions(known)
    tags = {user["name"]: user["tags"] for user in made["users"]}
    assert tags == {"init": ["policymaker"], "api": [], "worker": [], "notifier": []}
    readable = {
        one["user"]: [
            queue for queue in (job_queue("pdf"), DELIVERIES) if re.search(one["read"], queue)
        ]
        for one in made["permissions"]
    }
    jobs, deliveries = job_queue("pdf"), DELIVERIES
    assert readable == {"init": [], "api": [], "worker": [jobs], "notifier": [deliveries]}
    assert known["RABBITMQ_API_PASSWORD"] not in json.dumps(made)


def test_the_roles_name_every_collection_of_the_code() -> None:
    source = ROOT / "libs/common/src/secretary_common/mongo"
    in_code = {
        name
        for path in source.rglob("*.py")
        for name in re.findall(r'collection\("([a-z_.]+)"\)', path.read_text())
    } | {TURNSTILE}
    in_roles = {name for privileges in mongo_users.ROLES.values() for name in privileges} - {""}
    assert in_roles == in_code


def test_no_service_but_init_changes_indexes_and_only_the_api_changes_keys() -> None:
    roles = mongo_users.ROLES
    actions = {role: {a for each in given.values() for a in each} for role, given in roles.items()}
    assert [role for role in roles if "createIndex" in actions[role]] == ["init"]
    writers = [role for role in roles if "insert" in roles[role].get("api_keys", ())]
    assert writers == ["api"]
    assert set(roles) | {"operator"} == set(make_secrets.MONGO_USERS)
