"""The non-RT rApp: trains, gates, stores and publishes what the xApps decide with."""
