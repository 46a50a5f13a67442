"""Starts the image's xApp: its own program where it has one, else the one that runs allocators."""

import os
import runpy
from importlib.util import find_spec

own = f"xapps.{os.environ['XAPP']}.__main__"
runpy.run_module(own if find_spec(own) is not None else "xapps.runtime.__main__", run_name="__main__", alter_sys=True)
