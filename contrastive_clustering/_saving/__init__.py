"""What a fit leaves behind, as trees that a schema describes; checkpoints."""
