"""RMR, the message bus of the O-RAN-SC near-RT RIC: byte-compatible with librmr 4.9 on the wire."""
