"""Attributes files, only as far as to know that somebody asks for a conversion of file contents.

Conversions (line endings, filters, encodings) are not done; a changed file that one may apply to is refused instead.
Patterns are not matched: a conversion named anywhere on the way to the file counts. Authority: gitattributes(5).
"""
import os

from .formats.index import Index
from .repository import Repository
from .stores.files import read_file

_CONVERSIONS = frozenset({"text", "eol", "crlf", "ident", "filter", "working-tree-encoding"})
SYSTEM_FILE = "/etc/gitattributes"


def first_conversion(content: bytes) -> tuple[int, str] | None:
    """Line and text of the first attribute that asks for a conversion; None if there is none.

    >>> first_conversion(b"*.png binary\\n*.py text=auto\\n")
    (2, 'text=auto')
    """
    for number, line in enumerate(content.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith(b"#"):
            continue
        for word in words[1:]:  # "-text", "!text" and the macro "binary" ask for none
            if word.partition(b"=")[0].decode("latin-1") in _CONVERSIONS:
                return number, word.decode("latin-1")
    return None


class Conversions:
    """Where conversions are asked for in one work tree. Files are read when a path first leads past them."""

    def __init__(self, repository: Repository, index: Index) -> None:
        """Look at the places that hold for every path. A `.gitattributes` that was deleted is read from `index`."""
        self._repository, self._index = repository, index
        self._named: dict[bytes, str | None] = {}
        self._everywhere = self._in_config() or next(filter(None, map(self._in_file, self._places())), None)

    def _in_config(self) -> str | None:
        autocrlf = self._repository.config.get("core.autocrlf", alone="true") or "false"
        return None if autocrlf.lower() in ("false", "no", "off", "0", "") else f"core.autocrlf = {autocrlf}"

    def _places(self) -> list[str]:
        environ = self._repository.environ
        default = (environ.get("XDG_CONFIG_HOME") or environ.get("HOME", "") + "/.config") + "/git/attributes"
        places = [f"{self._repository.common_dir}/info/attributes"]
        places.append(self._repository.config.get_path("core.attributesfile") or default)
        return places if environ.get("GIT_ATTR_NOSYSTEM") else [*places, SYSTEM_FILE]

    @staticmethod
    def _in_file(path: str) -> str | None:
        return _named_in(path, read_file(path))

    def on_the_way_to(self, path: bytes) -> str | None:
        """The first place that may ask for a conversion of the file `path`; None if there is none."""
        folder, found = path, self._everywhere
        while folder and not found:
            folder = folder.rpartition(b"/")[0]
            found = self._in_folder(folder)
        return found

    def _in_folder(self, folder: bytes) -> str | None:
        if folder not in self._named:
            name = folder + b"/.gitattributes" if folder else b".gitattributes"
            content = read_file(os.fsdecode(os.path.join(os.fsencode(self._repository.work_tree or ""), name)))
            number = self._index.find(name) if content is None else None
            if number is not None:
                content = self._repository.objects.find(self._index.row(number).id).content
            self._named[folder] = _named_in(os.fsdecode(name), content)
        return self._named[folder]


def _named_in(place: str, content: bytes | None) -> str | None:
    found = first_conversion(content or b"")
    return f"{place}:{found[0]}: {found[1]}" if found else None
