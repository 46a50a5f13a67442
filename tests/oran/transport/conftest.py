"""Property tests here share a busy machine with threads: an example has no deadline of its own."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
