"""Whether objects that arrive are in order, as `receive.fsckObjects` and `fetch.fsckObjects` ask.

Severities are git's: `receive.fsck.<fault>` sets one, `receive.fsck.skipList` names objects that are let through; what
is a warning by default is an error here, as in git. Authority: git-config(1) "receive.fsckObjects", fsck-msgs(7).
"""

from collections.abc import Iterable

from ..config import Config
from ..errors import Corrupt, GitError
from ..formats.fsck import LATER, NEVER, Fault, control_file_faults, control_files, faults
from ..ids import Kind, ObjectFormat, ObjectId
from ..lighttyping import Literal
from ..stores.files import read_file
from ..stores.objectstore import ObjectStore

_SEVERITIES = ("error", "warn", "ignore")


def wants_check(config: Config, section: Literal["receive", "fetch"]) -> bool:
    """Whether objects that arrive this way are to be checked."""
    return config.get_bool(f"{section}.fsckobjects", config.get_bool("transfer.fsckobjects", False))


class ObjectCheck:
    """The check of one pack: call it with each object, and `finish` at the end. `warnings` are for the user."""

    def __init__(self, config: Config, section: Literal["receive", "fetch"], form: ObjectFormat) -> None:
        """Read the settings; raises GitError for a severity that is none."""
        self._form, self.warnings = form, list[str]()
        self._severities: dict[str, str] = {}
        self._skipped: set[ObjectId] = set()
        self._control: dict[ObjectId, str] = {}
        for setting in config.items(f"{section}.fsck."):
            if setting.key == "skiplist":
                self._skipped |= self._read_list(config.get_path(setting.name) or "")
            elif setting.value not in _SEVERITIES:
                raise GitError(f"{setting.place}: unknown fsck severity {setting.value!r}")
            else:
                self._severities[setting.key] = setting.value

    def _read_list(self, path: str) -> set[ObjectId]:
        content = read_file(path)
        if content is None:
            raise GitError(f"could not open the list of objects to skip: {path}")
        lines = (line.partition(b"#")[0].strip() for line in content.splitlines())
        return {self._form.parse_id(line) for line in lines if line}

    def __call__(self, id_: ObjectId, kind: Kind, content: bytes) -> None:
        """Look at an object; raises Corrupt, with git's name for what is wrong."""
        self._judge(id_, kind, faults(kind, content, self._form))
        if kind == "tree":
            self._control.update((ObjectId(blob), what) for what, blob in control_files(content, self._form))

    def finish(self, objects: ObjectStore) -> None:
        """Look at the blobs that have a meaning by the name that trees give them."""
        for id_, what in self._control.items():
            if objects.has_now(id_):
                kind, content = objects.find(id_)
                found = control_file_faults(what, content) if kind == "blob" else [Fault(f"{what}Blob", "no blob")]
                self._judge(id_, kind, found)

    def _judge(self, id_: ObjectId, kind: Kind, found: Iterable[Fault]) -> None:
        for fault in found if id_ not in self._skipped else ():
            default = "warn" if fault.name in LATER else "ignore" if fault.name in NEVER else "error"
            severity = self._severities.get(fault.name.lower(), default)
            if severity == "error":
                raise Corrupt(f"{kind} {id_}", None, f"{fault.name}: {fault.text}")
            if severity == "warn":
                self.warnings.append(f"warning: object {id_}: {fault.name}: {fault.text}")
