"""SS-VAE: semi-supervised variational auto-encoder with contrastive learning (paper 1), acting and learning half."""
