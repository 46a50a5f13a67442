"""The O-RAN standards as code: E2AP, service models, transports, RMR, A1 and the platform's REST interfaces."""
