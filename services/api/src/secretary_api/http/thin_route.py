"""A route that FastAPI finds and describes, and whose endpoint does the rest by itself.

FastAPI resolves the dependencies of an endpoint for each request and checks each answer against its
model. On the busiest routes that costs more than all their other work.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send


class ThinRoute(APIRoute):
    """Calls its endpoint with the request alone, and sends the response that it returns.

    ``dependencies`` and ``response_model`` of such a route are its description in OpenAPI, no more.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # refuses the method
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
