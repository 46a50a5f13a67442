"""The radio as pure functions on float64 arrays: batch axes lead, units in the names, generators as arguments."""
