"""What an attempt used, added up."""

from secretary_common.jobs.resources import ResourceCalculator
from secretary_common.settings.provider import VisionSection


def test_what_was_not_used_is_not_mentioned() -> None:
    resources = ResourceCalculator()
    resources.add_cost("model", 0.0)
    assert resources.usage() == {}


def test_costs_add_up_by_model_and_in_all() -> None:
    resources = ResourceCalculator()
    for model, amount in (("a", 0.1), ("b", 0.25), ("a", 0.2)):
        resources.add_cost(model, amount)
    assert resources.usage() == {"cost": {"total": 0.55, "models": {"a": 0.3, "b": 0.25}}}


def test_tokens_cost_what_is_configured_for_a_million() -> None:
    prices = VisionSection(prompt_price_per_million=2.5, completion_price_per_million=10)
    assert prices.cost(prompt_tokens=2000, completion_tokens=100) == 0.006
