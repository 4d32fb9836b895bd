"""The form made from a job type's JSON Schema: fields, upload, refusals, and what it sends."""

from __future__ import annotations

import hashlib

from playwright.sync_api import expect
from support.dashboard_harness import Dashboard, Visitor
from support.dashboard_system import live_workers, schema_types

from secretary_common.models import Job

CONTENT = b"%PDF-1.7 a small document"


def only_job(dashboard: Dashboard) -> Job:
    [job] = dashboard.api.jobs.jobs.values()
    return job


def drop_file(visitor: Visitor, name: str) -> None:
    """Drop a file with ``CONTENT`` beside every field."""
    dropped = visitor.page.evaluate_handle(
        """([name, text]) => {
            const dropped = new DataTransfer();
            dropped.items.add(new File([text], name));
            return dropped;
        }""",
        [name, CONTENT.decode()],
    )
    visitor.page.dispatch_event("main", "drop", {"dataTransfer": dropped})


def test_a_job_is_submitted_by_form_with_an_upload(dashboard: Dashboard, visitor: Visitor) -> None:
    schema_types(dashboard.api)
    dashboard.run(live_workers(dashboard.api))
    page = visitor.page
    visitor.open("/submit?type=pdf", "Submit a job")
    expect(page.get_by_text("1 live worker runs it")).to_be_visible()
    drop_file(visitor, "report.pdf")
    expect(page.get_by_text("report.pdf", exact=True)).to_be_visible()
    page.get_by_text("More options").click()
    page.get_by_label("Extraction method").select_option("combined")
    page.get_by_label("Page end").fill("9")
    page.get_by_label("markdown", exact=True).check()
    page.get_by_label("Chunks").check()
    page.get_by_label("Max tokens").fill("256")
    page.get_by_role("button", name="Remove Language 2").click()
    page.get_by_label("Context (JSON)").fill('{"year": 2026}')
    page.get_by_label("Name", exact=True).fill("the report")
    page.get_by_label("Tags").fill("a, b")
    page.get_by_text("Webhook", exact=True).click()
    page.get_by_role("textbox", name="URL").fill("https://example.com/hook")
    page.get_by_label("Headers", exact=True).fill("X-Api-Key: abc: d")
    assert visitor.accessibility_findings() == []
    page.get_by_role("button", name="Submit the job").click()
    expect(page.get_by_text("The job is accepted")).to_be_visible()
    expect(page.get_by_role("link", name="the report")).to_be_focused()
    job = only_job(dashboard)
    file_id = job.parameters.pop("file_id")
    assert job.parameters == {
        "extraction_method": "combined",
        "page_end": 9,
        "language": ["eng"],
        "output": ["text", "markdown"],
        "chunks": {"max_tokens": 256},
        "context": {"year": 2026},
    }
    assert (job.job_name, job.tags, job.priority) == ("the report", ["a", "b"], 5)
    assert job.webhook is not None
    assert set(job.webhook.headers or ()) == {"X-Api-Key"}
    upload = dashboard.run(dashboard.api.files.open(file_id))
    assert upload is not None
    assert upload.stored.sha256 == hashlib.sha256(CONTENT).hexdigest()
    page.get_by_role("link", name="the report").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("the report")


def test_a_refusal_stands_at_its_field(dashboard: Dashboard, visitor: Visitor) -> None:
    schema_types(dashboard.api)
    page = visitor.page
    visitor.open("/submit?type=session", "Submit a job")
    expect(page.get_by_text("No live worker runs this job type")).to_be_visible()
    page.get_by_text("More options").click()
    page.get_by_label("Target language").fill("German")
    page.get_by_text("More options").click()
    page.get_by_label("Priority").fill("12")
    page.get_by_role("button", name="Submit the job").click()
    expect(page.get_by_role("alert")).to_contain_text("priority")
    expect(page.get_by_label("Priority")).to_be_focused()
    page.get_by_label("Priority").fill("")
    page.get_by_role("button", name="Submit the job").click()
    expect(page.get_by_role("alert")).to_contain_text("parameters.url")
    url = page.get_by_role("textbox", name="URL", exact=True)
    expect(url).to_be_focused()
    expect(url).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Target language")).to_be_visible()  # the box around it has opened
    assert visitor.accessibility_findings() == []
    page.get_by_role("button", name="Edit as JSON").click()
    editor = page.get_by_label("Parameters (JSON)")
    expect(editor).to_have_value('{\n  "target_language": "German"\n}')
    editor.fill('{"url": ')
    page.get_by_role("button", name="Submit the job").click()
    expect(page.get_by_text("This is not valid JSON")).to_be_visible()
    editor.fill('{"url": "https://example.com/talk", "hall": 3}')
    page.get_by_role("button", name="Submit the job").click()
    expect(page.get_by_text("it waits for one")).to_be_visible()
    assert only_job(dashboard).parameters == {"url": "https://example.com/talk", "hall": 3}
    visitor.forget_refusals()


