"""An object store with some contents at hand: for work that reads the same objects twice."""

from ..ids import Kind, ObjectId
from .loose import StoredObject
from .objectstore import ObjectStore
from .packfile import Pack

LARGEST = 64 << 10  # bytes of a content that is kept
LIMIT = 24 << 20  # bytes of all of them


class RememberingStore(ObjectStore):
    """The objects of another store; those in `contents` are not looked for there, and what is read is added."""

    def __init__(self, objects: ObjectStore, contents: dict[ObjectId, StoredObject]) -> None:
        """Stand for `objects`. What is added to `contents` is limited to `LIMIT` bytes."""
        super().__init__(objects.path, objects.form, objects.sharing)
        self.__dict__.update(vars(objects))  # the same folders, with what is known of them
        self._contents, self._left = contents, LIMIT

    def get(self, id_: bytes) -> StoredObject | None:
        """As the other store."""
        found: StoredObject | None = self._contents.get(ObjectId(id_))
        if found is None:
            found = super().get(id_)
            size = len(found.content) if found else LIMIT
            if found and size <= min(LARGEST, self._left):
                self._contents[ObjectId(id_)] = found
                self._left -= size
        return found

    def find_kind(self, id_: ObjectId) -> Kind:
        """As the other store; what is small is read, because it will be."""
        found = self._contents.get(id_)
        if found is None:
            place = self.get_place(id_)
            size = place if isinstance(place, int) else place[0].size(place[1]) if place else LARGEST + 1
            found = self.get(id_) if size <= LARGEST else None
        return found.kind if found else super().find_kind(id_)

    def get_place(self, id_: ObjectId) -> tuple[Pack, int] | int | None:
        """As the other store; of what is at hand no file is looked for: the size is that of its content."""
        found = self._contents.get(id_)
        if found is None:
            return super().get_place(id_)
        place = next(filter(None, (packs.locate(id_) for _, packs in self._folders)), None)
        return place or len(found.content)

    def has(self, id_: bytes) -> bool:
        """As the other store."""
        return id_ in self._contents or super().has(id_)

    def has_now(self, id_: bytes) -> bool:
        """As the other store."""
        return id_ in self._contents or super().has_now(id_)
