"""Pages of talks, built like those of well-known conferences. All their text is our own."""

from pathlib import Path

PAGES = Path(__file__).parent / "pages"

FOSDEM_URL = "https://conf.example/2026/schedule/event/leases/"
FOSDEM = (PAGES / "schedule.html").read_text(encoding="utf-8")
PRETALX_URL = "https://talks.example/conf/talk/ABCDEF/"
PRETALX = (PAGES / "talk.html").read_text(encoding="utf-8")
CCC_URL = "https://media.example/v/42c3-1234-outbox"
CCC = (PAGES / "recording.html").read_text(encoding="utf-8")
