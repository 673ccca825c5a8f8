"""Encoder, decoder, prototype head and losses."""
