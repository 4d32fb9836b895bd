"""The ``transformer`` job: fills a text or a web page into a template, or translates it.

Its parameters, its steps and its result belong here. The templates belong in ``templates``.
"""
