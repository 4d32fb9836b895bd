"""Builds the built-in handlers from the services of the worker, and registers them."""

from __future__ import annotations

from pathlib import Path

from secretary_common.errors import ConfigurationError, ErrorCode, PermanentError
from secretary_common.runtime.log import get_logger
from secretary_common.settings.documents import (
    DocumentsSection,
    MediaSection,
    PdfSection,
    TemplatesSection,
)
from secretary_common.settings.provider import (
    LlmSection,
    MistralSection,
    TranscriptionSection,
    VisionSection,
)
from secretary_documents.formats.format import DOCKER, FORMATS, Format, Way, missing_formats
from secretary_documents.handlers.document.document_reader import DocumentReader
from secretary_documents.handlers.document.handler import DocumentHandler
from secretary_documents.handlers.document.parameters import DocumentParameters
from secretary_documents.handlers.document.reader_factory import FILE_CHILD, make_document_reader
from secretary_documents.handlers.media.handler import MediaHandler
from secretary_documents.handlers.media.parameters import MediaParameters
from secretary_documents.handlers.pdf.extractor import CHILD as PDF_CHILD
from secretary_documents.handlers.pdf.extractor import PdfExtractor
from secretary_documents.handlers.pdf.handler import PdfHandler
from secretary_documents.handlers.pdf.parameters import PdfParameters
from secretary_documents.handlers.pdf.template_step import TemplateStep
from secretary_documents.handlers.session.handler import SessionHandler
from secretary_documents.handlers.session.parameters import SessionParameters
from secretary_documents.handlers.session.slides_reader import PdfSlidesReader
from secretary_documents.handlers.source import FileSource
from secretary_documents.handlers.transformer.handler import TransformerHandler
from secretary_documents.handlers.transformer.parameters import TransformerParameters
from secretary_documents.media.cached_transcriber import CachedTranscriber
from secretary_documents.media.ffmpeg import Ffmpeg
from secretary_documents.media.recording_transcriber import RecordingTranscriber
from secretary_documents.media.yt_dlp import YtDlp
from secretary_documents.office.libre_office import INSTALL, is_installed
from secretary_documents.pdf.page import RemoteReader
from secretary_documents.providers import mistral_response, vision
from secretary_documents.providers.chat import ChatClient
from secretary_documents.providers.mistral import MistralReader
from secretary_documents.providers.transcription import TranscriptionClient
from secretary_documents.templates.cached_chat import CachedChat
from secretary_documents.templates.template_catalog import TemplateCatalog
from secretary_documents.templates.transformer import Transformer
from secretary_documents.web.download import Downloader
from secretary_documents.web.page_reader import CHILD as PAGE_CHILD
from secretary_documents.web.page_reader import MAX_PAGE_BYTES, SandboxedPageReader
from secretary_worker import HandlerContext, register

log = get_logger(__name__)

PAGE_SEC = 60.0
"""The deadline for fetching a web page, redirects included."""


def setup(context: HandlerContext) -> None:
    """Register ``document``, ``pdf``, ``transformer``, ``session`` and ``media``.

    The worker finds this function by the entry point ``secretary.handlers``.

    Raises:
        ConfigurationError: ``templates.dir`` is not a folder.
    """
    _log_missing_formats(context.section("documents", DocumentsSection))
    templates = _template_catalog(context)
    context.announce_templates(templates.listing)
    transformer = _transformer(context, templates)
    step = TemplateStep(transformer)
    downloader = Downloader(
        context.http_client,
        max_bytes=context.max_file_bytes,
        too_large=ErrorCode.FILE_TOO_LARGE,
        objects=context.objects,
    )
    extractor = _pdf_extractor(context)
    pdf = PdfHandler(
        extractor=extractor,
        source=_source(context, downloader, too_large=ErrorCode.PDF_TOO_LARGE),
        templates=step,
    )
    document = DocumentHandler(
        reader=_document_reader(context, extractor),
        source=_source(context, downloader, too_large=ErrorCode.FILE_TOO_LARGE),
        templates=step,
    )
    pages = _page_reader(context)
    recordings = _recording_transcriber(context)
    _log_missing_ffmpeg(recordings.ffmpeg)
    media = MediaHandler(
        recordings, _source(context, recordings.downloader, too_large=ErrorCode.MEDIA_TOO_LARGE)
    )
    session = SessionHandler(
        transformer=transformer,
        pages=pages,
        downloader=downloader,
        read_slides=PdfSlidesReader(extractor),
        transcribe=recordings,
    )
    register("document", document, params=DocumentParameters)
    register("pdf", pdf, params=PdfParameters)
    register("transformer", TransformerHandler(transformer, pages), params=TransformerParameters)
    register("session", session, params=SessionParameters)
    register("media", media, params=MediaParameters)


