"""A fake provider: the APIs of Mistral and OpenAI on one port of this machine.

The fake checks each request against the published interface. It answers correctly, or fails as a
test demands. It shares no code with Secretary's clients, so it does not repeat their mistakes.
"""

from secretary_devstack.provider.answers import ChatReply, Spoken
from secretary_devstack.provider.dialect import Dialect
from secretary_devstack.provider.misbehaviour import Misbehaviour
from secretary_devstack.provider.server import FakeProvider
from secretary_devstack.provider.wire import RecordedRequest

__all__ = ["ChatReply", "Dialect", "FakeProvider", "Misbehaviour", "RecordedRequest", "Spoken"]
