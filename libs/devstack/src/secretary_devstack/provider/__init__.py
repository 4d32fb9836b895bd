"""A provider that looks like Mistral and OpenAI, checks what it is asked, and misbehaves on cue."""

from secretary_devstack.provider.dialect import Dialect
from secretary_devstack.provider.misbehaviour import Misbehaviour
from secretary_devstack.provider.model import ChatReply
from secretary_devstack.provider.server import FakeProvider
from secretary_devstack.provider.wire import Asked

__all__ = ["Asked", "ChatReply", "Dialect", "FakeProvider", "Misbehaviour"]
