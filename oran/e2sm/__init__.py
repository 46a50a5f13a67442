"""E2 service models: bytes to and from frozen dataclasses."""
