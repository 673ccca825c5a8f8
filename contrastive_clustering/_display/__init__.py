"""Pictures of strata, in scikit-learn's convention of displays."""
