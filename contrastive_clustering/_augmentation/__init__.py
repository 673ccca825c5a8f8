"""Random views of batches."""
