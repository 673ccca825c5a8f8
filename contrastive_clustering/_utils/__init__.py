"""What everything else may use: arrays, messages, seeds, devices, files."""
