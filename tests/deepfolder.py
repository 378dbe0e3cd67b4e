"""Folders deeper than Python recurses, and their removal: pytest's own ends in a RecursionError."""
import os
import subprocess
from contextlib import contextmanager


@contextmanager
def deep_folder(root, depth):
    """Make `root`/d/d/…, `depth` levels; yield a descriptor of the last. All of it is gone when the block is left."""
    here = os.open(root, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)
        subprocess.run(["rm", "-rf", os.path.join(root, "d")], check=True)


def write_in(folder, name, content):
    """Make or overwrite a file in the folder of a descriptor."""
    with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644, dir_fd=folder), "wb") as file:
        file.write(content)
