"""The facts about a talk from parameters and page, and the values for its Markdown."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.page_samples import CCC, CCC_URL, FOSDEM, FOSDEM_URL

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.handlers.parameter import parse_parameters
from secretary_documents.handlers.session.markdown import video_player
from secretary_documents.handlers.session.parameters import SessionParameters
from secretary_documents.handlers.session.plan import SessionPlan, plan_session, slug
from secretary_documents.web.html import read_html

SCHEMA = SessionParameters.model_json_schema()
FOSDEM_PAGE = read_html(FOSDEM, FOSDEM_URL)
CCC_PAGE = read_html(CCC, CCC_URL)


def parsed(**parameters: Any) -> SessionParameters:
    return parse_parameters(SessionParameters, {"url": "https://example.org", **parameters})


def planned(page: Any = FOSDEM_PAGE, **parameters: Any) -> SessionPlan:
    return plan_session(parsed(**parameters), page)


ORIGINAL: dict[str, Any] = {
    "event": "Conf",
    "session": "Talk",
    "url": "https://example.org/talk",
    "filename": "talk.md",
    "track": "Main",
}
REFUSED: list[dict[str, Any]] = [
    {},
    {**ORIGINAL, "filename": "../../x"},
    {**ORIGINAL, "filename": "/etc/x"},
    {**ORIGINAL, "filename": "a\\b"},
    {**ORIGINAL, "filename": ".."},
    {**ORIGINAL, "filename": ".hidden"},
    {**ORIGINAL, "filename": "a\0b"},
    {**ORIGINAL, "template": "../../etc/passwd"},
    {**ORIGINAL, "url": ""},
    {**ORIGINAL, "speakers": "Jo"},
    {**ORIGINAL, "target_language": "auto"},
]


def test_documented_and_other_parameters_are_accepted_and_the_others_are_context() -> None:
    given = {**ORIGINAL, "room": {"name": "H.1"}, "speakers": ["Jo"], "starttime": "10:00"}
    assert Draft202012Validator(SCHEMA).is_valid(given)
    parameters = parse_parameters(SessionParameters, given)
    assert parameters.extra == {"room": {"name": "H.1"}}
    assert (parameters.source_language, parameters.target_language) == ("en", "de")
    assert (parameters.template, parameters.create_archive) == ("Session", True)


@pytest.mark.parametrize("given", REFUSED)
def test_model_and_schema_refuse_the_same(given: dict[str, Any]) -> None:
    assert not Draft202012Validator(SCHEMA).is_valid(given)
    with pytest.raises(PermanentError) as caught:
        parse_parameters(SessionParameters, given)
    assert caught.value.code == ErrorCode.VALIDATION_ERROR


def test_a_url_alone_is_enough() -> None:
    plan = planned()
    assert plan.facts == {
        "session": "Leases that end",
        "track": "Databases devroom",
        "day": "Saturday",
        "starttime": "09:30",
        "endtime": "10:15",
        "speakers": ["Käthe Müller", "Jo O'Neil"],
        "speakers_url": [
            "https://conf.example/2026/schedule/speaker/kaethe_mueller/",
            "https://conf.example/2026/schedule/speaker/jo/",
        ],
        "video_url": "https://video.conf.example/2026/h1301/leases.av1.webm",
        "attachments_url": "https://conf.example/2026/events/attachments/leases/slides/42/leases.pdf",
        "url": FOSDEM_URL,
    }
    assert plan.stem == "Leases-that-end"
    assert plan.captions is not None
    assert plan.captions.url.endswith("leases.vtt")


def test_parameters_win_over_the_page() -> None:
    plan = planned(
        session="Mine",
        speakers=["Me"],
        video_url="https://example.org/v.mp4",
        attachments_url="https://example.org/s.pdf",
        filename="name.md",
        video_transcript="said",
    )
    assert plan.facts["session"] == "Mine"
    assert plan.facts["speakers"] == ["Me"]
    assert plan.facts["track"] == "Databases devroom"
    assert plan.video_url == "https://example.org/v.mp4"
    assert plan.attachments[0].url == plan.facts["attachments_url"] == "https://example.org/s.pdf"
    assert plan.attachments[1].url.endswith("leases.pdf")
    assert plan.stem == "name"
    assert plan.captions is None


def test_captions_in_the_language_of_the_talk_come_first() -> None:
    html = "".join(
        f"<track src={name} srclang={language}>"
        for name, language in (("a.vtt", "fr"), ("b.vtt", "de"))
    )
    page = read_html(f"<video>{html}</video>", "https://example.org")
    found = [planned(page, source_language=language).captions for language in ("de", "en")]
    assert [link.url[-5:] for link in found if link] == ["b.vtt", "a.vtt"]


def test_structured_data_of_a_page_gives_event_and_recording() -> None:
    plan = planned(CCC_PAGE)
    assert plan.facts["event"] == "42C3"
    assert plan.video_url == "https://cdn.example/hd.webm"
    assert plan.attachments == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Leases: that/end?", "Leases-that-end"),
        ("Über „Größe“", "Über-Größe"),
        ("../..", ""),
        ("🙂", ""),
        ("x" * 99, "x" * 80),
    ],
)
def test_a_title_becomes_a_name_of_letters_digits_and_dashes(text: str, name: str) -> None:
    assert slug(text) == name


@pytest.mark.parametrize(
    ("url", "player"),
    [
        (None, ""),
        (
            "https://h/a.mp4?x=1&y=2",
            '<video controls width="640" src="https://h/a.mp4?x=1&amp;y=2">',
        ),
        (
            "https://www.youtube.com/watch?t=1&v=abcdefghijk",
            'src="https://www.youtube-nocookie.com/embed/abcdefghijk"',
        ),
        (
            "https://youtu.be/abcdefghijk",
            'src="https://www.youtube-nocookie.com/embed/abcdefghijk"',
        ),
        ("https://vimeo.com/123456", 'src="https://player.vimeo.com/video/123456"'),
        ('https://h/a.mp4"><script>', "<https://h/a.mp4&quot;&gt;&lt;script&gt;>"),
        ("https://h/watch", "<https://h/watch>"),
    ],
)
def test_a_recording_is_played_from_its_address_and_the_address_is_escaped(
    url: str | None, player: str
) -> None:
    assert player in video_player(url)
    assert "<script" not in video_player(url)
