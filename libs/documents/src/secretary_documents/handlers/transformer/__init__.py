"""The ``transformer`` job: fills a template from a text or web page, or translates the text.

The parameters, the steps and the result of the job belong here. Templates belong in ``templates``.
"""
