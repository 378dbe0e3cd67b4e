"""Pushes to a path beside `git push` of the same: refs, results, hooks with what they get, reflogs."""

import os
import re
import shutil

import pytest
from expref.objstore.errors import Unsupported
from expref.objstore.ids import ObjectId
from expref.objstore.transport.local import LocalRemote
from expref.objstore.transport.send import objects_to_send, pack_stream
from expref.objstore.transport.values import PushCommand

from tests.conftest import needs

pytestmark = needs("git")

DUMP = r"""#!/bin/sh
{
  echo "== $(basename "$0") $*"
  echo "cwd $(pwd)"
  env | grep -E '^GIT_(DIR|QUARANTINE_PATH|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|PUSH_OPTION|WORK_TREE|INDEX_FILE|CONFIG_PARAMETERS)' | sort
  case "$(basename "$0")" in pre-receive|post-receive|reference-transaction) sed 's/^/stdin /' ;; esac
} >> "$LOG"
"""
HOOKS = ("pre-receive", "update", "reference-transaction", "post-receive", "post-update")


class Pair:
    """A repository that pushes, and two remotes that are the same: `ours` and `theirs`."""

    def __init__(self, repo):
        self.repo = repo
        repo.write("params.yaml", b"lr: 0.1\n")
        repo.write("d/file", b"x\n" * 100)
        self.base = repo.commit("baseline")
        self.remotes = {}

    def remote(self, *settings, hooks=(), bare=True):
        for name in ("theirs", "ours"):
            other = self.repo.other(name)
            self.repo.git(
                "clone", "-q", *["--bare"] * bare, "--no-local", "--single-branch", self.repo.path, other.path
            )
            for setting in settings:
                other.git("config", "--add", *setting.split("=", 1))
            git_dir = other.path if bare else other.path / ".git"
            for hook, text in hooks:
                path = git_dir / "hooks" / hook
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
                path.chmod(0o755)
            self.remotes[name] = other
        return self

    def experiment(self, number, *, parent=None, text=None):
        self.repo.git("checkout", "-q", "--detach", parent or self.base)
        self.repo.write("params.yaml", (text or f"lr: 0.{number}\n").encode())
        return self.repo.commit(f"experiment {number}")

    def push(self, refs, *, atomic=False, options=(), env=None):
        """Push `{name: commit or None}` both ways; return our results, with theirs checked to be the same."""
        log = self.repo.path.parent
        environ = self.repo.environ | (env or {})
        theirs = self.push_by_git(refs, atomic, options, environ | {"LOG": str(log / "theirs.log")})
        ours = self.push_by_us(refs, atomic, options, environ | {"LOG": str(log / "ours.log")})
        assert {name: (status == "ok", reason) for name, (status, reason) in ours.items()} == theirs
        assert self.refs("ours") == self.refs("theirs")
        assert self.remotes["ours"].git("fsck", "--strict", "--no-dangling") == ""
        assert not list(self.git_dir("ours").glob("objects/tmp_*")) and not list(
            self.git_dir("ours").glob("objects/pack/*.keep")
        )
        return ours

    def push_by_git(self, refs, atomic, options, environ):
        specs = [f"+{value or ''}:{name}" for name, value in refs.items()]
        args = ["--porcelain", *["--atomic"] * atomic, *(f"--push-option={each}" for each in options)]
        done = self.repo.try_git("push", *args, self.remotes["theirs"].path, *specs, env=environ)
        self.said_to_git = done.stderr.decode()
        found = re.findall(r"^(.)\t[^\t]*:(\S+)\t(.*)$", done.stdout.decode(), re.MULTILINE)
        results = {
            name: (flag != "!", re.sub(r".*\((.*)\)$", r"\1", text) if flag == "!" else "")
            for flag, name, text in found
        }
        assert results.keys() == refs.keys(), done.stdout + done.stderr
        return results

    def push_by_us(self, refs, atomic, options, environ):
        repository = self.repo.open()
        with LocalRemote(
            str(self.remotes["ours"].path), environ, repository.object_format, signature=SIGNATURE
        ) as remote:
            there = {ref.name: ref.id for ref in remote.advertised().refs}
            commands = [
                PushCommand(name, value and ObjectId.fromhex(value), there.get(name)) for name, value in refs.items()
            ]
            outgoing = objects_to_send(repository, [each.new for each in commands if each.new], there.values())
            pack = pack_stream(repository, outgoing) if any(refs.values()) else None
            results = remote.push(commands, pack, atomic=atomic, options=options)
            self.said = remote.messages()
        assert [each.name for each in results] == list(refs)
        return {each.name: (each.status, each.reason) for each in results}

    def git_dir(self, name):
        path = self.remotes[name].path
        return path if (path / "HEAD").exists() else path / ".git"

    def refs(self, name):
        return self.remotes[name].git("for-each-ref")

    def logs(self):
        """What hooks noted, ours and git's, with what cannot be the same made so."""
        found = []
        for name in ("ours", "theirs"):
            path = self.repo.path.parent / f"{name}.log"
            text = path.read_text() if path.exists() else ""
            text = text.replace(str(self.remotes[name].path), "REMOTE").replace("/./", "/")
            found.append(re.sub(r"tmp_objdir-incoming-\w+", "QUARANTINE", text).splitlines())
        return found


