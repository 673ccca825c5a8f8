"""The second phase: network and prototypes trained together."""
