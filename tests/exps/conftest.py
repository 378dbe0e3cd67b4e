"""Fixtures for all tests of expref.exps."""
from tests.projects import trained  # noqa: F401
