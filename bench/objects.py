"""How long does it take to read every object of a large pack, or 10,000 in any order? Beside git, dulwich, pygit2.

And how much memory: walking 400 MB, writing and reading a blob of 2 GB. The packs are made by `git fast-import`: texts
in versions that differ in a few lines, each a delta on the one before, as a repository of many small commits has them.
Every side reads its own copy. Figures are of whole processes.
"""
import base64
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.inputs import call
from bench.refs import versions
from bench.runner import Peer, compare, default_places, environment_beside

WALK_DULWICH, WALK_GIT = 1.0, 3.0  # of their time
RANDOM_DULWICH, RANDOM_PYGIT2 = 0.7, 1.3
WALK_MEMORY, BLOB_MEMORY = 200, 60  # MiB at most
RANDOM_IDS = 10_000

GIT_WALK = "git cat-file --batch-all-objects --batch --unordered --buffer > /dev/null"
GIT_RANDOM = "git cat-file --batch --buffer < ids > /dev/null"
OPEN = """
from expref.objstore.api import ObjectId, Repository
objects = Repository.discover(".", {"GIT_DIR": "."}).objects
"""
WALK = OPEN + """
for pack in objects.packs():
    count = sum(1 for each in objects.walk(pack))
assert count == int(open("count").read())
"""
DULWICH_WALK = """
import glob
from dulwich.object_format import SHA1
from dulwich.pack import Pack, PackInflater
for path in glob.glob("objects/pack/*.pack"):
    count = sum(1 for each in PackInflater.for_pack_data(Pack(path[:-5], object_format=SHA1).data) if each.id)
assert count == int(open("count").read())
"""
RANDOM = OPEN + """
for line in open("ids"):
    assert objects.find(ObjectId(bytes.fromhex(line))).content is not None
"""
DULWICH_RANDOM = """
from dulwich.object_store import DiskObjectStore
objects = DiskObjectStore("objects")
for line in open("ids", "rb"):
    assert objects.get_raw(line.strip())[1] is not None
"""
PYGIT2_RANDOM = """
import pygit2
objects = pygit2.Repository(".").odb
for line in open("ids"):
    assert objects.read(line.strip()) is not None
"""
WRITE_BLOB = OPEN + """
import os
with open("blob", "rb") as file:
    print(objects.write_blob(file, os.path.getsize("blob")), file=open("id", "w"))
"""
READ_BLOB = OPEN + """
import os
with objects.open_blob(ObjectId(bytes.fromhex(open("id").read()))) as reader:
    assert sum(map(len, reader)) == reader.size == os.path.getsize("blob")
"""


def run(setting):
    """The comparisons, and the versions of the peers."""
    with tempfile.TemporaryDirectory(prefix="bench-objects-", dir=default_places()[0]) as top:
        comparisons = [walk(setting, versioned(setting, top))]
        large = make_history(Path(top, "large"), files=2_000 if setting.small else 27_000, size=20_000, words=False)
        comparisons.append(walk_memory(setting, large))
    return [*comparisons, *blob_memory(setting, 100 << 20 if setting.small else 2 << 30)], versions(setting)


def run_random(setting):
    """The comparison of reads in any order, and the versions of the peers."""
    with tempfile.TemporaryDirectory(prefix="bench-objects-", dir=default_places()[0]) as top:
        return [random_reads(setting, versioned(setting, top))], versions(setting)


def versioned(setting, top):
    return make_history(Path(top, "history"), files=2_000 if setting.small else 36_000, size=10_000)


def walk(setting, history):
    dulwich = setting.peer and [setting.peer, "-c", DULWICH_WALK]
    return compare(
        f"every object of a pack of {megabytes(history)} MB, ids verified",
        ours={"expref": [setting.python, "-c", WALK]},
        peers={
            "dulwich": Peer(dulwich, WALK_DULWICH, "dulwich not found"),
            "git cat-file --unordered --buffer": Peer(["sh", "-c", GIT_WALK], WALK_GIT),
        },
        setup=lambda folder, _command: copy(history, folder),
        rounds=3,
        places=default_places()[:1],
    )


