"""The options of docling's clients as parameters of a job."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from secretary_api.compatible.convert_options import ConvertOptions
from secretary_api.compatible.ocr_language import tesseract_name


def parameters(**options: Any) -> dict[str, Any]:
    return ConvertOptions.model_validate(options).parameters()


def test_without_options_the_best_text_of_each_page_is_wanted_as_markdown() -> None:
    assert parameters() == {
        "extraction_method": "combined",
        "output": ["markdown"],
        "attachments": False,
        "page_start": 1,
    }


@pytest.mark.parametrize(
    ("options", "method"),
    [
        ({"do_ocr": True}, "combined"),
        ({"do_ocr": "false"}, "native"),
        ({"force_ocr": "true"}, "ocr"),
        ({"do_ocr": False, "force_ocr": True}, "ocr"),
    ],
)
def test_the_options_of_ocr_choose_the_method(options: dict[str, Any], method: str) -> None:
    assert parameters(**options)["extraction_method"] == method


@pytest.mark.parametrize("given", [["md", "json"], "json,md", '["json", "md"]', ["json", "md,md"]])
def test_formats_come_as_a_list_as_json_and_with_commas(given: Any) -> None:
    assert parameters(to_formats=given)["output"] == ["markdown", "json"]


@pytest.mark.parametrize(
    ("given", "pages"),
    [
        ([2, 5], (2, 5)),
        (["2", "5"], (2, 5)),
        ("2,5", (2, 5)),
        ("[2, 5]", (2, 5)),
        ([3, 9223372036854775807], (3, None)),
    ],
)
def test_page_ranges_come_in_each_form_that_clients_send(given: Any, pages: Any) -> None:
    made = parameters(page_range=given)
    assert (made["page_start"], made.get("page_end")) == pages


def test_languages_come_as_tags_and_as_the_names_of_engines() -> None:
    assert parameters(ocr_lang="en,deu,pt-BR,en")["language"] == ["eng", "deu", "por"]
    assert "language" not in parameters(ocr_lang=[])
    assert tesseract_name("zh-Hant") == "chi_tra"
    assert tesseract_name("ch_sim") == "chi_sim"
    assert tesseract_name("chi_sim") == "chi_sim"
    assert tesseract_name("xx") is None


@pytest.mark.parametrize(
    ("options", "engine"),
    [
        ({"ocr_engine": "tesserocr"}, None),
        ({"ocr_engine": "tesseract_cli"}, "tesseract"),
        ({"ocr_engine": "easyocr"}, None),
        ({"ocr_preset": "rapidocr"}, "rapidocr"),
    ],
)
def test_an_engine_of_ours_is_used_and_others_are_left_to_us(
    options: dict[str, str], engine: str | None
) -> None:
    assert parameters(**options).get("ocr_engine") == engine


@pytest.mark.parametrize(
    "options",
    [
        {"to_formats": ["doctags"]},
        {"to_formats": []},
        {"image_export_mode": "other"},
        {"page_range": [4, 2]},
        {"page_range": "[1"},
        {"page_range": [1]},
        {"ocr_lang": "../x"},
        {"pipeline": "vlm"},
        {"do_picture_description": "true"},
        {"do_code_enrichment": True},
        {"document_timeout": 0},
    ],
)
def test_what_would_change_the_result_and_is_not_possible_is_refused(
    options: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError):
        ConvertOptions.model_validate(options)


def test_options_that_change_nothing_here_are_accepted() -> None:
    ignored = {"table_mode": "fast", "pdf_backend": "dlparse_v4", "images_scale": 2.0}
    assert parameters(**ignored, do_picture_description=False, new_option={}) == parameters()
