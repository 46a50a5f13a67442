"""The radio: physics, scenarios, simulator and the E2 node that serves it."""
