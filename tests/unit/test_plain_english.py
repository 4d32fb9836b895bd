"""Comments, docstrings and documents name the actor instead of a pronoun."""

from support.plain_english import places

# Some sentences need one of the words.
ALLOWED = 10


def test_pronouns_for_actors_stay_rare() -> None:
    found = list(places())
    assert len(found) <= ALLOWED, "\n".join(found)
