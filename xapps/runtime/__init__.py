"""What every xApp shares."""
