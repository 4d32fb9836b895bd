"""The control words of rich text (RTF) that begin groups, describe tables and mark lists."""

from __future__ import annotations

TABLE_WORDS = frozenset({"trowd", "clmrg", "clvmrg", "cellx", "trhdr"})
SKIPPED = frozenset(
    {
        *("colortbl", "objdata", "listtable", "listoverridetable", "revtbl", "themedata"),
        *("datastore", "latentstyles", "xmlnstbl", "generator", "rsidtbl", "filetbl", "nonshppict"),
        *("ftnsep", "ftnsepc", "aftnsep", "aftnsepc", "bkmkstart", "bkmkend", "xe", "tc"),
        # Of a shape: the names of its properties, and its form for older readers.
        *("sn", "shprslt"),
    }
)
PLACES = frozenset(
    {
        *(
            "fonttbl",
            "stylesheet",
            "info",
            "title",
            "author",
            "footnote",
            "fldinst",
            "listtext",
            "pntext",
            "pict",
            "sv",  # the value of a property of a shape, which may be a picture
        ),
        *("header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"),
    }
)
KNOWN_STARRED = frozenset({"shppict", "shpinst", "fldinst", "pntext", "listtext"})


def shown_marker(marker: str) -> str:
    """Return *marker*; characters of symbol fonts become a bullet."""
    return marker if any(map(str.isalnum, marker)) and marker.isascii() else "•"
