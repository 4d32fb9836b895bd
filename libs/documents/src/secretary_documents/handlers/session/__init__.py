"""The `session` job: a talk becomes one Markdown file.

Here belong its parameters, its steps, and how page, captions, recording and slides are combined.
Reading them belongs in `web`, `media` and `pdf`. Filling in the template belongs in `templates`.
"""