SIGNATURE = b"A U Thor <author@example.com> 1700000000 +0100"
E = "refs/exps/ab/cd/exp"


@pytest.fixture
def pair(repo):
    return Pair(repo)


def test_new_changed_and_deleted_refs(pair):
    pair.remote()
    one, two = pair.experiment(1), pair.experiment(2)
    assert set(pair.push({f"{E}-1": one, f"{E}-2": two, "refs/heads/more": one}).values()) == {("ok", "")}
    assert pair.push({f"{E}-1": two, f"{E}-2": None}) == {f"{E}-1": ("ok", ""), f"{E}-2": ("ok", "")}


@pytest.mark.parametrize("count", [3, 60])
def test_few_objects_become_loose_ones_and_many_a_pack(pair, count):
    pair.remote()
    pair.push({f"{E}-{at}": pair.experiment(at) for at in range(count)})
    packs = {name: len(list(pair.git_dir(name).glob("objects/pack/*.pack"))) for name in ("ours", "theirs")}
    assert packs["ours"] == packs["theirs"] == (1 if count < 30 else 2)


@pytest.mark.parametrize(
    ("setting", "packs"), [("receive.unpackLimit=1", 2), ("transfer.unpackLimit=2", 2), ("receive.unpackLimit=9", 1)]
)
def test_the_limit_for_packs_is_the_setting(pair, setting, packs):
    pair.remote(setting)
    pair.push({f"{E}-1": pair.experiment(5)})
    assert len(list(pair.git_dir("ours").glob("objects/pack/*.pack"))) == packs


def test_hooks_get_what_git_gives_them_in_the_same_order(pair):
    pair.remote(hooks=[(name, DUMP) for name in HOOKS])
    one, two = pair.experiment(1), pair.experiment(2)
    pair.push({f"{E}-1": one, f"{E}-2": two})
    ours, theirs = pair.logs()
    assert ours == theirs
    pair.push({f"{E}-1": two, f"{E}-2": None})
    ours, theirs = ("\n".join(lines).split("== ") for lines in pair.logs())
    of_packed_refs = "reference-transaction aborted"  # some versions of git tell that a deletion was not in packed-refs
    assert [each for each in theirs if not each.startswith(of_packed_refs)] == ours
    assert len(ours) > 15


