"""A handler package gets its own settings from the worker, and no bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from secretary_common.errors import ConfigurationError
from secretary_common.runtime.clock import ManualClock
from secretary_common.settings.provider import LlmSection
from secretary_common.settings.settings import load_settings
from secretary_common.testing.api_keys import InMemoryKeyRepository
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.files import InMemoryFileRepository
from secretary_worker import HandlerContext, Uploads
from secretary_worker.access.bridge import Bridge
from secretary_worker.access.context import SetupRequests


class Limits(BaseModel):
    rows: int


class Mine(BaseModel):
    max_rows: int = 10
    separators: list[str] = [","]
    names: dict[str, str] = {}
    token: SecretStr | None = None
    limits: Limits = Limits(rows=1)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def context(config: str = "{}") -> HandlerContext:
    """The context of a worker with this ``config.yaml`` and the environment as it is."""
    Path("config.yaml").write_text(config)
    files, bridge = InMemoryFileRepository(), Bridge()
    return HandlerContext(
        load_settings(),
        cache=InMemoryCacheRepository(files, ManualClock()),
        uploads=Uploads(files, InMemoryKeyRepository(), bridge),
        bridge=bridge,
        requests=SetupRequests(),
    )


async def test_a_package_reads_its_section_of_the_configuration() -> None:
    made = context("handlers: {mine: {max_rows: 5, separators: [a, b]}}")
    assert made.section("mine", Mine) == Mine(max_rows=5, separators=["a", "b"])
    assert made.section("other", Mine) == Mine()


async def test_a_secret_of_a_package_can_be_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("hunter2\n")
    monkeypatch.setenv("SECRETARY_HANDLERS__MINE__TOKEN_FILE", "token")
    token = context().section("mine", Mine).token
    assert token is not None
    assert token.get_secret_value() == "hunter2"
    (tmp_path / "token").unlink()
    with pytest.raises(ConfigurationError, match=r"handlers\.mine: token_file: cannot read token"):
        context().section("mine", Mine)


async def test_the_environment_wins_and_may_hold_lists_and_maps_as_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key, value in {
        "MAX_ROWS": "7",
        "SEPARATORS": '["|"]',
        "NAMES": '{"a": "b"}',
        "TOKEN": "[secret]",
        "LIMITS__ROWS": "3",
    }.items():
        monkeypatch.setenv(f"SECRETARY_HANDLERS__MINE__{key}", value)
    made = context("handlers: {mine: {max_rows: 5, separators: [a, b]}}")
    assert made.section("mine", Mine) == Mine(
        max_rows=7,
        separators=["|"],
        names={"a": "b"},
        token=SecretStr("[secret]"),
        limits=Limits(rows=3),
    )


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("{max_row: 5}", "handlers.mine.max_row: no such key"),
        ("{max_rows: hunter2}", "handlers.mine.max_rows: "),
        ("{separators: hunter2}", "handlers.mine.separators: "),
        ("{separators: '{'}", "handlers.mine.separators: "),
        ("{limits: {}}", "handlers.mine.limits.rows: "),
        ("{limits: {rows: 1, row: 2}}", "handlers.mine.limits.row: no such key"),
    ],
)
async def test_a_bad_key_is_refused_by_name_and_its_value_is_not_shown(
    section: str, problem: str
) -> None:
    made = context(f"handlers: {{mine: {section}}}")
    with pytest.raises(ConfigurationError) as caught:
        made.section("mine", Mine)
    assert caught.value.message.startswith(problem)
    assert "hunter2" not in caught.value.message


async def test_a_model_may_allow_any_key() -> None:
    made = context("handlers: {mine: {any: 1}}")
    assert made.section("mine", Open).model_dump() == {"any": 1}


async def test_a_section_of_secretarys_own_is_returned_by_its_class() -> None:
    made = context("{llm: {model: m1}, handlers: {llm: {max_rows: 5}}}")
    assert made.section("llm", LlmSection).model == "m1"
    assert made.section("llm", Mine).max_rows == 5


async def test_files_are_bounded_as_the_configuration_says() -> None:
    made = context("files: {roots: [/a, /b], max_upload_mb: 2}")
    assert (made.file_roots, made.max_file_bytes) == ([Path("/a"), Path("/b")], 2 * 2**20)
