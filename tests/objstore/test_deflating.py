"""What deflates new objects. `isal` need not be there: another package of its name shows that it would be used."""

import subprocess
import sys
import zlib

import pytest
from expref.objstore.stores.deflating import LEVEL, WORTH_LOADING, deflater

from tests.conftest import needs

STAND_IN = """
import zlib
print("loaded")
def compress(content, level): return zlib.compress(content, 9)
def compressobj(level): return zlib.compressobj(9)
"""
WRITE = """
import io, sys
from expref.objstore.packing import BulkWriter
from expref.objstore.repository import Repository
objects = Repository.discover(".", {}).objects
if sys.argv[1] == "many":
    with BulkWriter(objects) as pack:
        print(*[pack.write("blob", b"%d" % number * 99) for number in range(200)], pack.write_blob(io.BytesIO(bytes(9)), 9))
else:
    size = int(sys.argv[1])
    print(objects.write_blob(io.BytesIO(bytes(size)), size))
"""


@pytest.fixture
def write(repo, child_env, tmp_path):
    """Write objects where a package `isal` is; returns what was printed."""
    (tmp_path / "site/isal").mkdir(parents=True)
    (tmp_path / "site/isal/__init__.py").touch()
    (tmp_path / "site/isal/isal_zlib.py").write_text(STAND_IN)
    path = f"{tmp_path}/site:{child_env['PYTHONPATH']}"
    environ = repo.environ | {"PATH": child_env["PATH"], "PYTHONPATH": path}

    def run(what):
        done = subprocess.run([sys.executable, "-c", WRITE, what], cwd=repo.path, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


@needs("git")
@pytest.mark.parametrize("what, count", [("many", 201), (str(WORTH_LOADING), 1)])
def test_much_is_deflated_by_it(repo, write, what, count):
    loaded, *ids = write(what)
    assert loaded == "loaded" and len(ids) == count
    repo.git("fsck", "--strict")
    assert all(repo.git("cat-file", "-t", id_) == "blob" for id_ in ids[:3])


@needs("git")
def test_for_little_it_is_not_loaded(repo, write):
    assert write("100") == [repo.git("hash-object", "--stdin", stdin=bytes(100))]


@pytest.mark.parametrize("size", [0, WORTH_LOADING])
def test_whatever_it_is_makes_streams_of_zlib(size):
    module, content = deflater(size), bytes(range(256)) * 40
    packer = module.compressobj(LEVEL)
    assert zlib.decompress(module.compress(content, LEVEL)) == content
    assert zlib.decompress(packer.compress(content) + packer.flush()) == content
