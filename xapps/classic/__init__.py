"""Allocators that need no model: from the plainest to the certified optimum, all behind the same face."""
