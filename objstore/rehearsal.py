"""An object store that only does as if: what is written to it gets its id and is not kept, trees excepted."""

from .errors import Conflict
from .ids import Kind, ObjectId
from .progress import SILENT, Progress
from .stores.loose import Readable, StoredObject
from .stores.objectstore import ObjectStore

_BLOCK = 1 << 20  # bytes read at a time


class Rehearsal(ObjectStore):
    """The objects of a repository and those trees that were written here. Nothing on disk is touched."""

    def __init__(self, objects: ObjectStore) -> None:
        """Start with what `objects` has."""
        super().__init__(objects.path, objects.form, objects.sharing)
        self._real, self._written = objects, dict[bytes, StoredObject]()

    def get(self, id_: bytes) -> StoredObject | None:
        """As the object store does."""
        return self._written.get(id_) or self._real.get(id_)

    def write(self, kind: Kind, content: bytes) -> ObjectId:
        """Name an object."""
        id_ = self.form.name_object(kind, content)
        if kind == "tree":
            self._written[id_] = StoredObject(kind, content)
        return id_

    def write_blob(self, stream: Readable, size: int, progress: Progress = SILENT) -> ObjectId:
        """Name a blob of `size` bytes from a stream. Raises Conflict if it has another size."""
        hasher, left = self.form.hasher(b"blob %d\0" % size), size
        while block := stream.read(min(_BLOCK, left + 1)):
            hasher.update(block)
            left -= len(block)
            progress.advance(0, len(block))
        if left:
            raise Conflict(f"a file of {size} bytes changed its size while it was read")
        return ObjectId(hasher.digest())
