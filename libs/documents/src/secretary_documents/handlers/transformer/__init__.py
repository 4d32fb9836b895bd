"""The ``transformer`` job: fills a text or a web page into a template, or translates it.

The parameters, the steps and the result of the job belong here. Templates belong in ``templates``.
"""
