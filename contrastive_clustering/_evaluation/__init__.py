"""Strata against labels, stability under resampling, and doubts."""
