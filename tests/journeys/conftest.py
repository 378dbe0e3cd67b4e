"""Fixtures for all journeys."""

import os
import shutil
import subprocess

import pytest

from tests.projects import trained  # noqa: F401


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes, where the test may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
