"""Allocation under an imperfect channel: a learned belief of the true gains, and a decision that is robust under it."""
