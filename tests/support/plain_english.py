"""Find the words that make our sentences hard to read: ``python tests/support/plain_english.py``.

The field's noun says more than one of these words: worker, handler, client, receiver, operator.
Comments, docstrings and Markdown documents are searched. Strings of the program are not.
"""

from __future__ import annotations

import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("libs", "services", "tests", "bench", "demo", "deploy", "docs", "examples")
# Prompts for models: the reader is no developer.
LEFT_OUT = "libs/documents/src/secretary_documents/templates/shipped"
WORDS = re.compile(
    r"\b(who|whoever|whom|nobody|somebody|anybody|told|tells?|anew)\b", re.IGNORECASE
)

_COMMENTED = ("*.toml", "*.yml", "*.yaml", "*.sh", "*.conf", "Dockerfile", "Makefile")
_BEFORE_A_STATEMENT = (
    tokenize.NEWLINE,
    tokenize.NL,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
)

Line = tuple[int, str]


def places(root: Path = ROOT) -> Iterator[str]:
    """Yield ``file:line: word: text`` for each use of one of the words."""
    for path, lines in _prose(root):
        for number, text in lines:
            for found in WORDS.finditer(text):
                yield f"{path.relative_to(root)}:{number}: {found[0]}: {text.strip()}"


def _prose(root: Path) -> Iterator[tuple[Path, Iterator[Line]]]:
    for path in _files(root, "*.py"):
        yield path, _python(path)
    for path in _files(root, "*.md"):
        if not path.is_relative_to(root / LEFT_OUT):
            yield path, iter(enumerate(path.read_text().splitlines(), start=1))
    for pattern in _COMMENTED:
        for path in _files(root, pattern):
            yield path, _hashed(path)


def _files(root: Path, pattern: str) -> list[Path]:
    nested = (path for folder in FOLDERS for path in (root / folder).rglob(pattern))
    return sorted([*root.glob(pattern), *nested])


def _python(path: Path) -> Iterator[Line]:
    """Yield the lines of comments, and of strings that are statements: docstrings."""
    if not WORDS.search(path.read_text()):
        return  # to take a file apart is slow
    before = tokenize.ENCODING
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            is_docstring = token.type == tokenize.STRING and before in _BEFORE_A_STATEMENT
            if token.type == tokenize.COMMENT or is_docstring:
                yield from enumerate(token.string.splitlines(), start=token.start[0])
            if token.type not in (tokenize.COMMENT, tokenize.NL):
                before = token.type


def _hashed(path: Path) -> Iterator[Line]:
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        _, hash_sign, comment = line.partition("#")
        if hash_sign:
            yield number, comment


def main() -> None:
    """Print each place, then the count of each word, then the count of all."""
    found = list(places())
    sys.stdout.writelines(f"{place}\n" for place in found)
    counts = Counter(place.split(": ")[1].lower() for place in found)
    sys.stdout.write(", ".join(f"{word} {count}" for word, count in counts.most_common()) + "\n")
    sys.stdout.write(f"{len(found)} in all\n")


if __name__ == "__main__":
    main()
