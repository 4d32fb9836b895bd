"""The figures of the whole system that the overview of the dashboard shows.

Counting may take long when many jobs wait, so these figures are a few seconds old: requests share
what was counted last, and never count by themselves. Here belong the remembered answers, the
history of the last hour and the overview made of both. Exact counts belong to ``jobs``.
"""
