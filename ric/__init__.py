"""A near-RT RIC for one machine; to xApps and E2 nodes it looks like the O-RAN-SC platform."""