def test_hooks_get_push_options_and_nothing_of_the_repository_that_pushes(pair):
    pair.remote("receive.advertisePushOptions=true", hooks=[(name, DUMP) for name in HOOKS])
    env = {"GIT_INDEX_FILE": "/nowhere", "GIT_CONFIG_PARAMETERS": "'a.b=c'"}
    pair.push({f"{E}-1": pair.experiment(1)}, options=["one", "two words"], env=env)
    ours, theirs = pair.logs()
    assert ours == theirs
    assert "GIT_PUSH_OPTION_1=two words" in ours


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_hook_refuses(pair, hook, atomic):
    text = DUMP + "echo no, because; case \"$1\" in *exp-1|'') exit 1;; esac\n"
    pair.remote(hooks=[(name, text if name == hook else DUMP) for name in HOOKS])
    results = pair.push({f"{E}-{at}": pair.experiment(at) for at in range(3)}, atomic=atomic)
    ours, theirs = pair.logs()
    assert ours == theirs
    assert "no, because" in pair.said
    assert sum(status == "ok" for status, _ in results.values()) == (2 if hook == "update" and not atomic else 0)
    if hook == "pre-receive":
        assert not list(pair.git_dir("ours").glob("objects/??/*"))  # the quarantine is gone


def test_the_hook_reference_transaction_aborts_everything(pair):
    pair.remote(hooks=[("reference-transaction", DUMP + '[ "$1" != prepared ]\n')])
    pair.repo.try_git(
        "push",
        pair.remotes["theirs"].path,
        f"{pair.experiment(1)}:{E}-1",
        env={"LOG": str(pair.repo.path.parent / "theirs.log")},
    )
    ours = pair.push_by_us(
        {f"{E}-1": pair.experiment(1)}, False, (), pair.repo.environ | {"LOG": str(pair.repo.path.parent / "ours.log")}
    )
    assert ours == {f"{E}-1": ("rejected", "ref updates aborted by hook")}
    assert pair.refs("ours") == pair.refs("theirs")
    ours, theirs = pair.logs()
    assert ours == theirs


def test_refs_that_are_changed_together_are_one_transaction_for_the_hook(pair):
    pair.remote(hooks=[("reference-transaction", DUMP)])
    pair.push({f"{E}-{at}": pair.experiment(at) for at in range(3)}, atomic=True)
    ours, theirs = pair.logs()
    assert ours == theirs


@pytest.mark.parametrize("hook", HOOKS[:2])
@pytest.mark.parametrize("text", ["#!/no/such/program\n", "#!/bin/sh\nkill -9 $$\n"])
def test_a_hook_that_cannot_be_run_refuses(pair, hook, text):
    pair.remote(hooks=[(hook, text)])
    results = pair.push({f"{E}-1": pair.experiment(1)})
    assert results[f"{E}-1"][0] == "rejected"


def test_a_hook_without_a_first_line_is_run_by_the_shell(pair):
    pair.remote(hooks=[("pre-receive", "echo hello from the shell\nexit 1\n")])
    pair.push({f"{E}-1": pair.experiment(1)})
    assert "hello from the shell" in pair.said


def test_a_hook_that_is_not_executable_is_passed_over_and_named(pair):
    pair.remote(hooks=[("pre-receive", "#!/bin/sh\nexit 1\n")])
    for name in ("ours", "theirs"):
        (pair.git_dir(name) / "hooks/pre-receive").chmod(0o644)
    pair.push({f"{E}-1": pair.experiment(1)})
    assert any("ignored because it's not set as executable" in line for line in pair.said)


def test_hooks_in_another_folder(pair):
    pair.remote("core.hooksPath=../our hooks")
    folder = pair.repo.path.parent / "our hooks"
    folder.mkdir()
    (folder / "pre-receive").write_text("#!/bin/sh\nexit 1\n")
    (folder / "pre-receive").chmod(0o755)
    assert pair.push({f"{E}-1": pair.experiment(1)}) == {f"{E}-1": ("rejected", "pre-receive hook declined")}


def test_a_hook_that_reads_nothing_and_prints_much(pair):
    pair.remote(hooks=[("pre-receive", "#!/bin/sh\nhead -c 300000 /dev/zero | tr '\\0' x; echo; printf no-newline\n")])
    pair.push({f"{E}-{at}": pair.experiment(at) for at in range(3)})
    assert pair.said[-1] == "no-newline"


