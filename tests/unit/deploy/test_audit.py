"""``make audit`` reads every lock, and accepts only licences that go with the AGPL."""

from __future__ import annotations

import importlib.util
import sys
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "deploy/local/audit.py"


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "audit", module)  # for its dataclass
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "licence",
    [
        *("MIT", "MIT-0", "BSD-3-Clause", "3-Clause BSD License", "Apache Software License"),
        *("MPL-2.0 AND MIT", "GNU Lesser General Public License v3 (LGPLv3)", "PSF-2.0"),
        *("Proprietary OR MIT", "GNU General Public License v3 (GPLv3)"),
    ],
)
def test_a_licence_that_goes_with_the_agpl_is_accepted(audit: Any, licence: str) -> None:
    assert audit.is_compatible(licence)


@pytest.mark.parametrize(
    "licence", ["", "Proprietary", "SSPL-1.0", "GPL-2.0-only", "MIT AND Proprietary", "Commercial"]
)
def test_another_or_an_unknown_licence_is_refused(audit: Any, licence: str) -> None:
    assert not audit.is_compatible(licence)


def test_every_lock_of_the_services_is_read(audit: Any) -> None:
    names = {str(lock.relative_to(audit.ROOT)) for lock in audit.locks()}
    services = {f"services/{name}/requirements.lock" for name in ("api", "worker", "notifier")}
    assert names >= {"requirements.lock", "libs/documents/requirements.lock", *services}
    assert {"aio-pika", "pymongo", "fastapi"} <= {
        one.name for one in audit.locked_in(audit.locks())
    }


def test_the_expression_comes_before_the_classifiers(audit: Any) -> None:
    fields = Message()
    fields["Classifier"] = "License :: OSI Approved :: MIT License"
    assert audit.licence_of(fields, "some") == "MIT License"
    fields["License-Expression"] = "Apache-2.0"
    assert audit.licence_of(fields, "some") == "Apache-2.0"
