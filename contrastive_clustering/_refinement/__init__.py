"""The second phase: the network and prototypes are trained together."""
