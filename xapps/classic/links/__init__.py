"""Power control of interference links (paper 5): references that any learned policy is measured by.

Gains |h|^2 have shape (B, N, N) with the receiver's axis first, powers (B, N) with 0 <= p <= p_max.
"""
