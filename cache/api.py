"""The public names of the cache."""
from .errors import CacheError

__all__ = ["CacheError"]
