"""``secretary_documents.extract``: real files and real child processes, without a server."""

import asyncio
import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from support import pdf_samples
from support.office_samples import word, zipped

import secretary_documents
from secretary_client.main import main
from secretary_common.errors import PermanentError
from secretary_common.settings.documents import DocumentsSection
from secretary_documents import Document, Extractor


@pytest.fixture(scope="module")
def extractor() -> Iterator[Extractor]:
    extractor = Extractor()
    yield extractor
    extractor.close()


def report(document: Any) -> None:
    document.core_properties.title = "Report"
    document.add_heading("Sales", 1)
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "a", "b"


def test_the_bytes_of_a_file_become_markdown(extractor: Extractor) -> None:
    document = extractor.extract(word(report), name="r.docx")
    assert (document.name, document.format, document.title) == ("r.docx", "docx", "Report")
    assert document.text == "# Sales\n\n| a | b |\n| --- | --- |"
    assert [(page.number, page.method) for page in document.pages] == [(1, "native")]


def test_a_path_and_options_give_what_a_job_gives(extractor: Extractor, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf_samples.report_pdf())
    document = extractor.extract(path, output="html", page_start=2, page_end=2, tables={})
    assert (document.page_count, [page.number for page in document.pages]) == (3, [2])
    assert document.text.startswith("<!doctype html>")
    [table] = document.parts["tables"]
    assert document.files[table["file"]].count(b"\r\n") == len(pdf_samples.TABLE)


async def test_several_files_are_read_at_the_same_time(extractor: Extractor) -> None:
    contents = [zipped({"a.txt": f"text {number}"}) for number in range(4)]
    read = await asyncio.gather(*(extractor.extract_async(one) for one in contents))
    texts = [document.documents[0].text for document in read]
    assert texts == [f"text {number}" for number in range(4)]


def test_attachments_stand_in_the_document_with_their_failures(extractor: Extractor) -> None:
    message = EmailMessage()
    message["From"], message["Subject"], message["To"] = "a@a.example", "Hi", "b@b.example"
    message.set_content("text")
    inner = zipped({"deep.txt": "deep", "b.bin": b"\x7fELF" + bytes(99)})
    message.add_attachment(inner, maintype="application", subtype="zip", filename="a.zip")

    seen: list[str] = []
    document = extractor.extract(
        message.as_bytes(), on_progress=lambda text, percent: seen.append(f"{percent} {text}")
    )

    [archive] = document.documents
    deep, program = archive.documents
    assert [one.name for one in document.all()] == ["document", "a.zip", "deep.txt", "b.bin"]
    assert deep.text == "deep"
    assert program.failure is not None
    assert program.failure.code == "UNSUPPORTED_MEDIA"
    assert "file 1 of 1: a.zip" in " ".join(seen)
    assert any("b.bin is not read" in warning for warning in document.warnings)


def test_a_file_that_cannot_be_read_raises_an_error_with_a_code(extractor: Extractor) -> None:
    with pytest.raises(PermanentError) as raised:
        extractor.extract(b"\x7fELF" + bytes(99))
    assert raised.value.code == "UNSUPPORTED_MEDIA"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_of_any_kind_are_the_content(extractor: Extractor, kind: Any) -> None:
    assert extractor.extract(kind(b"text")).text == "text"


