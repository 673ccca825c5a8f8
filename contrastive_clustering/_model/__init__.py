"""A whole fit, loading one, and exporting one."""
