"""The bodies of requests and answers, as pydantic models; ``/docs`` shows them.

Models of the store belong to ``secretary_common.models``.
"""
