"""The built-in handlers, wired, and those of ``worker.handler_modules``."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from dataclasses import replace

from secretary_common.egress import guarded_client
from secretary_common.errors import ConfigurationError, ErrorCode
from secretary_common.mongo.connection import Store
from secretary_common.settings import Settings
from secretary_common.url_guard import UrlGuard
from secretary_worker.bridge import Bridge
from secretary_worker.cache import Cache
from secretary_worker.handlers.page_reader import CHILD as PAGE_CHILD
from secretary_worker.handlers.page_reader import MAX_PAGE_BYTES, SandboxedPageReader
from secretary_worker.handlers.pdf import PdfHandler
from secretary_worker.handlers.pdf_extractor import CHILD as PDF_CHILD
from secretary_worker.handlers.pdf_extractor import PdfExtractor
from secretary_worker.handlers.pdf_parameter import PdfParameters
from secretary_worker.handlers.pdf_transform import transform_text
from secretary_worker.handlers.session import SessionHandler
from secretary_worker.handlers.session_parameter import SessionParameters
from secretary_worker.handlers.session_slides import PdfSlidesReader
from secretary_worker.handlers.transformer import TransformerHandler
from secretary_worker.handlers.transformer_parameter import TransformerParameters
from secretary_worker.media.ffmpeg import Ffmpeg
from secretary_worker.media.listener import Listener
from secretary_worker.media.transcript_cache import CachedTranscriber
from secretary_worker.media.yt_dlp import YtDlp
from secretary_worker.nursery import Nursery
from secretary_worker.registry import REGISTRY, Registry, register
from secretary_worker.remote.chat import ChatClient
from secretary_worker.remote.reader import page_readers
from secretary_worker.remote.transcription import TranscriptionClient
from secretary_worker.template.chat_cache import CachedChat
from secretary_worker.template.folder import TemplateFolder
from secretary_worker.template.transformer import Transformer
from secretary_worker.upload import Uploads
from secretary_worker.web.download import Downloader

PAGE_SEC = 60.0
"""For fetching a web page, all redirects included."""


class Nurseries:
    """The processes that children come from, one for each kind of child."""

    def __init__(self) -> None:
        self.pdf = Nursery(PDF_CHILD)
        self.page = Nursery(PAGE_CHILD)

    def start(self, job_types: Collection[str]) -> None:
        """Have ready what these types need; from the main thread, with which they end."""
        if not {"pdf", "session"}.isdisjoint(job_types):
            self.pdf.start()
        if not {"transformer", "session"}.isdisjoint(job_types):
            self.page.start()

    def close(self) -> None:
        """End them and whatever children they have."""
        self.pdf.close()
        self.page.close()


def load_handlers(
    settings: Settings,
    store: Store,
    bridge: Bridge,
    nurseries: Nurseries,
    templates: TemplateFolder,
) -> Registry:
    """The built-in handlers and those of ``worker.handler_modules``, less what is not wanted here.

    They reach the *store* over the *bridge*; what parses comes from the *nurseries*.

    Raises:
        ConfigurationError: a module cannot be imported.
    """
    _register_built_in(settings, store, bridge, nurseries, templates)
    for name in settings.worker.handler_modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise ConfigurationError(f"worker.handler_modules: {error}") from error
    return REGISTRY.only(settings.worker.job_types)


def _register_built_in(
    settings: Settings,
    store: Store,
    bridge: Bridge,
    nurseries: Nurseries,
    templates: TemplateFolder,
) -> None:
    max_bytes = int(settings.files.max_upload_mb * 2**20)
    guard = UrlGuard(settings.security.allow_networks)
    downloader = Downloader(lambda: guarded_client(guard), max_bytes=max_bytes)
    chat = ChatClient(settings.llm)
    answers = Cache("answers", store.cache, bridge)
    cached = CachedChat(chat, answers, base_url=settings.llm.base_url, model=settings.llm.model)
    transformer = Transformer(templates, chat, cached=cached)
    extractor = PdfExtractor(
        limits=settings.pdf,
        max_bytes=max_bytes,
        nursery=nurseries.pdf,
        cache=Cache("pages", store.cache, bridge),
        remote=page_readers(settings),
    )
    handler = PdfHandler(
        extractor=extractor,
        roots=settings.files.roots,
        max_bytes=max_bytes,
        downloader=downloader,
        uploads=Uploads(store.files, store.keys, bridge),
        transform=transform_text(transformer),
    )
    register("pdf", handler, params=PdfParameters)
    pages = SandboxedPageReader(
        Downloader(
            lambda: guarded_client(guard),
            max_bytes=MAX_PAGE_BYTES,
            deadline_sec=PAGE_SEC,
            too_large=ErrorCode.FILE_TOO_LARGE,
        ),
        nursery=nurseries.page,
    )
    register("transformer", TransformerHandler(transformer, pages), params=TransformerParameters)
    assets = replace(downloader, too_large=ErrorCode.FILE_TOO_LARGE)
    session = SessionHandler(
        transformer=transformer,
        pages=pages,
        downloader=assets,
        read_slides=PdfSlidesReader(extractor),
        transcribe=_listener(settings, guard, Cache("transcripts", store.cache, bridge)),
    )
    register("session", session, params=SessionParameters)


def _listener(settings: Settings, guard: UrlGuard, cache: Cache) -> Listener:
    media, provider = settings.media, settings.transcription
    client = TranscriptionClient(provider)
    return Listener(
        section=media,
        provider=provider,
        downloader=Downloader(
            lambda: guarded_client(guard),
            max_bytes=int(media.max_mb * 2**20),
            deadline_sec=media.timeout_sec,
            too_large=ErrorCode.MEDIA_TOO_LARGE,
        ),
        ffmpeg=Ffmpeg(media),
        yt_dlp=YtDlp(media, guard),
        client=client,
        cached=CachedTranscriber(client, cache, base_url=provider.base_url, model=provider.model),
    )


def template_folder(settings: Settings) -> TemplateFolder:
    """The templates jobs may name here.

    Raises:
        ConfigurationError: ``templates.dir`` is no folder.
    """
    folder = settings.templates.dir
    if folder is not None and not folder.is_dir():
        raise ConfigurationError("templates.dir: there is no such folder")
    return TemplateFolder(folder)
