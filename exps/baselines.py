"""What people call the commits that experiments stand on."""
from collections.abc import Collection

from expref.objstore.errors import GitError
from expref.objstore.ids import ObjectId
from expref.objstore.repository import Repository


def commit_names(repository: Repository, wanted: Collection[ObjectId]) -> dict[ObjectId, str]:
    """What people call these commits: the current branch, else a tag, else a branch; the others are left out."""
    head = repository.head()
    names = {head.id: head.branch} if head.id in wanted and head.id and head.branch else {}
    for prefix in ("refs/tags/", "refs/heads/"):
        if len(names) == len(wanted):
            break
        for ref in repository.refs.refs(prefix):
            id_ = _commit_of(repository, ref.id) if ref.id else None
            if id_ in wanted and id_:
                names.setdefault(id_, ref.name.removeprefix(prefix))
    return names


def _commit_of(repository: Repository, id_: ObjectId) -> ObjectId:
    """The commit that an annotated tag points to; any other id as it is, and that of a tag that cannot be read."""
    try:
        found = repository.objects.get(id_)
        if found is None or found.kind != "tag":
            return id_
        return repository.object_format.parse_id(found.content.split(b"\n", 1)[0].removeprefix(b"object "))
    except GitError:
        return id_
