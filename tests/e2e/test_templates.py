"""Templates in real processes: a worker announces, lists and applies an operator's template."""

from collections.abc import Callable
from pathlib import Path

from secretary_devstack.processes.stack import Stack

SHIPPED = ["BlogPost", "ExtractSessionData", "MeetingMinutes", "Session", "Summary"]


def test_an_operators_template_is_listed_and_applied(
    start_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "Letter_de.md").write_text("Hallo {{who}}: {{text}}\n", encoding="utf-8")
    stack = start_stack({"templates.dir": str(folder)})
    with stack.client() as client:
        listed = client.http.get("/api/templates").json()["data"]["templates"]
        job = client.wait(
            client.submit(
                "transformer",
                {
                    "text": "{{who}} 🙂",
                    "template": "Letter",
                    "target_language": "de",
                    "context": {"who": "Käthe"},
                },
            ),
            timeout_sec=30,
        )
        refused = client.http.post(
            "/api/jobs/",
            json={
                "job_type": "transformer",
                "parameters": {"text": "x", "template": "../../etc/passwd"},
            },
        )
        unconfigured = client.wait(
            client.submit("transformer", {"text": "x", "template": "Summary"}), timeout_sec=30
        )
    assert sorted(template["name"] for template in listed) == sorted([*SHIPPED, "Letter"])
    assert next(one for one in listed if one["name"] == "Letter")["languages"] == ["de"]
    assert job["status"] == "completed"
    assert job["results"]["transformed_text"] == "Hallo Käthe: {{who}} 🙂\n"
    assert refused.status_code == 422
    assert "parameters.template" in refused.json()["error"]["message"]
    assert unconfigured["error"]["code"] == "LLM_NOT_CONFIGURED"