def test_a_pipe_or_a_device_is_refused_at_once(extractor: Extractor, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for endless in (pipe, "/dev/zero"):
        with pytest.raises(PermanentError, match="a pipe or a device") as raised:
            extractor.extract(endless)
        assert raised.value.code == "VALIDATION_ERROR"


def test_a_url_is_named_as_the_reason(extractor: Extractor) -> None:
    with pytest.raises(PermanentError, match=r"s3://bucket/key is a URL"):
        extractor.extract("s3://bucket/key")


@pytest.mark.parametrize("source", [io.BytesIO(b"text"), None, 3])
def test_a_source_of_another_type_is_named(extractor: Extractor, source: Any) -> None:
    with pytest.raises(TypeError, match=f"not a {type(source).__name__}"):
        extractor.extract(source)


def test_a_bad_option_raises_an_error_with_its_name(extractor: Extractor) -> None:
    with pytest.raises(PermanentError, match="page_start"):
        extractor.extract(b"text", page_start=0)


def test_the_limits_are_those_of_the_extractor() -> None:
    extractor = Extractor(documents=DocumentsSection(max_members=1))
    with pytest.raises(PermanentError) as raised:
        extractor.extract(zipped({"a": "a", "b": "b"}))
    extractor.close()
    assert raised.value.code == "DOCUMENT_TOO_LARGE"


def test_a_call_under_way_ends_when_another_thread_closes_the_extractor() -> None:
    extractor = Extractor()
    began, closing = threading.Event(), threading.Event()

    def wait(*_: object) -> None:
        began.set()
        closing.wait(30)

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(extractor.extract, b"text", on_progress=wait)
        assert began.wait(30)
        threading.Timer(0.05, closing.set).start()
        extractor.close()
        assert isinstance(call.exception(timeout=30), CancelledError)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises KeyboardInterrupt, also in tests that a shell started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_call_reads_no_further(extractor: Extractor) -> None:
    seen: list[str] = []
    interrupted = threading.Event()

    def interrupt(message: str, _: int) -> None:
        seen.append(message)
        if "pages to read" in message:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            interrupted.wait(30)

    with pytest.raises(KeyboardInterrupt):
        extractor.extract(pdf_samples.report_pdf(), on_progress=interrupt)
    interrupted.set()
    extractor.extract(b"text")
    assert not any(message.startswith("page 3") for message in seen)


def _read_in_a_fork(answers: Any) -> None:
    answers.put(secretary_documents.extract(b"in the fork").text)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_of_the_program_reads_files_too() -> None:
    assert isinstance(secretary_documents.extract(b"text"), Document)
    processes = multiprocessing.get_context("fork")
    answers = processes.Queue()
    process = processes.Process(target=_read_in_a_fork, args=(answers,))
    process.start()
    assert answers.get(timeout=60) == "in the fork"
    process.join()


def test_the_command_writes_the_text_of_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRETARY_KEY", raising=False)
    path = tmp_path / "r.docx"
    path.write_bytes(word(report))
    assert main(["extract", str(path), "--output", "markdown"]) == 0
    assert capsys.readouterr().out == "# Sales\n\n| a | b |\n| --- | --- |\n"


def test_the_command_goes_on_after_a_file_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, folder = tmp_path / "good.txt", tmp_path / "bad", tmp_path / "out"
    good.write_text("fine", encoding="utf-8")
    bad.write_bytes(b"\x7fELF" + bytes(99))
    arguments = ["extract", str(bad), str(good), "--output", "text", "--output-dir", str(folder)]
    assert main(arguments) == 1
    assert (folder / "good.txt.txt").read_text(encoding="utf-8") == "fine"
    assert "1 of 2 files were not read" in capsys.readouterr().err


def test_the_command_reads_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(word(report))))
    assert main(["extract", "-"]) == 0
    assert capsys.readouterr().out.startswith("# Sales\n")


def test_the_command_reads_the_files_of_a_folder_into_another_one(tmp_path: Path) -> None:
    folder, results = tmp_path / "in", tmp_path / "in" / "out"
    (folder / "a").mkdir(parents=True)
    (folder / ".hidden").write_text("hidden", encoding="utf-8")
    (folder / "a" / "note.txt").write_text("deep", encoding="utf-8")
    (folder / "note.txt").write_text("note", encoding="utf-8")
    for _ in range(2):  # the second time, the results of the first time are there
        assert main(["extract", str(folder), "--output-dir", str(results)]) == 0
    written = {str(path.relative_to(results)) for path in results.rglob("*") if path.is_file()}
    assert written == {"note.txt.md", "a/note.txt.md"}


def test_the_command_writes_no_file_over_another_one(tmp_path: Path) -> None:
    results = tmp_path / "out"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        content = zipped({"../x.txt": name, "dir/x.txt": name.upper()})
        (tmp_path / name / "files.zip").write_bytes(content)
    files = [str(tmp_path / name / "files.zip") for name in ("a", "b")]
    assert main(["extract", *files, "--output-dir", str(results)]) == 0
    written = {path.name: path.read_text(encoding="utf-8") for path in results.iterdir()}
    assert sorted(written.values()) == ["A", "B", "a", "b"]
    assert all(name.startswith("files.zip") for name in written)
    assert all("x.txt" in name for name in written)


def test_the_command_says_what_is_wrong_with_a_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing, empty = tmp_path / "missing.docx", tmp_path / "empty"
    empty.mkdir()
    assert main(["extract", str(missing)]) == 1
    assert f"{missing}: no such file or directory\n" in capsys.readouterr().err
    assert main(["extract", str(empty)]) != 0
    assert "the folder has no files" in capsys.readouterr().err


def test_the_command_ends_when_nothing_reads_its_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in files:
        path.write_text("text", encoding="utf-8")
    reading, writing = os.pipe()
    os.close(reading)
    output = os.fdopen(writing, "w", encoding="utf-8")
    codes = []
    with monkeypatch.context() as patch, suppress(BrokenPipeError), output:
        patch.setattr("sys.stdout", output)
        codes.append(main(["extract", *map(str, files)]))
    assert codes == [141]
    assert capsys.readouterr().err == ""
