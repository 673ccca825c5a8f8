"""Evaluation against labels, stability under resampling, and sanity checks."""
