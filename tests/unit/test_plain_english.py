"""Comments, docstrings and documents name the actor instead of a pronoun."""

from support.plain_english import places

# A few sentences need one of the words, e.g. "tell apart".
ALLOWED = 161


def test_pronouns_for_actors_stay_rare() -> None:
    found = list(places())
    assert len(found) <= ALLOWED, "\n".join(found)
