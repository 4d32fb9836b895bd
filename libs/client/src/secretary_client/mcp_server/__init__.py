"""The MCP server: tools with which a language model reads documents and manages jobs.

The package ``mcp`` (extra ``mcp``) speaks the protocol. What belongs here is what the tools do,
which files they may read, and how results fit into a conversation. Calls of the API belong into
the client.
"""
