"""Fixtures for all journeys."""
from tests.projects import trained  # noqa: F401
