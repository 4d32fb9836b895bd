"""Reads secrets from files: ``<key>_file`` names the file of the secret setting ``<key>``.

An environment variable can be read from outside of a process, a file only by the users that may
open it. So each setting whose type is a secret has this second form, in every section.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

SUFFIX = "_file"
LARGEST_BYTES = 64 * 1024


class HoldsPassword:
    """Marks a setting of another type than ``SecretStr`` as a secret: a URL with a password."""


def is_secret(field: FieldInfo) -> bool:
    """Return whether the setting is a secret or a list of secrets."""
    return SecretStr in _types_in(field.annotation) or HoldsPassword in field.metadata


def is_list(field: FieldInfo) -> bool:
    """Return whether the setting is a list."""
    return getattr(field.annotation, "__origin__", None) is list


def names_secret_file(section: type[BaseModel], key: str) -> bool:
    """Return whether *key* is ``<key>_file`` of a secret setting of *section*."""
    field = section.model_fields.get(key.removesuffix(SUFFIX))
    return key.endswith(SUFFIX) and field is not None and is_secret(field)


def with_secrets_of_files(section: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings *given* to *section* with each ``<key>_file`` replaced by its secret.

    Line ends at the end of a file do not count, nor does a byte order mark. A list has one value on
    each line. An empty name of a file counts as none.

    Raises:
        ValueError: a file cannot be read, or the secret is given in both forms. The message names
            the setting and the file, and shows no secret.
    """
    values = dict(given)
    for key, field in section.model_fields.items():
        name = f"{key}{SUFFIX}"
        if name not in values or name in section.model_fields or not is_secret(field):
            continue
        path = values.pop(name)
        if not path:
            continue
        # The default arrives here like a value from the configuration.
        if key in values and _revealed(values[key]) not in ("", [], _revealed(field.default)):
            raise ValueError(f"{key} and {name} are both set: remove one of them")
        text = _content(name, path)
        values[key] = text.split() if is_list(field) else text
    return values


def _content(name: str, path: object) -> str:
    if not isinstance(path, str | Path):
        raise ValueError(f"{name} is not the path of a file")  # noqa: TRY004 - pydantic's contract
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        text = content.decode("utf-8-sig")  # some editors write a byte order mark
    except OSError as error:
        raise ValueError(f"{name}: cannot read {path}: {error.strerror}") from None
    except ValueError:  # also a path with a NUL
        raise ValueError(f"{name}: {path!r} is not a file of UTF-8 text") from None
    if len(content) > LARGEST_BYTES:
        raise ValueError(f"{name}: {path} is larger than {LARGEST_BYTES} bytes")
    return text.rstrip("\r\n")


def _revealed(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _types_in(annotation: Any) -> set[Any]:
    inner = {kind for one in get_args(annotation) for kind in _types_in(one)}
    return {annotation, *inner} if isinstance(annotation, type) else inner
