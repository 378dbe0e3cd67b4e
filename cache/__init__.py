"""Content-addressed file cache and run cache. Public names: `api`."""
