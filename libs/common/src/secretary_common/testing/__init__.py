"""In-memory repositories and a recording doorbell, for tests.

They implement ``ports`` and pass the same contract suite as the MongoDB repositories. Production
code does not import them. Harnesses and samples of tests belong to ``tests/support``.
"""
