"""A route that FastAPI finds and describes, and whose endpoint does the rest by itself.

FastAPI resolves the dependencies of an endpoint for each request and checks each answer against its
model. On the busiest routes that costs more than all their other work.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send


class ThinRoute(APIRoute):
    """Calls its endpoint with the request alone, and sends the response that it returns.

    ``dependencies`` and ``response_model`` of such a route are its description in OpenAPI, no more.
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the route fits the path and the method, and what it adds to the scope.

        It does what the class above does for a path whose parameters are all texts.
        """
        found = self.path_regex.match(scope["path"])
        if found is None:
            return Match.NONE, {}
        match = Match.FULL if scope["method"] in (self.methods or ()) else Match.PARTIAL
        params = found.groupdict()
        return match, {"endpoint": self.endpoint, "path_params": params, "route": self}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # refuses the method
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
