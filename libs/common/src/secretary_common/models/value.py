"""The base class of values, and the plain types that models share."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

JsonObject = dict[str, Any]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LOG_LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)
"""From the least to the most urgent."""
SealedSecret = str
"""A secret as MongoDB stores it: encrypted by ``secretary_common.secrets.cipher``."""


class Value(BaseModel):
    """An immutable value. Unknown fields are ignored: a newer version may have stored them."""

    model_config = ConfigDict(frozen=True, extra="ignore")
