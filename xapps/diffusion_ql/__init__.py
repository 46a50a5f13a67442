"""Diffusion-QL (paper 2): answers drawn by a conditional denoising diffusion, guided by a learned Q."""
