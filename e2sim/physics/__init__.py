"""The radio as pure functions on float64 arrays: batch axes lead, units stand in the names, generators are arguments."""
