"""A provider that looks like Mistral and OpenAI, checks what it is asked, and misbehaves on cue."""

from secretary_devstack.provider.misbehaviour import Misbehaviour
from secretary_devstack.provider.model import ChatReply
from secretary_devstack.provider.server import Asked, Dialect, FakeProvider

__all__ = ["Asked", "ChatReply", "Dialect", "FakeProvider", "Misbehaviour"]
