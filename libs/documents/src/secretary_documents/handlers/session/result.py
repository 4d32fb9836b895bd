"""The result of a ``session`` job, in the shape its users read."""

from __future__ import annotations

from secretary_common.models import JsonObject
from secretary_documents.handlers.session.plan import slug
from secretary_documents.handlers.session.talk import Talk
from secretary_documents.templates.transformer import TransformResult


def build_result(talk: Talk, done: TransformResult, name: str) -> JsonObject:
    """All that is known of *talk*; *name*: of its Markdown among the files of the job."""
    plan, parameters = talk.plan, talk.parameters
    read = [attachment for attachment in talk.attachments if attachment.pages]
    return {
        "markdown_file": name,
        "markdown_content": done.text,
        "web_text": talk.page.text,
        "video_transcript": talk.transcript,
        "attachments": [attachment.as_json() for attachment in talk.attachments],
        "attachments_text": "\n\n".join(attachment.text for attachment in read),
        "page_texts": [page.text for attachment in read for page in attachment.pages],
        "assets": talk.assets,
        "target_dir": _folder(talk),
        "structured_data": {**plan.facts, **parameters.others, **done.data},
        "template": done.template,
        "language": parameters.target_language,
        "llm": done.llm,
        # What GET …/download-archive calls the zip of all files of the job.
        "archive_filename": f"{talk.report.job_id}.zip" if parameters.create_archive else None,
        "warnings": talk.warnings,
        "usage": talk.resources.usage(),
    }


def _folder(talk: Talk) -> str:
    """Where a collection of talks would have this one; a path to show, nothing is written there."""
    facts = talk.plan.facts
    parts = (facts.get("event"), talk.parameters.target_language, facts.get("track"))
    return "/".join(["sessions", *(slug(part) for part in parts if part)])
