"""The control words of rich text (RTF) that begin groups and describe tables."""

from __future__ import annotations

TABLE_WORDS = frozenset({"trowd", "clmrg", "clvmrg", "cellx", "trhdr"})
SKIPPED = frozenset(
    {
        *("colortbl", "pict", "object", "listtable", "listoverridetable", "revtbl", "themedata"),
        *("datastore", "latentstyles", "xmlnstbl", "generator", "rsidtbl", "filetbl", "nonshppict"),
        *("ftnsep", "ftnsepc", "aftnsep", "aftnsepc", "bkmkstart", "bkmkend", "xe", "tc"),
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
        ),
        *("header", "headerl", "headerr", "footer", "footerl", "footerr"),
    }
)
KNOWN_STARRED = frozenset({"shppict", "shpinst", "fldinst", "pntext", "listtext"})
