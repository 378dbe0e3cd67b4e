"""Talking to other repositories: what one remote offers, fetching from it, pushing to it. Import from `api`."""
