"""The simulated E2 node: the simulator on one side, an E2 association on the other."""
