"""Regular expressions without their price at start: neither `re` is loaded nor a pattern compiled before it is used.

Most commands need few of them. Flags of a `lazy_pattern` are written inside it, `(?i)`; annotations that name `re` are
in quotes. Type checkers see `re` and `re.compile`.
"""
from .lighttyping import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from re import compile as lazy_pattern

    __all__ = ["lazy_pattern", "re"]
else:

    class _Later:
        """Stands for the module, or for a pattern compiled by it; what is looked up in it is kept."""

        def __init__(self, pattern=None):
            self._pattern = pattern

        def __getattr__(self, name):
            import re

            found = getattr(re if self._pattern is None else re.compile(self._pattern), name)
            setattr(self, name, found)
            return found

    lazy_pattern, re = _Later, _Later()
