"""Completes the OpenAPI document that FastAPI derives from the routes.

The examples of answers and failures, the links between operations, and the schemas of bodies that
routes read by themselves belong here. The descriptions of fields stand at the fields.
"""
