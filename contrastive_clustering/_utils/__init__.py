"""Utilities for all other packages: arrays, messages, seeds, devices, files."""
