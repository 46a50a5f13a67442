"""The whole suite on one machine: its processes, the demo, what the demo leaves behind."""
