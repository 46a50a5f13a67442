"""What learners share: presets, and a training by gradient steps of a fixed number."""
