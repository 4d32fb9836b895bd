"""The resources of an attempt."""

from secretary_common.jobs.resource_calculator import ResourceCalculator
from secretary_common.settings.provider import VisionSection


def test_unused_resources_are_left_out() -> None:
    resources = ResourceCalculator()
    resources.add_cost("model", 0.0)
    assert resources.usage() == {}


def test_costs_add_up_by_model_and_in_total() -> None:
    resources = ResourceCalculator()
    for model, amount in (("a", 0.1), ("b", 0.25), ("a", 0.2)):
        resources.add_cost(model, amount)
    assert resources.usage() == {"cost": {"total": 0.55, "models": {"a": 0.3, "b": 0.25}}}


def test_prices_of_tokens_are_per_million() -> None:
    prices = VisionSection(prompt_price_per_million=2.5, completion_price_per_million=10)
    assert prices.cost(prompt_tokens=2000, completion_tokens=100) == 0.006
