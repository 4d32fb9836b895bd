"""The listing of templates."""

from support.api_harness import Api, data_of, error_of

from secretary_common.bootstrap import installed_templates
from secretary_common.models import TemplateField, TemplateInfo


async def test_templates_are_listed_by_name_with_languages_and_fields(api: Api) -> None:
    field = TemplateField(name="summary", type="text", description="What it says")
    await api.templates.announce(
        [
            TemplateInfo(name="Summary", languages=["de", "en"], fields=[field]),
            TemplateInfo(name="Mine", languages=[], fields=[]),
        ]
    )
    assert data_of(await api.get("/api/templates/"))["templates"] == [
        {"name": "Mine", "languages": [], "fields": []},
        {
            "name": "Summary",
            "languages": ["de", "en"],
            "fields": [{"name": "summary", "type": "text", "description": "What it says"}],
        },
    ]


async def test_the_listing_needs_a_key(api: Api) -> None:
    error_of(await api.get("/api/templates", key=None), 401, "UNAUTHORIZED")


def test_the_shipped_templates_are_announced_if_the_worker_is_installed() -> None:
    names = [info.name for info in installed_templates()]
    assert names == ["BlogPost", "ExtractSessionData", "MeetingMinutes", "Session", "Summary"]
