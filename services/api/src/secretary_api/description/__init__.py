"""The OpenAPI document, completed: what FastAPI derives from the routes is not all of it.

Here: the examples of answers and failures, the links between operations, and the schemas of bodies
that routes read by themselves. Not here: descriptions of fields, which stand at the fields.
"""
