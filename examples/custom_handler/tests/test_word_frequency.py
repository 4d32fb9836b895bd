"""The promises of the example. Run them with ``python -m pytest`` in its folder."""

from collections import Counter
from typing import Any

import pytest
from attempt_harness import Ran, run
from pydantic import ValidationError

from word_frequency.frequency import count_words
from word_frequency.handler import handle_word_frequency
from word_frequency.parameter import WordFrequencyParameters


async def ran(**parameters: Any) -> Ran:
    return await run(handle_word_frequency, parameters, params=WordFrequencyParameters)


def test_words_of_any_case_and_language_are_counted() -> None:
    counted = count_words("Über über the O'Neill and_2 — l'été", ignore=["The"])
    assert counted == Counter({"über": 2, "o'neill": 1, "and": 1, "l'été": 1})


async def test_a_job_returns_the_most_frequent_words_and_lists_all_in_a_file() -> None:
    done = await ran(text="the cat, the dog; the bird", top=1)
    assert done.status == "completed"
    assert done.results == {"words": 6, "different_words": 4, "most_common": [["the", 3]]}
    assert done.files["words.csv"].decode().startswith("word,count\nthe,3\n")
    assert done.progress == [("counting", 10), ("writing", 80)]


async def test_a_text_without_words_fails_at_once_with_a_code() -> None:
    done = await ran(text="123 …")
    assert (done.status, done.error and done.error.code) == ("failed", "NO_WORDS")
    assert done.files == {}


@pytest.mark.parametrize("parameters", [{}, {"text": "a", "top": 0}, {"text": "a", "tpo": 1}])
async def test_bad_parameters_never_reach_the_handler(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        await ran(**parameters)
