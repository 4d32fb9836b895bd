"""All metrics of all services, for tests that compare names with them."""

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

import secretary_api.overview.queue_figures
import secretary_common.runtime.metrics
import secretary_notifier.metrics
import secretary_worker.metrics

MODULES = (
    secretary_common.runtime.metrics,
    secretary_api.overview.queue_figures,
    secretary_worker.metrics,
    secretary_notifier.metrics,
)


def metrics_of(module: object) -> dict[str, MetricWrapperBase]:
    """Return the metrics of *module* by the names of its constants."""
    return {
        name: value for name, value in vars(module).items() if isinstance(value, MetricWrapperBase)
    }


def series() -> dict[str, frozenset[str]]:
    """Return the name of each series that services show, with the names of its labels."""
    found = {}
    for module in MODULES:
        for metric in metrics_of(module).values():
            labels = frozenset(metric._labelnames)
            if isinstance(metric, Counter):
                found[f"{metric._name}_total"] = labels
            elif isinstance(metric, Histogram):
                found |= {f"{metric._name}_bucket": labels | {"le"}}
                found |= {f"{metric._name}{part}": labels for part in ("_sum", "_count")}
            else:
                found[metric._name] = labels
    return found
