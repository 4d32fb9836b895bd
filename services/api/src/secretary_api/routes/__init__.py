"""The paths of the API, with their requests and answers.

A route decides only the form of an answer: its status, its headers, and fields that only admins
see. The rules of jobs and files belong to ``jobs`` and ``files``.
"""
