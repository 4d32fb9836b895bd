"""A registration is refused, with the name of the handler, where it is made."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from pydantic import BaseModel, Field

from secretary_common.errors import ConfigurationError
from secretary_worker.registry import Registration, Registry


async def handle(job: Any, repo: Any, resource_calculator: Any) -> None:
    """Take what a worker gives."""


async def handle_one(job: Any) -> None:
    """Take too little."""


async def handle_four(job: Any, repo: Any, resource_calculator: Any, fourth: Any) -> None:
    """Take too much."""


class Handles:
    async def __call__(self, job: Any, repo: Any, resource_calculator: Any) -> None:
        """Take what a worker gives."""

    async def method(self, job: Any, repo: Any, resource_calculator: Any) -> None:
        """Take what a worker gives."""

    async def short(self, job: Any, repo: Any) -> None:
        """Take too little."""


async def handle_any(*_: Any) -> None:
    """Take anything."""


@pytest.mark.parametrize(
    "handler",
    [
        handle,
        handle_any,
        Handles(),
        Handles().method,
        functools.partial(handle_four, fourth=1),
    ],
)
def test_every_kind_of_callable_can_be_a_handler(handler: Any) -> None:
    Registry().add(Registration("t", handler))


@pytest.mark.parametrize(
    ("handler", "named"),
    [
        (handle_one, "handle_one"),
        (handle_four, "handle_four"),
        (Handles().short, "Handles.short"),
        (functools.partial(handle, 1), "handle"),
    ],
)
def test_a_handler_with_other_parameters_is_refused_by_name(handler: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"register\('t'\).*{__name__}.{named} must take"):
        Registry().add(Registration("t", handler))


@pytest.mark.parametrize("handler", [None, "handle"])
def test_a_handler_that_cannot_be_called_is_refused(handler: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be callable"):
        Registry().add(Registration("t", handler))


@pytest.mark.parametrize("name", ["", "Bad Name!", "a" * 101, "-a", "naïve", "a\n", "a/b"])
def test_a_name_that_the_api_refuses_cannot_be_registered(name: str) -> None:
    with pytest.raises(ConfigurationError, match="ASCII letters, digits"):
        Registry().add(Registration(name, handle))


@pytest.mark.parametrize("timeout_sec", [0, -1, float("nan")])
def test_a_time_limit_that_ends_every_attempt_is_refused(timeout_sec: float) -> None:
    with pytest.raises(ConfigurationError, match="timeout_sec"):
        Registry().add(Registration("t", handle, timeout_sec=timeout_sec))


class Login(BaseModel):
    user: str
    password: str = Field(json_schema_extra={"writeOnly": True})


class Plain(BaseModel):
    user: str


def test_a_registration_knows_whether_its_parameters_may_be_secret() -> None:
    of = {params: Registration("any", handle, params) for params in (None, Plain, Login)}
    assert [params for params, one in of.items() if one.has_secrets] == [Login]