def test_a_hook_sees_the_objects_and_cannot_change_refs(pair):
    text = "#!/bin/sh\nread old new name\ngit cat-file -p $new >/dev/null || exit 1\ngit update-ref refs/heads/x $new 2>/dev/null && exit 1\nexit 0\n"
    pair.remote(hooks=[("pre-receive", text)])
    assert pair.push({f"{E}-1": pair.experiment(1)}) == {f"{E}-1": ("ok", "")}


@pytest.mark.parametrize(("settings", "name", "reason"), [
    (["receive.denyNonFastForwards=true"], "refs/heads/main", "non-fast-forward"),
    (["receive.denyNonFastForwards=true"], f"{E}-1", None),
    (["receive.denyNonFastForwards=false"], "refs/heads/main", None),
    (["transfer.hideRefs=refs/exps"], f"{E}-1", "deny updating a hidden ref"),
    (["receive.hideRefs=refs/exps"], f"{E}-1", "deny updating a hidden ref"),
    (["uploadpack.hideRefs=refs/exps"], f"{E}-1", None),
    (["receive.hideRefs=refs/exps", "receive.hideRefs=!refs/exps/ab"], f"{E}-1", None),
    (["receive.hideRefs=refs/ex"], f"{E}-1", None),
    (["receive.hideRefs=refs/exps/ab/cd/exp-1"], f"{E}-1", "deny updating a hidden ref"),
    (["receive.procReceiveRefs=refs/exps"], f"{E}-1", "fail to run proc-receive hook"),
    (["receive.procReceiveRefs=refs/for"], f"{E}-1", None),
    (["receive.procReceiveRefs=a:refs/exps"], f"{E}-2", "fail to run proc-receive hook"),
    (["receive.procReceiveRefs=d:refs/exps"], f"{E}-2", None),
])  # fmt: skip
def test_settings_refuse_what_they_refuse_for_git(pair, settings, name, reason):
    pair.remote()
    first, beside = pair.experiment(1), pair.experiment(2)
    pair.push({f"{E}-1": first, "refs/heads/main": pair.experiment(3)})
    for setting in settings:
        for other in pair.remotes.values():
            other.git("config", "--add", *setting.split("="))
    expected = ("rejected", reason) if reason else ("ok", "")
    assert pair.push({name: beside, "refs/tags/t": beside}) == {name: expected, "refs/tags/t": ("ok", "")}


@pytest.mark.parametrize(("settings", "name", "reason"), [
    (["receive.denyDeletes=true"], "refs/heads/more", "deletion prohibited"),
    (["receive.denyDeletes=true"], f"{E}-1", None),
    ([], "refs/heads/main", "deletion of the current branch prohibited"),
    (["receive.denyDeleteCurrent=ignore"], "refs/heads/main", None),
    (["transfer.hideRefs=refs/exps"], f"{E}-1", "deny deleting a hidden ref"),
])  # fmt: skip
def test_settings_refuse_deletions(pair, settings, name, reason):
    pair.remote()
    pair.push({f"{E}-1": pair.experiment(1), "refs/heads/more": pair.experiment(2)})
    for setting in settings:
        for other in pair.remotes.values():
            other.git("config", "--add", *setting.split("="))
    there = "refs/exps" in "".join(settings)  # hidden, so git does not know that there is something to delete
    if there:
        old = pair.remotes["ours"].git("rev-parse", name)
        remote = LocalRemote(str(pair.remotes["ours"].path), pair.repo.environ, pair.repo.open().object_format)
        (result,) = remote.push([PushCommand(name, None, ObjectId.fromhex(old))], None)
        assert (result.status, result.reason) == ("rejected", reason)
    else:
        assert pair.push({name: None}) == {name: ("rejected", reason) if reason else ("ok", "")}


