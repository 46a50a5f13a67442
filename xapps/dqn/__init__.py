"""Deep Q-networks: as paper 1 prints it, and a fair one that sees the channel (papers 1 and 2)."""
