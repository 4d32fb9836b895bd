"""The names of metrics follow Prometheus' conventions, and each service shows its own metrics."""

import re
from collections.abc import Iterator

import pytest
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from support.metric_modules import MODULES, metrics_of

NAME = re.compile(r"secretary(_[a-z0-9]+)+")
# Prometheus counts in base units; these would be other units of the same quantities.
OTHER_UNITS = re.compile(
    r"_(ms|millis|milliseconds|minutes|hours|days|sec|kb|mb|gb|kilobytes|megabytes|percent)(_|$)"
)
TIMES_AND_SIZES = re.compile(r"_(wait|silence|lag|duration|free|size|stored|due)(_|$)")
UNITS = ("seconds", "bytes", "items")
COUNTED = frozenset({"secretary_worker_slots_free"})
"""Gauges whose names look like a time or a size, and which count things."""


def everything() -> Iterator[MetricWrapperBase]:
    for module in MODULES:
        yield from metrics_of(module).values()


ALL = [pytest.param(metric, id=metric._name) for metric in everything()]


@pytest.mark.parametrize("metric", ALL)
def test_a_name_begins_with_the_system_and_has_no_other_than_base_units(
    metric: MetricWrapperBase,
) -> None:
    name = metric._name
    assert NAME.fullmatch(name)
    assert not OTHER_UNITS.search(name)


@pytest.mark.parametrize("metric", ALL)
def test_a_name_ends_with_its_unit(metric: MetricWrapperBase) -> None:
    [family] = metric.describe()
    name = family.name
    if isinstance(metric, Counter):
        assert not name.endswith("_total")  # the client adds it
    else:
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_info"))
    if isinstance(metric, Histogram):
        assert name.endswith(UNITS)
    if isinstance(metric, Gauge) and TIMES_AND_SIZES.search(name) and name not in COUNTED:
        assert name.endswith(UNITS)


@pytest.mark.parametrize("metric", ALL)
def test_a_help_text_is_a_sentence_without_a_stop(metric: MetricWrapperBase) -> None:
    [family] = metric.describe()
    assert re.fullmatch(r"[A-Z0-9].{15,}[^.]", family.documentation)


@pytest.mark.parametrize("metric", ALL)
def test_no_label_repeats_the_name_or_has_a_reserved_name(metric: MetricWrapperBase) -> None:
    for label in metric._labelnames:
        assert re.fullmatch(r"[a-z][a-z_]*", label)
        assert label not in ("instance", "job", "le", "quantile")


def test_no_two_modules_have_a_metric_of_one_name() -> None:
    names = [metric._name for metric in everything()]
    assert len(names) == len(set(names))
    assert len(names) > 50
