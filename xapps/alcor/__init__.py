"""ALCOR (paper 5): power control of interference links under demands that users change at run time."""
