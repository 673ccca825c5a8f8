"""The state of a fit as trees that a schema describes; checkpoints."""
