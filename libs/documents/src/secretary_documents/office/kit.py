"""Converts one file with LibreOffice, in this process.

Called as ``python kit.py PROGRAM_FOLDER PROFILE SOURCE TARGET FORMAT``. LibreOffice is loaded as a
library (LibreOfficeKit), because its program ``soffice`` opens a socket, which the sandbox forbids.
This module imports only the standard library.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = ("libmergedlo.so", "libsofficeapp.so")
EXIT_NOT_LOADED = 3
EXIT_NOT_SAVED = 4
# The places of functions in the tables of LibreOfficeKit.h, which never change.
_LOAD = 2
_SAVE_AS = 2

_Pointer = ctypes.c_void_p
_Text = ctypes.c_char_p


def main() -> NoReturn:
    """Convert the file that the arguments name, and exit with 0 or with what failed."""
    program, profile, source, target, kind = sys.argv[1:]
    office = _start(Path(program), profile)
    load = _function(office, _LOAD, _Pointer, _Text)
    document = load(office, _url(source))
    if not document:
        _exit(EXIT_NOT_LOADED)
    save = _function(document, _SAVE_AS, ctypes.c_int, _Text, _Text, _Text)
    saved = save(document, _url(target), kind.encode(), None)
    _exit(0 if saved else EXIT_NOT_SAVED)


def _start(program: Path, profile: str) -> Any:
    library = next(path for name in LIBRARIES if (path := program / name).exists())
    hook = ctypes.CDLL(str(library)).libreofficekit_hook_2
    hook.restype, hook.argtypes = _Pointer, [_Text, _Text]
    return hook(os.fsencode(program), _url(profile))


def _function(thing: Any, place: int, result: Any, *arguments: Any) -> Any:
    """Return a function of *thing*, whose first word points to its table of functions."""
    table = ctypes.cast(thing, ctypes.POINTER(_Pointer))[0]
    address = ctypes.cast(table, ctypes.POINTER(_Pointer))[place]
    return ctypes.CFUNCTYPE(result, _Pointer, *arguments)(address)


def _url(path: str) -> bytes:
    return Path(path).as_uri().encode()


def _exit(code: int) -> NoReturn:
    # LibreOffice has threads, and its destructors may crash.
    os._exit(code)


if __name__ == "__main__":
    main()
