"""Has the template engine answer what a ``pdf`` job asks of templates."""

from __future__ import annotations

from secretary_common.jobs.resources import ResourceCalculator
from secretary_documents.handlers.pdf.template import TextRequest, TextTransformer, TransformedText
from secretary_documents.templates.transformer import Transformer, TransformRequest


def transform_text(transformer: Transformer) -> TextTransformer:
    """*transformer*, as ``PdfHandler`` wants it."""

    async def transform(request: TextRequest, resources: ResourceCalculator) -> TransformedText:
        done = await transformer.transform(
            TransformRequest(
                text=request.text,
                template=request.template,
                template_content=request.template_content,
                context=request.context,
                target_language=request.target_language,
                use_cache=request.use_cache,
            ),
            resources,
        )
        template = {**(done.template or {}), "llm": done.llm, "warnings": list(done.warnings)}
        return TransformedText(done.text, done.fields, template)

    return transform
