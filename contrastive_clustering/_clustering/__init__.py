"""From latents to clusters, with NumPy and scikit-learn."""
