"""A fake provider: the APIs of Mistral and OpenAI on one port of this machine.

It checks each request against the published interface and answers it, or fails as a test asks.
Nothing here knows how Secretary calls a provider: that is what the fake checks.
"""

from secretary_devstack.provider.answers import ChatReply
from secretary_devstack.provider.dialect import Dialect
from secretary_devstack.provider.misbehaviour import Misbehaviour
from secretary_devstack.provider.server import FakeProvider
from secretary_devstack.provider.wire import RecordedRequest

__all__ = ["ChatReply", "Dialect", "FakeProvider", "Misbehaviour", "RecordedRequest"]
