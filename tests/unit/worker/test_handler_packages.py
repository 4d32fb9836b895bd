"""The worker finds handler packages, sets each up once, and lets the later registration count."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secretary_common.errors import ConfigurationError
from secretary_common.runtime.clock import ManualClock
from secretary_common.settings.settings import load_settings
from secretary_common.testing.api_keys import InMemoryKeyRepository
from secretary_common.testing.cache import InMemoryCacheRepository
from secretary_common.testing.files import InMemoryFileRepository
from secretary_worker import Uploads, handler_packages
from secretary_worker.access.bridge import Bridge
from secretary_worker.handler_packages import HandlerPackages
from secretary_worker.registry import Registry

MODULE = """
from secretary_common.models import TemplateInfo
from secretary_worker import register

async def handle(job, repo, resource_calculator):
    pass

NAME = __name__
handle.package = NAME
"""
SETUP = """
def setup(context):
    register("shared", handle)
    register(NAME, handle)
    template = TemplateInfo(name=NAME, languages=[], fields=[])
    context.announce_templates(lambda: [template])
"""
AT_IMPORT = """
register("shared", handle)
"""
READS = """
from pydantic import BaseModel

class Mine(BaseModel):
    limit: int = 1

def setup(context):
    print("limit", context.section("mine", Mine).limit)
"""


class Packages:
    """Modules and installed packages in a folder that is on the search path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.modules: list[str] = []

    def module(self, name: str, code: str) -> str:
        (self._folder / f"{name}.py").write_text(MODULE + code)
        self.modules.append(name)
        return name

    def install(self, name: str, target: str) -> None:
        """Name *target* under the entry point of the package *name*."""
        info = self._folder / f"package_{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: package_{name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[users.handlers]\n{name} = {target}\n")

    def set_up(self, *modules: str, config: str = "{}") -> tuple[HandlerPackages, Registry]:
        Path("config.yaml").write_text(config)
        files, bridge = InMemoryFileRepository(), Bridge()
        packages = HandlerPackages(
            load_settings(),
            cache=InMemoryCacheRepository(files, ManualClock()),
            uploads=Uploads(files, InMemoryKeyRepository(), bridge),
            bridge=bridge,
        )
        return packages, packages.set_up(modules)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    # The built-in job types are installed here under the real entry point.
    monkeypatch.setattr(handler_packages, "ENTRY_POINTS", "users.handlers")
    monkeypatch.setattr(handler_packages, "REGISTRY", registry := Registry())
    monkeypatch.setattr("secretary_worker.registry.REGISTRY", registry)
    made = Packages(tmp_path)
    yield made
    for name in made.modules:
        sys.modules.pop(name, None)


def package_of(registry: Registry, job_type: str) -> Any:
    return registry[job_type].handler.package  # type: ignore[attr-defined]


async def test_installed_packages_are_set_up_in_the_order_of_their_entry_points(
    packages: Packages,
) -> None:
    packages.install("b", f"{packages.module('second', SETUP)}:setup")
    packages.install("a", f"{packages.module('first', SETUP)}:setup")
    _, registry = packages.set_up()
    assert registry.job_types == {"first", "second", "shared"}
    assert package_of(registry, "shared") == "second"


@pytest.mark.parametrize("code", [SETUP, AT_IMPORT])
async def test_a_named_module_replaces_what_installed_packages_registered(
    packages: Packages, code: str
) -> None:
    packages.install("a", f"{packages.module('installed', SETUP)}:setup")
    _, registry = packages.set_up(packages.module("named", code))
    assert package_of(registry, "shared") == "named"
    assert package_of(registry, "installed") == "installed"


async def test_named_modules_are_set_up_in_their_order(packages: Packages) -> None:
    named = [packages.module("z_first", SETUP), packages.module("a_second", AT_IMPORT)]
    _, registry = packages.set_up(*named)
    assert package_of(registry, "shared") == "a_second"


async def test_the_templates_of_all_packages_are_listed(packages: Packages) -> None:
    packages.install("a", f"{packages.module('one', SETUP)}:setup")
    found, _ = packages.set_up(packages.module("two", SETUP))
    assert [template.name for template in found.templates()] == ["one", "two"]


@pytest.mark.parametrize("target", ["nowhere:setup", "there:nothing"])
async def test_an_installed_package_that_cannot_be_loaded_stops_the_worker_by_its_name(
    packages: Packages, target: str
) -> None:
    packages.module("there", "")
    packages.install("broken", target)
    with pytest.raises(ConfigurationError, match=r"the handler package 'broken': .*"):
        packages.set_up()


async def test_a_named_module_that_cannot_be_imported_stops_the_worker(packages: Packages) -> None:
    with pytest.raises(ConfigurationError, match=r"worker\.handler_modules: .*nowhere"):
        packages.set_up("nowhere")


async def test_a_bad_setting_of_a_package_stops_the_worker_by_its_name(packages: Packages) -> None:
    name = packages.module("reader", READS)
    with pytest.raises(ConfigurationError, match=r"^handlers\.mine\.limt: no such key$"):
        packages.set_up(name, config="handlers: {mine: {limt: 5}}")


async def test_a_section_that_no_package_reads_is_logged(
    packages: Packages, caplog: pytest.LogCaptureFixture
) -> None:
    name = packages.module("reader", READS)
    packages.set_up(name, config="handlers: {mine: {limit: 5}, typo: {limit: 5}}")
    (line,) = [line for line in caplog.records if line.msg == "settings.section_unread"]
    assert line.__dict__["fields"] == {"section": "handlers.typo"}


async def test_a_zygote_starts_with_the_worker_only_for_the_types_that_need_it(
    packages: Packages, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
def begin(files):
    pass

def setup(context):
    global zygotes
    zygotes = [context.zygote(NAME, {"a", "b"}), context.zygote(NAME)]
"""
    found, _ = packages.set_up(packages.module("parses", code))
    zygotes = sys.modules["parses"].zygotes
    try:
        found.start_zygotes({"c"})
        assert [zygote.pid for zygote in zygotes] == [None, None]
        found.start_zygotes({"b", "c"})
        assert [zygote.pid is None for zygote in zygotes] == [False, True]
    finally:
        found.close()
    assert [zygote.pid for zygote in zygotes] == [None, None]
