"""Finds templates by name: first in the operator's folder, then among the shipped templates.

A name is never a path. A symbolic link is followed only if its target is inside the folder.
Kubernetes mounts files by such links.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.models import TemplateField, TemplateInfo
from secretary_common.runtime.log import get_logger
from secretary_documents.templates.placeholder import invalid
from secretary_documents.templates.template import MAX_TEMPLATE_BYTES, Template, parse_template

log = get_logger(__name__)

NAME = re.compile(r"[\w-]{1,64}")
LANGUAGE = re.compile(r"[a-z]{2}")
SHIPPED = Path(__file__).parent / "shipped"
FALLBACK_LANGUAGE = "en"
MAX_LISTED = 1000
"""The most files of one folder that the listing reads."""

_SUFFIX = ".md"
_WITH_LANGUAGE = re.compile(r"(?P<name>.+)_(?P<language>[a-z]{2})")


@dataclass(frozen=True, slots=True)
class NamedTemplate:
    """A template with the name of its file, without ``.md``."""

    name: str
    template: Template


class TemplateCatalog:
    """The templates that jobs may name."""

    def __init__(self, own: Path | None = None, shipped: Path = SHIPPED) -> None:
        """*own*: the folder ``templates.dir``. Its templates come before shipped templates."""
        self._folders = [folder for folder in (own, shipped) if folder is not None]

    def load(self, name: str, language: str | None = None) -> NamedTemplate:
        """Return the template *name*, in *language* if it exists in that language.

        This reads files, so call it in a thread. The operator's folder comes before the shipped
        templates. In each folder the first existing file is used. For the language ``de`` the
        order is ``Name_de``, ``Name``, ``Name_en``.

        Raises:
            PermanentError: TEMPLATE_NOT_FOUND, also if *name* is not a valid name;
                TEMPLATE_INVALID.
        """
        if not NAME.fullmatch(name):
            raise _not_found("a template's name has letters, digits, - and _; it is never a path")
        for folder in self._folders:
            for candidate in candidates(name, language):
                content = _read(folder, candidate)
                if content is not None:
                    return NamedTemplate(candidate, _parse(candidate, content))
        names = ", ".join(sorted({one for folder in self._folders for one in _grouped(folder)}))
        raise _not_found(f"there is no template {name!r}; the templates are {names}"[:2000])

    def listing(self) -> list[TemplateInfo]:
        """Return the valid templates, sorted by name. Invalid templates are logged.

        This reads files, so call it in a thread.
        """
        languages: dict[str, set[str]] = {}
        for folder in self._folders:
            for name, found in _grouped(folder).items():
                languages.setdefault(name, set()).update(found)
        infos = (self._info(name, languages[name]) for name in sorted(languages))
        return [info for info in infos if info is not None]

    def _info(self, name: str, languages: set[str]) -> TemplateInfo | None:
        first = None if FALLBACK_LANGUAGE in languages else min(languages, default=None)
        try:
            template = self.load(name, first or FALLBACK_LANGUAGE).template
        except PermanentError as error:
            log.warning("template.refused", template=name, reason=error.message)
            return None
        fields = [
            TemplateField(name=field.name, type=str(field.type), description=field.description)
            for field in template.fields
        ]
        return TemplateInfo(name=name, languages=sorted(languages), fields=fields)


def shipped_templates() -> list[TemplateInfo]:
    """Return the shipped templates, for ``secretary-init``, which announces them."""
    return TemplateCatalog().listing()


def candidates(name: str, language: str | None) -> list[str]:
    """Return the file names that *name* may mean in *language*, the best name first."""
    with_language = _WITH_LANGUAGE.fullmatch(name)
    bases = [name] if with_language is None else [name, with_language["name"]]
    chosen = [f"{name}_{language}"] if language and LANGUAGE.fullmatch(language) else []
    return list(dict.fromkeys([*chosen, *bases, f"{bases[-1]}_{FALLBACK_LANGUAGE}"]))


def _grouped(folder: Path) -> dict[str, set[str]]:
    """Return the names in *folder* without their languages, and the languages of each name."""
    found: dict[str, set[str]] = {}
    for stem in _stems(folder):
        match = _WITH_LANGUAGE.fullmatch(stem)
        languages = found.setdefault(match["name"] if match else stem, set())
        if match:
            languages.add(match["language"])
    return found


def _stems(folder: Path) -> Iterator[str]:
    try:
        names = sorted(path.name for path in folder.iterdir())[:MAX_LISTED]
    except OSError as error:
        log.warning("template.folder_unreadable", folder=str(folder), reason=str(error.strerror))
        return
    for name in names:
        if name.endswith(_SUFFIX) and NAME.fullmatch(name.removesuffix(_SUFFIX)):
            yield name.removesuffix(_SUFFIX)


def _read(folder: Path, name: str) -> bytes | None:
    """Return the bytes of the template *name* in *folder*; None if there is no such file."""
    root = Path(os.path.realpath(folder))
    real = Path(os.path.realpath(root / f"{name}{_SUFFIX}"))
    if not real.is_relative_to(root):
        raise invalid(f"template {name!r}: the link leads out of its folder")
    try:
        fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise invalid(f"template {name!r} cannot be read: {error.strerror}") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise invalid(f"template {name!r} is not a file")
        return os.read(fd, MAX_TEMPLATE_BYTES + 1)
    finally:
        os.close(fd)


def _parse(name: str, content: bytes) -> Template:
    try:
        return parse_template(content.decode())
    except UnicodeDecodeError as error:
        raise invalid(f"template {name!r}: not UTF-8 at byte {error.start}") from None
    except PermanentError as error:
        raise PermanentError(f"template {name!r}: {error.message}", code=error.code) from None


def _not_found(message: str) -> PermanentError:
    return PermanentError(message, code=ErrorCode.TEMPLATE_NOT_FOUND)
