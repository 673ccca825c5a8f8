"""From whatever X is to batches: reading, layout, units, scaling."""
