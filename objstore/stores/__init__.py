"""The things a Git folder holds on disk: objects, refs, the index; and the one place that locks and replaces files."""
