"""Git repositories in pure Python: objects, packs, refs, index, config and work tree. Public names: `api`."""
