"""How long does it take to push experiments to a path and to pull them from one? Beside git and dulwich.

A repository of 10,000 files, experiments that each changed one of them; every object of an experiment is a file of its
own, as saves leave it. Ours is the library in a whole process, to which the command line adds its start. The limit in
the tables is 1.5 times git's time; the requirement grants two starts more (`bench/startup.py` tells what one is).
"""
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.inputs import call
from bench.runner import CommandFailed, Peer, compare, default_places, environment_beside

LIMIT = 1.5  # of git's time; the requirement has two starts of the command on top
BYTES_LIMIT = 1.2  # of git's
REFS = "refs/exps/*:refs/exps/*"
OPEN = """
import os
from expref.objstore.repository import Repository
from expref.objstore.stores.refstore import RefUpdate
from expref.objstore.transport.local import LocalRemote
from expref.objstore.transport.receive import IncomingPack, check_connected
from expref.objstore.transport.send import objects_to_send, pack_stream
from expref.objstore.transport.values import PushCommand
here = Repository.discover("work", os.environ)
remote = LocalRemote("remote.git", os.environ, here.object_format)
"""
PUSH = OPEN + """
there = {ref.name: ref.id for ref in remote.advertised().refs}
refs = [ref for ref in here.refs.refs("refs/exps/") if there.get(ref.name) != ref.id]
outgoing = objects_to_send(here, [ref.id for ref in refs], there.values())
commands = [PushCommand(ref.name, ref.id, there.get(ref.name)) for ref in refs]
if commands:
    results = remote.push(commands, pack_stream(here, outgoing, level=1))
    assert all(each.status == "ok" for each in results)
"""
PULL = OPEN + """
haves = [ref.id for ref in here.refs.refs("refs/") if ref.id]
wanted = [ref for ref in remote.list_refs(["refs/exps/"]) if here.refs.get(ref.name) != ref.id]
with IncomingPack(here.objects) as incoming:
    remote.fetch_pack([ref.id for ref in wanted], haves, into=incoming)
    received = incoming.finish()
here.objects.rescan()
check_connected(here, [ref.id for ref in wanted], haves, received)
here.refs.update([RefUpdate(ref.name, ref.id, "absent") for ref in wanted])
received.release()
"""
DULWICH_PUSH = """
from dulwich import porcelain
from dulwich.repo import Repo
names = [name for name in Repo("work").refs.allkeys() if name.startswith(b"refs/exps/")]
porcelain.push("work", "remote.git", [name + b":" + name for name in names])
"""
BYTES = """
import os
from expref.objstore.repository import Repository
from expref.objstore.transport.send import objects_to_send, pack_stream
here = Repository.discover("work", os.environ)
wants = [ref.id for ref in here.refs.refs("refs/exps/")]
print(sum(map(len, pack_stream(here, objects_to_send(here, wants, [here.refs.get("refs/heads/main")])))))
"""


def run(setting):
    """The comparisons, and the versions of the peers with the bytes that were sent."""
    files = 1_000 if setting.small else 10_000
    counts = (100,) if setting.small else (100, 1_000)
    comparisons = [make(setting, files, count) for count in counts for make in (push, pull)]
    comparisons.append(nothing_to_send(setting, 10 * files, counts[-1]))
    comparisons += large_blob(setting, 100 if setting.small else 1_000)
    return comparisons, {"git": call(Path.cwd(), "git", "--version").split()[-1]} | sizes(setting, files, counts[-1])


def push(setting, files, count):
    dulwich = [setting.peer, "-c", DULWICH_PUSH] if setting.peer else None
    return compare(
        f"push of {count} experiments in a repository of {files} files to a path",
        ours={"expref": [setting.python, "-c", PUSH]},
        peers={
            "git push": Peer(["git", "-C", "work", "push", "--quiet", "../remote.git", REFS], LIMIT),
            "dulwich": Peer(dulwich, None, "dulwich not found"),
        },
        setup=lambda folder, _command: make_pair(folder, files, count),
        before=lambda folder, _number: renew(folder / "remote.git", folder / "without.git"),
        verify=lambda folder, command, _runs: verify(folder / "remote.git", command, count),
        rounds=3 if setting.small else 5,
    )


def pull(setting, files, count):
    def setup(folder, _command):
        make_pair(folder, files, count)
        (folder / "work").rename(folder / "remote.git")
        options = ("--quiet", "--no-local", "--single-branch", "--no-checkout")
        call(folder, "git", "clone", *options, "without.git", "without")

    return compare(
        f"pull of {count} experiments into a clone of {files} files, from a path",
        ours={"expref": [setting.python, "-c", PULL]},
        peers={"git fetch": Peer(["git", "-C", "work", "fetch", "--quiet", "../remote.git", REFS], LIMIT)},
        setup=setup,
        before=lambda folder, _number: renew(folder / "work", folder / "without"),
        verify=lambda folder, command, _runs: verify(folder / "work", command, count),
        rounds=3 if setting.small else 5,
    )


