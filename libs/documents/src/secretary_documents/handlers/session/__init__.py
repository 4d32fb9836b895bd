"""The ``session`` job: makes one Markdown file of a talk.

Its parameters, its steps and the combination of page, captions, recording and slides belong here.
Reading them belongs in ``web``, ``media`` and ``pdf``. Filling in the template belongs in
``templates``.
"""
