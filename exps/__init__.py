"""Experiments inside a Git repository: save, list, compare. Public names: `api`."""
