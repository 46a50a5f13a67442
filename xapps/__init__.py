"""The allocators, each an xApp on ``ricxappframe``."""
