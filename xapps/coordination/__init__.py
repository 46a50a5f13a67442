"""Interfering cells coordinated: foreseen changes of RU, best responses of one RU after the other, moves."""
