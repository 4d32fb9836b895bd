"""What has been gathered of one talk."""

from __future__ import annotations

from dataclasses import dataclass, field

from secretary_common.errors import SecretaryError
from secretary_common.jobs.resources import ResourceCalculator
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
    """The name under which its picture is a file of the job."""


@dataclass(slots=True)
class Attachment:
    """Slides of a talk."""

    url: str
    title: str
    file: str | None = None
    """The name under which they are a file of the job."""
    pages: list[SlidePage] = field(default_factory=list)

    @property
    def previews(self) -> list[str]:
        """The pictures of its pages, by name."""
        return [page.preview for page in self.pages if page.preview]

    @property
    def text(self) -> str:
        """The text of all pages, each under its own ``--- Page N ---``."""
        numbered = enumerate(self.pages, start=1)
        return "\n\n".join(f"--- Page {number} ---\n{page.text}" for number, page in numbered)

    def as_json(self) -> JsonObject:
        """As it stands in results."""
        return {
            "url": self.url,
            "title": self.title,
            "file": self.file,
            "pages": len(self.pages),
            "previews": self.previews,
        }


@dataclass(slots=True)
class Talk:
    """A talk, and what goes wrong with it."""

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
        """The files of the job beside the Markdown, by name."""
        return [name for one in self.attachments for name in (one.file, *one.previews) if name]

    def warn(self, part: str, error: SecretaryError, url: str | None = None) -> None:
        """Go on without *part*, and say so."""
        told = {"part": part, "code": error.code, "message": error.message}
        self.warnings.append({**told, "url": url} if url else told)
        self.report.log("warning", f"{part}: {error.message}")