@pytest.mark.parametrize("setting", [None, "refuse", "ignore", "warn", "true", "false"])
def test_the_branch_that_is_checked_out(pair, setting):
    pair.remote(*[f"receive.denyCurrentBranch={setting}"] * (setting is not None), bare=False)
    expected = ("ok", "") if setting in ("ignore", "warn", "false") else ("rejected", "branch is currently checked out")
    assert pair.push({"refs/heads/main": pair.experiment(1)}) == {"refs/heads/main": expected}


def test_the_branch_of_a_linked_work_tree(pair):
    pair.remote()
    for name, other in pair.remotes.items():
        other.git("worktree", "add", "-q", "-b", "linked", pair.repo.path.parent / f"tree-{name}")
    assert pair.push({"refs/heads/linked": pair.experiment(1)}) == {
        "refs/heads/linked": ("rejected", "branch is currently checked out")
    }


def test_updating_the_files_of_a_branch_is_refused(pair):
    pair.remote("receive.denyCurrentBranch=updateInstead", bare=False)
    found = pair.push_by_us({"refs/heads/main": pair.experiment(1)}, False, (), pair.repo.environ)
    assert found == {"refs/heads/main": ("rejected", "branch is currently checked out")}
    assert any("updateInstead" in line for line in pair.said)


@pytest.mark.parametrize("atomic", [False, True])
def test_one_refusal_blocks_the_rest_only_if_asked_to(pair, atomic):
    pair.remote("receive.denyDeletes=true")
    pair.push({"refs/heads/more": pair.experiment(1)})
    results = pair.push(
        {f"{E}-1": pair.experiment(2), "refs/heads/more": None, f"{E}-2": pair.experiment(3)}, atomic=atomic
    )
    assert results["refs/heads/more"] == ("rejected", "deletion prohibited")
    assert results[f"{E}-1"] == results[f"{E}-2"] == (("rejected", "atomic push failure") if atomic else ("ok", ""))


def test_names_where_one_is_the_folder_of_the_other(pair):
    pair.remote()
    results = pair.push({f"{E}/a": pair.experiment(1), f"{E}/b": pair.experiment(2)})
    assert set(results.values()) == {("ok", "")}
    assert pair.push({E: pair.experiment(3), f"{E}-x": pair.experiment(4)}) == {
        E: ("rejected", "failed to update ref"),
        f"{E}-x": ("ok", ""),
    }


def test_a_ref_that_has_moved_is_refused(pair):
    pair.remote()
    one, two, three = (pair.experiment(at) for at in (1, 2, 3))
    pair.push({f"{E}-1": one, f"{E}-2": one})
    remote = LocalRemote(str(pair.remotes["ours"].path), pair.repo.environ, pair.repo.open().object_format)
    repository = pair.repo.open()
    for old in (None, ObjectId.fromhex(two)):
        commands = [
            PushCommand(f"{E}-1", ObjectId.fromhex(three), old),
            PushCommand(f"{E}-2", ObjectId.fromhex(three), ObjectId.fromhex(one)),
        ]
        outgoing = objects_to_send(repository, [ObjectId.fromhex(three)], [ObjectId.fromhex(one)])
        results = remote.push(commands, pack_stream(repository, outgoing))
        assert (results[0].status, results[0].reason) == ("rejected", "failed to update ref")
        pair.remotes["ours"].git("update-ref", f"{E}-2", one)
    assert pair.remotes["ours"].git("rev-parse", f"{E}-1") == one


@pytest.mark.parametrize(
    "name",
    [
        "refs/exps/../../config",
        "HEAD",
        "refs/one",
        "refs/heads/a.lock/b",
        "refs/heads/a\nb",
        "refs//a/b",
        "objects/x",
        "-refs/heads/x",
    ],
)
def test_names_that_are_none(pair, name):
    pair.remote()
    found = pair.push_by_us({name: pair.experiment(1), f"{E}-1": pair.experiment(2)}, False, (), pair.repo.environ)
    assert found == {name: ("rejected", "funny refname"), f"{E}-1": ("ok", "")}
    assert pair.remotes["ours"].git("fsck", "--strict", "--no-dangling") == ""


