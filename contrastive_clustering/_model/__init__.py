"""The fitted model: fit, load and export it."""
