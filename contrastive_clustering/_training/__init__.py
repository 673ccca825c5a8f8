"""The first phase: skorch nets, their parameters and callbacks."""