def test_a_commit_that_leads_nowhere_is_refused(pair):
    pair.remote()
    tree = pair.repo.git("mktree", "--missing", stdin=b"100644 blob " + b"1" * 40 + b"\tlost\n")
    broken = pair.repo.git("commit-tree", "-m", "broken", "-p", pair.base, tree)
    good = pair.experiment(1)
    repository = pair.repo.open()
    from expref.objstore.closure import Reached
    from expref.objstore.transport.send import Outgoing

    outgoing = objects_to_send(repository, [ObjectId.fromhex(good)], [ObjectId.fromhex(pair.base)])
    outgoing = Outgoing(
        [
            *outgoing.objects,
            Reached(ObjectId.fromhex(broken), "commit", b""),
            Reached(ObjectId.fromhex(tree), "tree", b""),
        ],
        outgoing.known,
        {},
    )
    remote = LocalRemote(str(pair.remotes["ours"].path), pair.repo.environ, repository.object_format)
    commands = [PushCommand(f"{E}-{at}", ObjectId.fromhex(id_), None) for at, id_ in enumerate([broken, good])]
    found = remote.push(commands, pack_stream(repository, outgoing))
    assert [(each.status, each.reason) for each in found] == [("rejected", "missing necessary objects"), ("ok", "")]
    assert "1" * 40 in remote.messages()[0]


def test_a_broken_pack_is_refused_and_leaves_nothing(pair):
    pair.remote()
    repository = pair.repo.open()
    new = ObjectId.fromhex(pair.experiment(1))
    pack = b"".join(pack_stream(repository, objects_to_send(repository, [new], [])))
    remote = LocalRemote(str(pair.remotes["ours"].path), pair.repo.environ, repository.object_format)
    before = sorted(pair.remotes["ours"].path.rglob("*"))
    (result,) = remote.push([PushCommand(f"{E}-1", new, None)], iter([pack[:-30]]))
    assert result.status == "rejected" and result.reason.startswith("unpacker error")
    assert sorted(pair.remotes["ours"].path.rglob("*")) == before


@pytest.mark.parametrize(
    "setting", ["receive.fsckObjects=true", "transfer.fsckObjects=true", "receive.fsckObjects=false"]
)
def test_objects_are_checked_where_the_settings_say_so(pair, setting):
    pair.remote(setting)
    lines = f"tree {pair.repo.git('rev-parse', pair.base + '^{tree}')}\nparent {pair.base}\nauthor A <a@x> 01 +0000\ncommitter A <a@x> 1 +0000\n\nm\n"
    bad = pair.repo.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=lines.encode())
    environ = pair.repo.environ
    ours = pair.push_by_us({f"{E}-1": bad}, False, (), environ)
    theirs = pair.push_by_git({f"{E}-1": bad}, False, (), environ)
    assert (ours[f"{E}-1"][0] == "ok") == theirs[f"{E}-1"][0] == ("false" in setting)
    if "true" in setting:
        assert "zeroPaddedDate" in ours[f"{E}-1"][1] and "zeroPaddedDate" in pair.said_to_git
        for other in pair.remotes.values():
            other.git("config", "receive.fsck.zeroPaddedDate", "warn")
        assert pair.push_by_us({f"{E}-1": bad}, False, (), environ)[f"{E}-1"][0] == "ok"
        assert pair.push_by_git({f"{E}-1": bad}, False, (), environ)[f"{E}-1"][0]


def test_a_pack_above_the_limit_of_the_repository(pair):
    pair.remote("receive.maxInputSize=100")
    results = pair.push_by_us({f"{E}-1": pair.experiment(1, text=os.urandom(300).hex())}, False, (), pair.repo.environ)
    assert "receive.maxInputSize" in results[f"{E}-1"][1]


