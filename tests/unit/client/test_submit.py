"""``secretary submit`` and ``batch`` over a stand-in for the API: which jobs they make."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from secretary_client.cli import session
from secretary_client.client import Client
from secretary_client.main import main

Output = pytest.CaptureFixture[str]
NAME = re.compile(rb'filename="([^"]*)"')


class Api:
    """Accepts uploads and jobs; the job of a file whose name begins with ``bad`` fails."""

    def __init__(self) -> None:
        self.uploads: dict[str, bytes] = {}
        self.jobs: list[Any] = []
        self.keys: list[str] = []
        self.batches: list[Any] = []

    def client(self, *_: Any, **__: Any) -> Client:
        return Client("http://api", "k", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        data = self._data(request)
        if isinstance(data, str):
            return httpx.Response(200, text=data)
        return httpx.Response(200, json={"status": "success", "data": data})

    def _data(self, request: httpx.Request) -> Any:
        content = request.read()
        if request.url.path == "/api/files":
            name = (NAME.search(content) or [b"", b""])[1].decode()
            self.uploads[name] = content.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
            return {"file_id": f"file-{name}"}
        if request.url.path == "/api/jobs/batch":
            self.batches.append(json.loads(content))
            self.keys.append(request.headers["Idempotency-Key"])
            return {"batch_id": f"batch-{len(self.batches)}", "job_ids": []}
        if request.method == "POST":
            self.jobs.append(json.loads(content))
            self.keys.append(request.headers["Idempotency-Key"])
            file_id = self.jobs[-1]["parameters"].get("file_id", "file-none")
            return {"job": {"job_id": f"job-{file_id.removeprefix('file-')}"}}
        return self._of_job(request.url.path)

    def _of_job(self, path: str) -> Any:
        job_id = path.split("/")[3]
        status = "failed" if "bad" in job_id else "completed"
        error = {"code": "PDF_INVALID", "message": "no PDF", "details": None}
        state = {"job_id": job_id, "status": status, "seq": 1, "progress": None}
        state["error"] = error if status == "failed" else None
        if path.endswith("/stream"):
            return f"id: 1\nevent: {status}\ndata: {json.dumps(state)}\n\n"
        return state | ({"results": {"of": job_id}} if path.endswith("/results") else {})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Api:
    made = Api()
    monkeypatch.setattr(session, "Client", made.client)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRETARY_KEY", "k")
    return made


def files(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def test_a_job_without_a_file_has_no_file_in_json(api: Api, capsys: Output) -> None:
    assert main(["--json", "submit", "nap"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": None, "job_id": "job-none"}


def test_a_file_is_uploaded_and_named_among_the_parameters(api: Api, capsys: Output) -> None:
    files("a.pdf")
    fields = ("--run-at", "2026-01-31T08:00:00Z", "--tag", "x", "--priority", "8")
    assert main(["submit", "pdf", "a.pdf", 'language=["deu"]', *fields]) == 0
    assert api.uploads == {"a.pdf": b"a.pdf"}
    assert api.jobs == [
        {
            "job_type": "pdf",
            "parameters": {"language": ["deu"], "file_id": "file-a.pdf"},
            "run_at": "2026-01-31T08:00:00Z",
            "tags": ["x"],
            "priority": 8,
        }
    ]
    assert capsys.readouterr().out == "job-a.pdf\n"


def test_many_files_and_a_folder_become_a_job_each(api: Api, capsys: Output) -> None:
    files("a.pdf", "in/b.pdf", "in/deep/c.pdf", "in/.hidden", "in/.git/d.pdf")
    assert main(["submit", "pdf", "a.pdf", "in"]) == 0
    written = sorted(capsys.readouterr().out.splitlines())
    assert written == ["job-a.pdf  a.pdf", "job-b.pdf  in/b.pdf", "job-c.pdf  in/deep/c.pdf"]
    assert sorted(api.uploads) == ["a.pdf", "b.pdf", "c.pdf"]
    assert len(set(api.keys)) == 3


def test_standard_input_is_a_file(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\x00%PDF")))
    assert main(["submit", "pdf", "-"]) == 0
    assert api.uploads == {"stdin": b"\xff\x00%PDF"}


def test_one_job_that_fails_does_not_keep_the_results_of_the_others_back(
    api: Api, capsys: Output
) -> None:
    files("a.pdf", "bad.pdf", "c.pdf")
    assert main(["submit", "pdf", "a.pdf", "bad.pdf", "c.pdf", "--wait"]) == 1
    shown = capsys.readouterr()
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert [line["file"] for line in lines] == ["a.pdf", "bad.pdf", "c.pdf"]
    assert lines[0]["results"] == {"of": "job-a.pdf"}
    assert lines[1]["error"] == "job-bad.pdf: PDF_INVALID: no PDF"
    assert "bad.pdf: job-bad.pdf: PDF_INVALID: no PDF" in shown.err
    assert shown.err.splitlines()[-1] == "secretary: 1 of 3 jobs failed"


def test_results_are_written_to_a_folder(api: Api, tmp_path: Path) -> None:
    files("a.pdf", "c.pdf", "in/c.pdf")
    assert main(["submit", "pdf", "a.pdf", "c.pdf", "in", "--output-dir", "out"]) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["a.pdf.json", "c.pdf.json", "c.pdf_2.json"]
    assert json.loads((tmp_path / "out/c.pdf.json").read_text()) == {"of": "job-c.pdf"}


def test_no_result_replaces_that_of_another_file(api: Api, tmp_path: Path) -> None:
    files("c.pdf", "in/c.pdf", "c.pdf_2", "in/c.pdf_2")
    names = ["c.pdf", "c.pdf_2", "in/c.pdf", "in/c.pdf_2"]
    assert main(["submit", "pdf", *names, "--output-dir", "out"]) == 0
    found = [json.loads(path.read_text())["of"] for path in (tmp_path / "out").iterdir()]
    assert sorted(found) == ["job-c.pdf"] * 2 + ["job-c.pdf_2"] * 2


def test_earlier_results_in_a_folder_are_not_submitted(api: Api) -> None:
    files("scans/a.pdf", "scans/out/old.json")
    assert main(["submit", "pdf", "scans", "--output-dir", "scans/out"]) == 0
    assert list(api.uploads) == ["a.pdf"]


def test_no_job_is_made_if_the_folder_for_its_results_cannot_be_made(
    api: Api, capsys: Output
) -> None:
    files("a.pdf", "out")
    assert main(["submit", "pdf", "a.pdf", "--output-dir", "out"]) == 1
    assert "out" in capsys.readouterr().err
    assert api.jobs == []


def test_a_folder_without_files_makes_no_job(api: Api, tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/.hidden").touch()
    assert main(["submit", "pdf", "scans"]) == 1
    assert "the folder has no files" in capsys.readouterr().err
    assert api.jobs == []


def test_a_key_for_one_job_is_refused_for_several(api: Api, capsys: Output) -> None:
    files("a.pdf", "b.pdf")
    assert main(["submit", "pdf", "a.pdf", "b.pdf", "--idempotency-key", "k"]) == 2
    assert api.jobs == []


def test_a_path_with_an_equals_sign_is_a_file(api: Api) -> None:
    files("a=b.pdf")
    assert main(["submit", "pdf", "./a=b.pdf"]) == 0
    assert list(api.uploads) == ["a=b.pdf"]


def test_a_batch_has_at_most_1000_jobs_of_a_file(api: Api, capsys: Output) -> None:
    lines = [json.dumps({"job_type": "pdf", "parameters": {"n": n}}) for n in range(1001)]
    Path("jobs.jsonl").write_text("\n".join(lines) + "\n\n")
    assert main(["batch", "jobs.jsonl", "--name", "all", "--idempotency-key", "k"]) == 0
    assert [len(one["jobs"]) for one in api.batches] == [1000, 1]
    assert api.keys == ["k-0", "k-1"]
    assert capsys.readouterr().out == "batch-1\nbatch-2\n"


@pytest.mark.parametrize("line", ["{", "3", '{"parameters": {}}'])
def test_a_bad_line_is_named_and_nothing_is_submitted(api: Api, capsys: Output, line: str) -> None:
    Path("jobs.jsonl").write_text(f'{{"job_type": "pdf"}}\n{line}\n')
    assert main(["batch", "jobs.jsonl"]) == 1
    assert "jobs.jsonl:2: not " in capsys.readouterr().err
    assert api.batches == []


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_line_ends_only_with_a_line_end(api: Api, mark: str) -> None:
    name = "a\u2028b\u0085c"
    job = json.dumps({"job_type": "pdf", "job_name": name}, ensure_ascii=False)
    Path("jobs.jsonl").write_text(f"{mark}{job}\r\n", encoding="utf-8", newline="")
    assert main(["batch", "jobs.jsonl"]) == 0
    assert [one["job_name"] for one in api.batches[0]["jobs"]] == [name]


def test_a_batch_from_standard_input_may_begin_with_a_byte_order_mark(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO('\ufeff{"job_type": "pdf"}\n'.encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content, encoding="utf-8"))
    assert main(["batch", "-"]) == 0
    assert [one["job_type"] for one in api.batches[0]["jobs"]] == ["pdf"]


def test_a_file_that_is_no_text_is_named(api: Api, capsys: Output) -> None:
    Path("jobs.jsonl").write_bytes(b"\xff\xfe")
    assert main(["batch", "jobs.jsonl"]) == 1
    assert "jobs.jsonl: not UTF-8" in capsys.readouterr().err
