"""Git's formats as pure functions: bytes and values in and out, no path, socket, clock or environment."""
