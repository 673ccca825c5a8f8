"""Read, check and scale samples, and serve them in batches."""