def _source(context: HandlerContext, downloader: Downloader, *, too_large: ErrorCode) -> FileSource:
    """Return the source of the files that jobs name. The limit of *downloader* holds for all."""
    return FileSource(
        context.file_roots,
        downloader.max_bytes,
        downloader,
        context.uploads,
        too_large=too_large,
    )


def _pdf_extractor(context: HandlerContext) -> PdfExtractor:
    return PdfExtractor(
        limits=context.section("pdf", PdfSection),
        max_bytes=context.max_file_bytes,
        zygote=context.zygote(PDF_CHILD, {"document", "pdf", "session"}),
        cache=context.cache("pages"),
        remote=_remote_readers(context),
    )


def _document_reader(context: HandlerContext, extractor: PdfExtractor) -> DocumentReader:
    return make_document_reader(
        extractor,
        context.zygote(FILE_CHILD, {"document"}),
        documents=context.section("documents", DocumentsSection),
        pdf=context.section("pdf", PdfSection),
    )


def _page_reader(context: HandlerContext) -> SandboxedPageReader:
    downloader = Downloader(
        context.http_client,
        max_bytes=MAX_PAGE_BYTES,
        deadline_sec=PAGE_SEC,
        too_large=ErrorCode.FILE_TOO_LARGE,
    )
    zygote = context.zygote(PAGE_CHILD, {"transformer", "session"})
    return SandboxedPageReader(downloader, zygote=zygote)


def _log_missing_formats(documents: DocumentsSection) -> None:
    """Log which formats the worker cannot read, and what installs their packages."""
    missing = missing_formats()
    names = [one.name for one in missing]
    install = [f'pip install "{needs}"' for needs in sorted({_install_of(one) for one in missing})]
    if missing:
        install.append(f"in Docker {DOCKER}")
    if not is_installed(Path(documents.libre_office)):
        names += [one.name for one in FORMATS.values() if one.way is Way.OFFICE]
        install.append(INSTALL)
    if names:
        log.info("documents.formats_missing", formats=", ".join(names), install="; ".join(install))


def _install_of(one: Format) -> str:
    return one.needs.install if one.needs else ""


def _log_missing_ffmpeg(ffmpeg: Ffmpeg) -> None:
    """Log that recordings cannot be transcribed, because the worker has no ffmpeg."""
    try:
        ffmpeg.check_installed()
    except PermanentError as error:
        log.info("media.ffmpeg_missing", reason=error.message)


def _remote_readers(context: HandlerContext) -> dict[str, RemoteReader]:
    """Return a reader for each remote ``extraction_method``.

    If a provider is not configured, jobs with its method fail, and the error names the settings.
    """
    return {
        mistral_response.METHOD: MistralReader(
            context.section("mistral", MistralSection), open_client=context.operator_client
        ),
        vision.METHOD: vision.VisionReader.of(
            context.section("vision", VisionSection), open_client=context.operator_client
        ),
    }


def _template_catalog(context: HandlerContext) -> TemplateCatalog:
    folder = context.section("templates", TemplatesSection).dir
    if folder is not None and not folder.is_dir():
        raise ConfigurationError("templates.dir: there is no such folder")
    return TemplateCatalog(folder)


def _transformer(context: HandlerContext, templates: TemplateCatalog) -> Transformer:
    llm = context.section("llm", LlmSection)
    chat = ChatClient(llm, open_client=context.operator_client)
    cached = CachedChat(chat, context.cache("answers"), base_url=llm.base_url, model=llm.model)
    return Transformer(templates, chat, cached=cached)


def _recording_transcriber(context: HandlerContext) -> RecordingTranscriber:
    media = context.section("media", MediaSection)
    provider = context.section("transcription", TranscriptionSection)
    client = TranscriptionClient(provider, open_client=context.operator_client)
    return RecordingTranscriber(
        section=media,
        provider=provider,
        downloader=Downloader(
            context.http_client,
            max_bytes=int(media.max_mb * 2**20),
            deadline_sec=media.timeout_sec,
            too_large=ErrorCode.MEDIA_TOO_LARGE,
            objects=context.objects,
        ),
        ffmpeg=Ffmpeg(media),
        yt_dlp=YtDlp(media, context.url_guard, context.guard_proxy()),
        client=client,
        cached=CachedTranscriber(
            client,
            context.cache("transcripts"),
            base_url=provider.base_url,
            model=provider.model,
        ),
    )
