"""Profiles: the URLs and API keys that ``secretary login`` stores on this machine.

They are in ``$XDG_CONFIG_HOME/secretary/profiles.toml``, which only its owner may read.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secretary_client.cli.private_file import write_private

_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")


@dataclass(frozen=True, slots=True)
class Profile:
    """One Secretary and a key for it."""

    url: str
    key: str


@dataclass
class Profiles:
    """All profiles, and the name of the default one."""

    path: Path
    default: str = ""
    by_name: dict[str, Profile] = field(default_factory=dict)

    def named(self, name: str) -> Profile | None:
        """Return the profile *name*, or the default one if *name* is empty.

        Raises:
            ValueError: *name* is not stored.
        """
        if name and name not in self.by_name:
            known = ", ".join(sorted(self.by_name)) or "none"
            raise ValueError(f"there is no profile {name}; known: {known}")
        return self.by_name.get(name or self.default)

    def keep(self, name: str, profile: Profile) -> None:
        """Store *profile* and make it the default.

        Raises:
            ValueError: *name* has other characters than letters, digits, ``-`` and ``_``.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of letters, digits, - and _")
        self.by_name[name] = profile
        self.default = name
        self._write()

    def drop(self, name: str) -> None:
        """Remove a profile; if it was the default, another one becomes the default.

        Raises:
            ValueError: *name* is not stored.
        """
        self.named(name)
        del self.by_name[name]
        if self.default == name:
            self.default = next(iter(self.by_name), "")
        self._write()

    def _write(self) -> None:
        lines = [f"default = {_text(self.default)}"]
        for name, profile in self.by_name.items():
            lines += ["", f"[profiles.{name}]"]
            lines += [f"url = {_text(profile.url)}", f"key = {_text(profile.key)}"]
        write_private(self.path, "\n".join(lines) + "\n")


def config_folder() -> Path:
    """Return the folder of this command's files, ``~/.config/secretary`` by default."""
    root = os.environ.get("XDG_CONFIG_HOME")
    return (Path(root) if root else Path.home() / ".config") / "secretary"


def stored_profiles() -> Profiles:
    """Read the stored profiles.

    Raises:
        ValueError: the file is damaged; the message names it.
    """
    path = config_folder() / "profiles.toml"
    try:
        stored: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        found = {
            name: Profile(str(one["url"]), str(one["key"]))
            for name, one in stored.get("profiles", {}).items()
        }
    except FileNotFoundError:
        return Profiles(path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error
    return Profiles(path, str(stored.get("default", "")), found)


def _text(value: str) -> str:
    """Return *value* as a string of TOML: JSON writes strings that TOML reads."""
    return json.dumps(value)