def test_a_key_that_may_not_submit_is_told_so(dashboard: Dashboard, visitor: Visitor) -> None:
    key = dashboard.run(dashboard.api.new_key("reader", scopes=["read"]))
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.sign_in(key)
    page = visitor.page
    page.goto(f"{visitor.url}/#/submit")
    expect(page.get_by_text("It needs an API key with the scope submit")).to_be_visible()
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)
    page.goto(f"{visitor.url}/#/keys")
    expect(page.get_by_text("It needs an API key with the scope admin")).to_be_visible()
    visitor.open("/deliveries", "Deliveries")
    expect(page.get_by_role("button", name="Recover")).to_have_count(0)


def test_a_key_that_may_only_submit_gets_the_form(dashboard: Dashboard, visitor: Visitor) -> None:
    key = dashboard.run(dashboard.api.new_key("writer", scopes=["submit"]))
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.sign_in(key)
    visitor.page.goto(f"{visitor.url}/#/submit")
    expect(visitor.page.get_by_role("button", name="Submit the job")).to_be_visible()


ROOT_SCHEMA = {
    "$defs": {
        "Size": {
            "type": "object",
            "title": "SizeModel",
            "properties": {"width": {"type": "integer", "minimum": 1}},
        },
        "Tree": {
            "type": "object",
            "properties": {"child": {"$ref": "#/$defs/Tree"}},
        },
    },
    "properties": {},
}
DRAWN: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("page_start", {"type": "integer", "minimum": 1}, {"kind": "number", "label": "Page start"}),
    ("url", {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"kind": "text", "label": "URL"}),
    ("n", {"type": ["number", "null"], "default": None}, {"kind": "number", "step": "any"}),
    ("text", {"type": "string"}, {"kind": "area"}),
    ("text", {"type": "string", "maxLength": 50}, {"kind": "text"}),
    ("key", {"type": "string", "writeOnly": True}, {"kind": "password"}),
    ("file_id", {"type": "string", "format": "upload"}, {"kind": "upload"}),
    ("at", {"type": "string", "format": "date-time"}, {"kind": "datetime-local"}),
    ("kind", {"const": "a"}, {"kind": "select", "options": ["a"]}),
    ("kind", {"enum": [1, "a", None]}, {"kind": "select", "options": [1, "a", None]}),
    ("ok", {"type": "boolean", "default": True}, {"kind": "check", "default": True}),
    ("many", {"type": "array", "items": {"enum": ["a"]}}, {"kind": "several"}),
    ("many", {"type": "array", "items": {"$ref": "#/$defs/Size"}}, {"kind": "list"}),
    ("many", {"type": "array"}, {"kind": "json"}),
    ("size", {"$ref": "#/$defs/Size", "description": "d"}, {"kind": "object", "label": "Size"}),
    ("any", {"type": "object", "additionalProperties": True}, {"kind": "json"}),
    ("any", {"oneOf": [{"type": "string"}, {"type": "integer"}]}, {"kind": "json"}),
    ("any", {"$ref": "#/$defs/Missing"}, {"kind": "json"}),
    ("any", {"$ref": "https://example.com/schema"}, {"kind": "json"}),
    ("any", True, {"kind": "json"}),  # type: ignore[list-item]
]


def test_each_kind_of_schema_is_drawn_as_a_fitting_field(visitor: Visitor) -> None:
    visitor.open("/submit", "Submit a job")
    found = visitor.page.evaluate(
        """async ([root, cases]) => {
            const page = document.querySelector("script[type=module]").src;
            const { describe } = await import(new URL("pages/submit/schema.js", page));
            return cases.map(([name, schema]) => describe(name, schema, root));
        }""",
        [ROOT_SCHEMA, [[name, schema] for name, schema, _ in DRAWN]],
    )
    for (name, schema, expected), field in zip(DRAWN, found, strict=True):
        assert {key: field.get(key) for key in expected} == expected, (name, schema)


def test_a_schema_that_names_itself_ends(visitor: Visitor) -> None:
    tree = {**ROOT_SCHEMA, "properties": {"tree": {"$ref": "#/$defs/Tree"}}, "required": ["tree"]}
    visitor.open("/submit", "Submit a job")
    depth = visitor.page.evaluate(
        """async (root) => {
            const page = document.querySelector("script[type=module]").src;
            const { describe } = await import(new URL("pages/submit/schema.js", page));
            let depth = 0;
            let field = describe("tree", root.properties.tree, root, depth);
            while (field.kind === "object" && depth < 100) {
                depth += 1;
                field = describe("child", field.schema.properties.child, root, depth);
            }
            return depth;
        }""",
        tree,
    )
    assert depth == 4
