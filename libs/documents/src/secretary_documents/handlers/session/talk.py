"""A talk while its job collects page, transcript and slides."""

from __future__ import annotations

from dataclasses import dataclass, field

from secretary_common.errors import SecretaryError
from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.models import JsonObject
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.session.parameters import SessionParameters
from secretary_documents.handlers.session.plan import SessionPlan
from secretary_documents.web.page import WebPage


@dataclass(slots=True)
class SlidePage:
    """One page of slides."""

    text: str
    preview: str | None = None
    """The name of the page's picture among the job's files."""


@dataclass(slots=True)
class Attachment:
    """One file of slides of a talk."""

    url: str
    title: str
    file: str | None = None
    """The name of the slides among the job's files."""
    pages: list[SlidePage] = field(default_factory=list)

    @property
    def previews(self) -> list[str]:
        """The names of the pictures of the pages."""
        return [page.preview for page in self.pages if page.preview]

    @property
    def text(self) -> str:
        """The text of all pages, each after a line ``--- Page N ---``."""
        numbered = enumerate(self.pages, start=1)
        return "\n\n".join(f"--- Page {number} ---\n{page.text}" for number, page in numbered)

    def as_json(self) -> JsonObject:
        """Return the entry in the field ``attachments`` of the result."""
        return {
            "url": self.url,
            "title": self.title,
            "file": self.file,
            "pages": len(self.pages),
            "previews": self.previews,
        }


@dataclass(slots=True)
class Talk:
    """A talk with the content that the job has collected so far, and the warnings."""

    parameters: SessionParameters
    page: WebPage
    plan: SessionPlan
    report: JobReport
    resources: ResourceCalculator
    transcript: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    warnings: list[JsonObject] = field(default_factory=list)

    @property
    def assets(self) -> list[str]:
        """The names of the job's files, without the Markdown."""
        return [name for one in self.attachments for name in (one.file, *one.previews) if name]

    def warn(self, part: str, error: SecretaryError, url: str | None = None) -> None:
        """Add a warning: the job continues without *part*."""
        warning = {"part": part, "code": error.code, "message": error.message}
        self.warnings.append({**warning, "url": url} if url else warning)
        self.report.log("warning", f"{part}: {error.message}")
