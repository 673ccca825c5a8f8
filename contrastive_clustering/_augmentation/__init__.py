"""Random augmentations of batches."""
