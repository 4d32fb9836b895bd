"""The dashboard's page and files: nothing inline, nothing from elsewhere, everything there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from support.api_harness import Api, error_of

from secretary_api.dashboard.assets import MODULES, STATIC, Assets

ROOT = Path(__file__).resolve().parents[4]
OWN = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)
IMPORTED = re.compile(r"""(?:^|\s)(?:import|from)\s*\(?\s*["']([^"']+)["']""")


@pytest.fixture(scope="module")
def vendor() -> ModuleType:
    """The script that fetches the files of other projects."""
    place = importlib.util.spec_from_file_location(
        "vendor", ROOT / "deploy" / "local" / "vendor.py"
    )
    assert place is not None
    assert place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


async def test_the_page_needs_no_key_and_forbids_everything_inline(api: Api) -> None:
    answer = await api.get("/", key=None)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert "<style" not in answer.text
    assert not re.search(r"\son\w+=", answer.text)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", answer.text, re.DOTALL)
    inline = [kind for kind, text in scripts if text]
    assert inline == [' type="importmap"']


async def test_every_file_that_the_page_names_is_served(api: Api) -> None:
    page = (await api.get("/", key=None)).text
    paths = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(paths) > 10
    for path in [*paths, *re.findall(r'": "(/dashboard/[^"]+)"', page)]:
        answer = await api.get(path, key=None)
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["cache-control"]


async def test_a_file_of_an_earlier_version_is_not_kept(api: Api) -> None:
    answer = await api.get("/dashboard/earlier/app.js", key=None)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["nothing.js", "vendor/vendor.json", "../assets.py", "%2e%2e/x"])
async def test_only_the_files_of_the_dashboard_are_served(api: Api, name: str) -> None:
    answer = await api.get(f"/dashboard/{Assets().version}/{name}", key=None)
    error_of(answer, 404, "NOT_FOUND")


def test_every_import_names_a_file() -> None:
    for path in OWN:
        for name in IMPORTED.findall(path.read_text(encoding="utf-8")):
            target = path.parent / name if name.startswith(".") else STATIC / MODULES[name]
            assert target.is_file(), f"{path.name} imports {name}"


def test_our_modules_name_no_other_host_and_write_no_markup() -> None:
    for path in OWN:
        text = path.read_text(encoding="utf-8")
        without_namespaces = text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://", without_namespaces), path
        assert not re.search(r"innerHTML|dangerouslySetInnerHTML|document\.write", text), path


def test_the_vendored_files_are_the_released_ones(vendor: ModuleType) -> None:
    assert [fault for manifest in vendor.MANIFESTS for fault in vendor.faults(manifest)] == []


def test_the_vendored_files_are_small(vendor: ModuleType) -> None:
    sizes = [path.stat().st_size for path in (STATIC / "vendor").rglob("*") if path.is_file()]
    assert sum(sizes) < vendor.MOST_SHIPPED_BYTES


def test_every_vendored_package_has_its_licence(vendor: ModuleType) -> None:
    for manifest in vendor.MANIFESTS:
        for package in vendor.packages(manifest):
            assert any("LICENSE" in file["to"] for file in package["files"]), package["name"]


def test_a_changed_file_is_noticed(vendor: ModuleType, tmp_path: Path) -> None:
    manifest = tmp_path / "vendor.json"
    manifest.write_text(
        '{"packages": [{"name": "n", "version": "1", "files": [{"to": "a.js", "sha256": "0"}]}]}',
        encoding="utf-8",
    )
    (tmp_path / "a.js").write_text("changed", encoding="utf-8")
    (tmp_path / "b.js").write_text("added", encoding="utf-8")
    assert list(vendor.faults(manifest)) == [
        "a.js is not the file of n 1",
        "b.js is not listed in vendor.json",
    ]
