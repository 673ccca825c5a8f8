"""Clustering of latents with NumPy and scikit-learn."""