def nothing_to_send(setting, files, count):
    def setup(folder, _command):
        make_pair(folder, files, count)
        (folder / "without.git").rename(folder / "remote.git")
        call(folder, "git", "-C", "work", "push", "--quiet", "../remote.git", REFS)

    return compare(
        f"push of {count} experiments that are there already, in a repository of {files} files",
        ours={"expref": [setting.python, "-c", PUSH]},
        peers={"git push": Peer(["git", "-C", "work", "push", "--quiet", "../remote.git", REFS], LIMIT)},
        setup=setup,
        verify=lambda folder, command, _runs: verify(folder / "remote.git", command, count),
        rounds=5,
        places=default_places()[:1],
    )


def large_blob(setting, megabytes):
    """The column to look at is the memory."""

    def setup(folder, _command):
        make_pair(folder, 3, 0)
        generator = random.Random(1)
        with open(folder / "work/blob", "wb") as file:
            for _ in range(megabytes):
                file.write(generator.randbytes(1 << 20))
        call(folder / "work", "git", "-c", "core.compression=0", "-c", "core.bigFileThreshold=4g", "add", "blob")
        call(folder / "work", "git", "commit", "--quiet", "--message", "large")
        call(folder / "work", "git", "update-ref", "refs/exps/00/1/large", "HEAD")
        call(folder / "work", "git", "branch", "--quiet", "--force", "-m", "with-blob")
        call(folder / "work", "git", "branch", "--quiet", "main", "HEAD~1")

    yield compare(
        f"push of a blob of {megabytes} MB that is a loose object",
        ours={"expref": [setting.python, "-c", PUSH]},
        peers={"git push": Peer(["git", "-C", "work", "push", "--quiet", "../remote.git", REFS])},
        setup=setup,
        before=lambda folder, _number: renew(folder / "remote.git", folder / "without.git"),
        verify=lambda folder, command, _runs: verify(folder / "remote.git", command, 1),
        rounds=3,
        places=default_places()[-1:],
    )


def sizes(setting, files, count):
    """The bytes that a push sends, ours and git's, as a text beside the versions."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=default_places()[0]) as top:
        folder = Path(top, "input")
        folder.mkdir()
        make_pair(folder, files, count)
        ours, packed = int(call(folder, setting.python, "-c", BYTES)), packed_by_git(folder)
    met = "yes" if ours <= BYTES_LIMIT * packed else "NO"
    return {f"bytes of {count} experiments": f"{ours} of ours for {packed} of git's (≤ {BYTES_LIMIT}: {met})"}


def packed_by_git(folder):
    names = call(folder / "work", "git", "for-each-ref", "--format=%(objectname)", "refs/exps").split()
    done = subprocess.run(
        ["git", "pack-objects", "--revs", "--thin", "--delta-base-offset", "--stdout", "--quiet"],
        cwd=folder / "work", env=environment_beside(folder), check=True, capture_output=True,
        input="\n".join([*names, "^main", ""]).encode(),
    )  # fmt: skip
    return len(done.stdout)


def make_pair(folder, files, count):
    """`work`, a repository with experiments, and `without.git`, a bare clone that lacks them."""
    work = folder / "work"
    work.mkdir()
    call(work, "git", "init", "--quiet")
    generator = random.Random(1)
    import_into(work, [*baseline(generator, files)])
    call(work, "git", "reset", "--quiet", "--hard")
    base = call(work, "git", "rev-parse", "main").strip()
    if count:
        import_into(work, [*experiments(generator, base, count)], "-c", "fastimport.unpackLimit=100000000")
    call(folder, "git", "clone", "--quiet", "--bare", "--single-branch", "--no-local", "work", "without.git")


def baseline(generator, files):
    yield b"commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\ndata 1\nb\n"
    for number in range(files):
        content = b"%x\n" % generator.getrandbits(8 * generator.randint(200, 1500))
        yield b"M 100644 inline d%03d/f%d\ndata %d\n%s\n" % (number // 50, number, len(content), content)
    yield b"\n"


def experiments(generator, base, count):
    for number in range(count):
        name = f"refs/exps/{base[:2]}/{base[2:]}/exp-{number}"
        message = f"exps: save exp-{number}"
        content = f"lr: 0.{number + 2}\nepochs: {generator.randint(1, 1000)}\n"
        text = (
            f"commit {name}\ncommitter A <a@example.com> {1_700_000_100 + 60 * number} +0000\n"
            f"data {len(message)}\n{message}\nfrom {base}\n"
            f"M 100644 inline d000/f1\ndata {len(content)}\n{content}\n\n"
        )
        yield text.encode()


def import_into(folder, parts, *settings):
    done = subprocess.run(
        ["git", *settings, "fast-import", "--quiet"], cwd=folder, env=environment_beside(folder.parent),
        input=b"".join(parts), capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CommandFailed(f"git fast-import: {done.stderr.decode(errors='replace')}")


def renew(folder, source):
    """Make a folder a copy of another one."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)


def verify(folder, command, count):
    found = len(call(folder, "git", "for-each-ref", "--format=%(refname)", "refs/exps").split())
    if found != count:
        raise CommandFailed(f"{command}: {found} experiments arrived instead of {count}")
    call(folder, "git", "fsck", "--strict", "--no-dangling")
