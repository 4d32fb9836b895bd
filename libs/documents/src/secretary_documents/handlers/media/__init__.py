"""The ``media`` job type: the transcript of a recording, with times, as JSON and as captions.

The parameters, the steps and the result of the job belong here. Fetching, converting and
transcribing recordings belongs in ``media``.
"""
