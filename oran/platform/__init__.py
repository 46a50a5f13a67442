"""The platform's REST and policy interfaces as an xApp or rApp sees them: typed payloads, synchronous clients."""
