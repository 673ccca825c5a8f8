"""The command `contrastive-clustering`, for those who do not program."""
