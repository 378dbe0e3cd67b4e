"""Consolidation: many loose objects and small packs become one pack, before `git gc --auto` would have to repack all.

Which objects may be moved is the caller's to say; nothing is ever dropped. The new pack is durable and visible before a
loose copy or an old pack goes. What somebody marked is left alone: `.keep`, `.promisor` and cruft packs, packs that a
multi-pack-index lists. Authority: git-gc(1), `gc.auto`, `gc.autoPackLimit`; git's `too_many_loose_objects`.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress

from .crowd import names_in
from .formats.packindex import PackIndex
from .ids import ObjectId
from .packing import PackWriter
from .progress import SILENT, Progress
from .repository import Repository
from .stores.files import read_file
from .stores.packwalk import walk

LARGEST_OBJECT, LARGEST_PACK = 1 << 20, 64 << 20  # bytes: copying what is larger takes longer than it helps
_MARKS = (".keep", ".promisor", ".mtimes")


def is_wanted(repository: Repository) -> bool:
    """Whether objects may be moved here: not where git is told to leave them alone."""
    config = repository.config
    return config.get_int("gc.auto", 1) > 0 and not config.get_bool("extensions.preciousobjects", False)


def consolidate(repository: Repository, movable: Collection[ObjectId], progress: Progress = SILENT) -> None:
    """Put the loose objects among `movable`, and the small packs that hold nothing else, into one pack.

    Other processes may do the same at the same time. Raises GitError or OSError where something cannot be read or
    written; then everything is still where it was, or in both places.
    """
    objects = repository.objects
    loose = sorted(objects.loose_ids().intersection(movable))
    packs = [(path, index) for path, index in _small_packs(repository) if set(index.ids()).issubset(movable)]
    with PackWriter(f"{objects.path}/pack", objects.form, objects.sharing) as writer:
        for id_ in loose:
            if objects.find_size(id_) <= LARGEST_OBJECT:
                writer.add(*objects.find(id_))
                progress.advance(1, 0)
        for path, index in packs if len(packs) > 1 else ():
            for each in walk(path, index, objects.form):
                writer.add(each.kind, each.content)
                progress.advance(1, 0)
        written = writer.finish()
        moved = [id_ for id_ in loose if id_ in writer]
    if written:
        objects.rescan()
        objects.drop_loose(moved)
        for path, _ in packs if len(packs) > 1 else ():
            if path != written:
                _remove(path)


def _small_packs(repository: Repository) -> Iterator[tuple[str, PackIndex]]:
    """Packs without marks that are not too large, by path without suffix."""
    folder, form = f"{repository.objects.path}/pack", repository.objects.form
    names = set(names_in(folder))
    listed = _listed(folder)
    for name in sorted(names):
        start, suffix = os.path.splitext(name)
        if suffix != ".idx" or start + ".pack" not in names or start.encode() in listed:
            continue
        if any(start + mark in names for mark in _MARKS):
            continue
        path = f"{folder}/{start}"
        with suppress(FileNotFoundError):  # repacked meanwhile
            if os.path.getsize(path + ".pack") <= LARGEST_PACK:
                yield path, PackIndex(memoryview(read_file(path + ".idx") or b""), form.width, path + ".idx")


def _listed(folder: str) -> bytes:
    """Multi-pack-indexes, which hold the names of their packs; to be searched."""
    chain = f"{folder}/multi-pack-index.d"
    paths = [f"{folder}/multi-pack-index", *(f"{chain}/{name}" for name in names_in(chain))]
    return b"".join(read_file(path) or b"" for path in paths)


def _remove(path: str) -> None:
    """Remove a pack whose objects another one holds: its index first, as git does."""
    for suffix in (".idx", ".rev", ".bitmap", ".pack"):
        with suppress(FileNotFoundError):
            os.unlink(path + suffix)
