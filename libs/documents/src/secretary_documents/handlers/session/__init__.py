"""The ``session`` job: makes one Markdown file of a talk.

The parameters, the steps and the combination of page, captions, recording and slides belong here.
The code that reads these sources belongs in ``web``, ``media`` and ``pdf``. The code that fills in
the template belongs in ``templates``.
"""