@pytest.mark.parametrize(
    "setting", ["core.logAllRefUpdates=false", "core.logAllRefUpdates=true", "core.logAllRefUpdates=always"]
)
def test_the_logs_of_refs_are_those_that_git_writes(pair, setting):
    pair.remote(setting)
    one, two = pair.experiment(1), pair.experiment(2, parent=pair.base)
    pair.push({f"{E}-1": one, "refs/heads/more": one})
    pair.push({f"{E}-1": two, "refs/heads/more": two})
    logs = {
        name: {
            str(path.relative_to(pair.git_dir(name))): path.read_text()
            for path in pair.git_dir(name).glob("logs/**/*")
            if path.is_file()
        }
        for name in ("ours", "theirs")
    }
    for name in ("refs/heads/more", f"{E}-1"):
        assert logs["ours"].get(f"logs/{name}") == logs["theirs"].get(f"logs/{name}")


def test_what_is_there_already_is_up_to_date(pair):
    pair.remote()
    one = ObjectId.fromhex(pair.experiment(1))
    pair.push({f"{E}-1": str(one)})
    remote = LocalRemote(str(pair.remotes["ours"].path), pair.repo.environ, pair.repo.open().object_format)
    (result,) = remote.push([PushCommand(f"{E}-1", one, one)], None)
    assert result.status == "up to date"


def test_what_the_repository_does_not_offer_is_refused_before_anything_is_done(pair):
    pair.remote("receive.advertiseAtomic=false")
    one = ObjectId.fromhex(pair.experiment(1))
    remote = LocalRemote(str(pair.remotes["ours"].path), pair.repo.environ, pair.repo.open().object_format)
    for options in ({"atomic": True}, {"options": ["x"]}):
        with pytest.raises(Unsupported):
            remote.push([PushCommand(f"{E}-1", one, None)], None, **options)


def test_a_symbolic_ref_and_its_target(pair):
    pair.remote()
    one, two = pair.experiment(1), pair.experiment(2)
    pair.push({f"{E}-1": one})
    for other in pair.remotes.values():
        other.git("symbolic-ref", f"{E}-sym", f"{E}-1")
    assert pair.push({f"{E}-sym": two, f"{E}-1": two}) == {f"{E}-sym": ("ok", ""), f"{E}-1": ("ok", "")}
    found = pair.push({f"{E}-sym": one, f"{E}-1": None})
    assert {reason for _, reason in found.values()} == {"inconsistent aliased update"}


def test_git_clones_and_fetches_what_we_pushed(pair):
    pair.remote()
    pair.push({f"{E}-{at}": pair.experiment(at) for at in range(40)})
    other = pair.repo.other("clone")
    pair.repo.git("clone", "-q", "--mirror", "--no-local", pair.remotes["ours"].path, other.path)
    assert len(other.git("for-each-ref", "refs/exps").splitlines()) == 40
    assert other.git("fsck", "--strict", "--no-dangling") == ""
    pair.remotes["ours"].git("gc", "-q", "--prune=now")
    shutil.rmtree(other.path)
    pair.repo.git("clone", "-q", "--mirror", "--no-local", pair.remotes["ours"].path, other.path)
    assert len(other.git("for-each-ref", "refs/exps").splitlines()) == 40


def test_what_a_crash_left_is_not_in_the_way_of_a_repeated_push(pair):
    pair.remote()
    for other in pair.remotes.values():
        (other.path / "objects/tmp_objdir-incoming-left/pack").mkdir(parents=True)
        (other.path / "objects/pack/tmp_pack_left").write_bytes(b"PACK")
    one = pair.experiment(1)
    found = pair.push_by_us({f"{E}-1": one}, False, (), pair.repo.environ)
    assert found == {f"{E}-1": ("ok", "")}
    pair.remotes["ours"].git("gc", "-q", "--prune=now")
    assert not list(pair.remotes["ours"].path.glob("objects/**/tmp_*"))
