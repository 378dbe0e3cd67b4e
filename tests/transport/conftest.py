"""What the tests of transports share: the servers, and a client's settings."""
import pytest
from expref.objstore.config import Config
from expref.objstore.ids import ObjectId
from expref.objstore.transport.api import PushCommand, open_remote

from tests.servers import daemon, jgit, proxy, sshd, web  # noqa: F401


class Client:
    """A user with a repository of two commits, and with settings of their own."""

    def __init__(self, repo):
        self.repo = repo
        repo.write("a", b"hello")
        self.first = ObjectId.fromhex(repo.commit("one"))
        repo.write("a", b"hello again")
        self.tip = ObjectId.fromhex(repo.commit("two"))

    def setting(self, name, value):
        self.repo.git("config", "--global", "--add", name, value)

    def open(self, url, *, ask=None, env=None, **options):
        environ = self.repo.environ | (env or {})
        config = Config.load(environ)
        return open_remote(url, config=config, environ=environ, ask=ask, **options)

    def pack(self, *revisions):
        """The blocks of a pack with what `revisions` reach, as one would push them."""
        asked = "".join(f"{each}\n" for each in revisions or ["HEAD"]).encode()
        content = self.repo.git_bytes("pack-objects", "--revs", "--stdout", "--thin", "-q", stdin=asked)
        return (content[at : at + 1000] for at in range(0, len(content), 1000))

    def push_main(self, url, **options):
        """Make refs/heads/main there; return the results."""
        with self.open(url, **options) as remote:
            return remote.push([PushCommand("refs/heads/main", self.tip, None)], self.pack())

    def large(self, size):
        """A commit with a file that does not compress; return its id."""
        import random

        self.repo.write("large", random.Random(0).randbytes(size))
        return ObjectId.fromhex(self.repo.commit("large"))


class Content:
    """A sink that keeps everything."""

    def __init__(self):
        self.content = bytearray()

    def write(self, block):
        self.content += block

    def objects(self):
        """How many entries the pack says to have."""
        assert self.content[:4] == b"PACK"
        return int.from_bytes(self.content[8:12], "big")


@pytest.fixture
def client(repo):
    return Client(repo)


@pytest.fixture
def sink():
    return Content()
