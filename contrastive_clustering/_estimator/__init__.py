"""The estimator: its parameters, methods and attributes."""
