"""The figures of the whole system, for the overview of the dashboard and for the metrics.

Counting may take long when many jobs wait, so these figures are a few seconds old: requests share
what was counted last, and never count by themselves. The remembered answers, the history of the
last hour, the overview made of both, and the gauges belong here. Exact counts belong to ``jobs``.
"""
