"""What learners share that learn by gradient steps of a fixed number."""
