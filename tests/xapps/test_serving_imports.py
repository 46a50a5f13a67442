"""What an xApp must do without: torch alone would be two thirds of its image."""

from __future__ import annotations

import subprocess
import sys

SERVE = """
import logging, sys
from oran.rmr import library
library.install_if_absent(logging.getLogger())
import xapps.runtime.process, xapps.kpimon.process
from xapps import allocators
for name in (*allocators.ALLOCATORS, *allocators.LEARNED):
    allocators.load_class(name)
assert "torch" not in sys.modules, "torch is imported"
"""


def test_no_xapp_imports_torch_to_serve() -> None:
    subprocess.run([sys.executable, "-c", SERVE], check=True, capture_output=True, timeout=60)