def random_reads(setting, history):
    return compare(
        f"{RANDOM_IDS} random objects of the same pack by their ids",
        ours={"expref": [setting.python, "-c", RANDOM]},
        peers={
            "dulwich": Peer(setting.peer and [setting.peer, "-c", DULWICH_RANDOM], RANDOM_DULWICH, "dulwich not found"),
            "pygit2": Peer(setting.peer and [setting.peer, "-c", PYGIT2_RANDOM], RANDOM_PYGIT2, "pygit2 not found"),
            "git cat-file --buffer": Peer(["sh", "-c", GIT_RANDOM]),
        },
        setup=lambda folder, _command: copy(history, folder),
        rounds=5,
        places=default_places()[:1],
    )


def walk_memory(setting, large):
    return compare(
        f"memory: every object of a pack of {megabytes(large)} MB (at most {WALK_MEMORY} MiB)",
        ours={"expref": [setting.python, "-c", WALK]},
        peers={"dulwich": Peer(setting.peer and [setting.peer, "-c", DULWICH_WALK], None, "dulwich not found")},
        setup=lambda folder, _command: copy(large, folder),
        rounds=3,
        places=default_places()[:1],
    )


def blob_memory(setting, size):
    """Of zeros: what it takes in time is that of no other blob."""
    for what, code, git in (
        ("written", WRITE_BLOB, "git hash-object -w --no-filters blob"),
        ("read", READ_BLOB, "git cat-file blob $(cat id) > /dev/null"),
    ):
        yield compare(
            f"memory: a blob of {size >> 20} MiB, {what} (at most {BLOB_MEMORY} MiB)",
            ours={"expref": [setting.python, "-c", code]},
            peers={"git": Peer(["sh", "-c", git])},
            setup=lambda folder, _command: make_blob(folder, size),
            before=lambda folder, _number, what=what: forget_blob(folder) if what == "written" else None,
            rounds=3,
            places=default_places()[:1],
        )


def make_history(folder, *, files, size, words=True):
    """A bare repository with one pack: `files` texts of `size` bytes in four versions, a commit for each 40 changes.

    Beside it in the folder: `count`, the number of objects, and `ids`, some of them in any order.
    """
    call(Path(tempfile.gettempdir()), "git", "init", "--quiet", "--bare", str(folder))
    env = environment_beside(folder)
    importer = subprocess.Popen(
        ["git", "fast-import", "--quiet", "--depth=50"], cwd=folder, env=env, stdin=subprocess.PIPE
    )
    rng = random.Random(1)
    dictionary = [base64.b32encode(rng.randbytes(rng.randrange(2, 7))).strip(b"=").lower() for _ in range(20_000)]
    for number in range(files):
        text = lines_of(rng, dictionary, size) if words else base64.b64encode(rng.randbytes(size * 3 // 4))
        for version in range(4):
            at = rng.randrange(max(1, len(text)))
            text = text[:at] + b" changed %d\n" % version + text[at + 20 :]
            importer.stdin.write(b"blob\nmark :%d\ndata %d\n%s\n" % (4 * number + version + 1, len(text), text))
    changes = [(number, version) for version in range(4) for number in range(files)]
    for first in range(0, len(changes), 40):
        when = 1_700_000_000 + first
        importer.stdin.write(b"commit refs/heads/main\ncommitter a <a@b> %d +0000\ndata 2\nm\n" % when)
        for number, version in changes[first : first + 40]:
            importer.stdin.write(b"M 644 :%d d%d/f%d\n" % (4 * number + version + 1, number % 211, number))
    importer.stdin.close()
    assert importer.wait() == 0
    ids = call(folder, "git", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    (folder / "count").write_text(str(len(ids)))
    rng.shuffle(ids)
    (folder / "ids").write_text("".join(f"{id_}\n" for id_ in ids[:RANDOM_IDS]))
    return folder


def lines_of(rng, dictionary, size):
    lines = [b" ".join(rng.choices(dictionary, k=8)) for _ in range(size // 60)]
    return b"\n".join(lines) + b"\n"


def megabytes(folder):
    return sum(path.stat().st_size for path in folder.glob("objects/pack/*.pack")) // 1_000_000


def copy(source, folder):
    shutil.copytree(source, folder, dirs_exist_ok=True)


def make_blob(folder, size):
    call(folder, "git", "init", "--quiet", "--bare", ".")
    with open(folder / "blob", "wb") as file:
        file.truncate(size)
    (folder / "id").write_text(call(folder, "git", "hash-object", "-w", "--no-filters", "blob"))


def forget_blob(folder):
    id_ = (folder / "id").read_text().strip()
    shutil.rmtree(folder / "objects" / id_[:2], ignore_errors=True)
    for path in folder.glob("objects/pack/*"):
        path.unlink()
