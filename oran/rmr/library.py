"""librmr in Python, for ricxappframe where ``librmr_si.so`` is not installed.

ricxappframe 3.2.2 reaches librmr through one module, ``ricxappframe.rmr.rmrclib.rmrclib``.
:func:`install_if_absent` puts a module of that name in its place before the framework is imported;
everything above it is the framework's own code. Call semantics follow librmr 4.9.4: states, which
pointer survives a call, what a timeout returns. Where the real library loads, it is used.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final, Protocol

from oran.rmr.library_functions import LibraryFunctions, PointerTo
from oran.rmr.library_states import CONSTANTS, state_to_status

LIBRARY_NAME: Final = "librmr_si.so"
SEAM: Final = "ricxappframe.rmr.rmrclib.rmrclib"


class Log(Protocol):
    """What is needed of a logger; those of :mod:`logging` and of mdclogpy have it."""

    def info(self, message: str, /) -> None: ...

    def warning(self, message: str, /) -> None: ...


class Function:
    """One C function as ctypes shows it: callable, with ``restype`` and ``argtypes`` to set.

    A pointer result gets the caller's own ``restype``.
    """

    def __init__(self, implementation: Any) -> None:
        self._implementation = implementation
        self.restype: Any = None
        self.argtypes: Any = None

    def __call__(self, *arguments: Any) -> Any:
        result = self._implementation(*arguments)
        if not isinstance(result, PointerTo):
            return result
        return ctypes.cast(result.address, self.restype) if result.address else self.restype()


class Library:
    """Stands where ``ctypes.CDLL("librmr_si.so")`` stood: its attributes are the C functions."""

    def __init__(self, functions: LibraryFunctions) -> None:
        self.functions = functions
        self._wrapped: dict[str, Function] = {}

    def __getattr__(self, name: str) -> Function:
        if not name.startswith("rmr_"):
            raise AttributeError(name)
        if name not in self._wrapped:
            self._wrapped[name] = Function(getattr(self.functions, name))
        return self._wrapped[name]


def stand_in(environ: Mapping[str, str]) -> ModuleType:
    """A module with the face of ``rmrclib``: ``rmr_c_lib``, ``get_constants``, ``state_to_status``."""
    module = ModuleType(SEAM, __doc__)
    module.rmr_c_lib = Library(LibraryFunctions(environ))  # type: ignore[attr-defined]
    module.get_constants = lambda: dict(CONSTANTS)  # type: ignore[attr-defined]
    module.state_to_status = state_to_status  # type: ignore[attr-defined]
    return module


def install_if_absent(log: Log) -> bool:
    """Let ricxappframe be imported without librmr; true if the stand-in is in use.

    Call it before the first import of ricxappframe. Where the real library can be loaded, nothing
    is changed. The choice is logged.
    """
    if SEAM in sys.modules:
        return isinstance(getattr(sys.modules[SEAM], "rmr_c_lib", None), Library)
    try:
        ctypes.CDLL(LIBRARY_NAME, mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        sys.modules[SEAM] = stand_in(os.environ)
        log.warning(f"RMR: {LIBRARY_NAME} cannot be loaded ({error}); the Python stand-in is used")
        return True
    log.info(f"RMR: {LIBRARY_NAME} is used")
    return False
