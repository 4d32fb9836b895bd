"""Handlers of a user's own in real workers: the example's package and handlers of older code."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from secretary_devstack.processes.stack import Stack

EXAMPLE = Path(__file__).parents[2] / "examples" / "custom_handler"

# A handler as users of the system before this one have written it, word for word.
SAMPLE = """
from src.core.models.job_models import Job, JobProgress
from src.core.resource_tracking import ResourceCalculator

async def handle_custom_job(
    job: Job,
    repo: Any,
    resource_calculator: ResourceCalculator
) -> None:
    # Update progress
    repo.update_job_progress(
        job.job_id,
        JobProgress(step="processing", percent=0)
    )
    
    # Process job
    params = job.parameters
    result = process_custom(params)
    
    # Store results
    repo.update_job_results(
        job.job_id,
        {"result": result}
    )
    
    # Mark as completed
    repo.update_job_status(
        job.job_id,
        JobStatus.COMPLETED
    )

from src.core.processing.registry import register

register("custom", handle_custom_job)
"""  # noqa: W293 - word for word
CALLS = """
repo.update_job_progress(
    job_id="job-123",
    progress=JobProgress(
        step="extracting_text",
        percent=50,
        message="Extracting text from PDF..."
    )
)
repo.add_log_entry(
    job_id="job-123",
    level="info",
    message="Processing started"
)
repo.update_job_error(
    job_id="job-123",
    error=JobError(
        code="PROCESSING_ERROR",
        message="Failed to extract text",
        details={"error_type": "OCR_ERROR"}
    )
)
"""
IMPORTS = {
    "from src.core.models.job_models import Job, JobProgress": (
        "from typing import Any\n"
        "from secretary_common.models import Job, JobError, JobProgress, JobStatus"
    ),
    "from src.core.resource_tracking import": "from secretary_worker import",
    "from src.core.processing.registry import": "from secretary_worker.registry import",
}
USERS_FUNCTION = "\ndef process_custom(params):\n    return params['input'].upper()\n"


def as_module() -> str:
    """Return the samples with new import lines, the user's function and the job's own id."""
    sample = SAMPLE
    for line, new in IMPORTS.items():
        assert line in sample
        sample = sample.replace(line, new)
    calls = CALLS.replace('"job-123"', "job.job_id").replace("\n", "\n    ")
    failing = f"\nasync def handle_job(job, repo, resource_calculator):\n    {calls}\n"
    return f'{sample}{USERS_FUNCTION}{failing}\nregister("failing", handle_job)\n'


def test_older_handlers_run_with_new_import_lines_alone(
    start_stack: Callable[..., Stack], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "older.py").write_text(as_module())
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    stack = start_stack({"worker.handler_modules": ["older"]})
    with stack.client() as client:
        jobs = {
            job_type: client.wait(client.submit(job_type, {"input": "data"}), timeout_sec=30)
            for job_type in ("custom", "failing")
        }
    done, failed = jobs["custom"], jobs["failing"]
    assert (done["status"], done["results"]) == ("completed", {"result": "DATA"})
    assert failed["status"] == "failed"
    assert failed["error"] == {
        "code": "PROCESSING_ERROR",
        "message": "Failed to extract text",
        "details": {"error_type": "OCR_ERROR"},
    }
    assert failed["progress"] == {
        "step": "extracting_text",
        "percent": 50,
        "message": "Extracting text from PDF...",
    }
    assert ("info", "Processing started") in [
        (line["level"], line["message"]) for line in failed["logs"]
    ]


def test_the_example_package_runs_in_a_worker_that_names_it(
    start_stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLE / "src"))
    stack = start_stack({"worker.handler_modules": ["word_frequency.handler"]})
    with stack.client() as client:
        listed = client.http.get("/api/job-types").json()["data"]["job_types"]
        job_id = client.submit("word_frequency", {"text": "the cat, the dog", "top": 1})
        job = client.wait(job_id, timeout_sec=30)
        file = client.http.get(f"/api/jobs/{job_id}/files/words.csv")
        failed = client.wait(client.submit("word_frequency", {"text": "…"}), timeout_sec=30)
        refused = client.http.post(
            "/api/jobs/", json={"job_type": "word_frequency", "parameters": {"text": "a", "top": 0}}
        )
    (schema,) = [one["schema"] for one in listed if one["job_type"] == "word_frequency"]
    assert schema["properties"]["top"]["description"] == "How many words the result names"
    assert job["status"] == "completed"
    assert job["results"] == {"words": 4, "different_words": 3, "most_common": [["the", 2]]}
    assert file.text == "word,count\nthe,2\ncat,1\ndog,1\n"
    assert (failed["status"], failed["error"]["code"]) == ("failed", "NO_WORDS")
    assert failed["attempt"] == 1
    assert refused.status_code == 422
    assert "top" in refused.json()["error"]["message"]


def test_the_examples_image_names_the_module_that_registers_it() -> None:
    dockerfile = (EXAMPLE / "Dockerfile").read_text()
    (named,) = [
        word for word in shlex.split(dockerfile, comments=True) if "HANDLER_MODULES" in word
    ]
    assert named == 'SECRETARY_WORKER__HANDLER_MODULES=["word_frequency.handler"]'
    assert (EXAMPLE / "src" / "word_frequency" / "handler.py").is_file()
