"""The commands by name: what `--help`, completion and the loader know of them before any of them is loaded.

No click here: completion has no time for it.
"""

from expref.objstore.lighttyping import NamedTuple


class Entry(NamedTuple):
    """A command: the module in this folder that has it, what it does, and what its arguments are.

    `words` are those that may follow it, where only some may.
    """

    module: str
    summary: str
    takes_experiments: bool = False
    words: tuple[str, ...] = ()


COMMANDS = {
    "branch": Entry("branch", "Make a Git branch of an experiment.", True),
    "cat": Entry("cat", "Print a file, folder or commit of the repository.", True),
    "completion": Entry("completion", "Print what a shell needs to complete commands.", words=("bash", "fish", "zsh")),
    "config": Entry("config", "Show or set a setting of exps."),
    "demo": Entry("demo", "Make a small repository with experiments, to look around in."),
    "diff": Entry("diff", "Show what differs between two experiments or commits.", True),
    "doctor": Entry("doctor", "Look for what is wrong, say what to do, repair on demand."),
    "list": Entry("list", "List experiments by baseline."),
    "log": Entry("log", "Print the history of a commit.", True),
    "metrics": Entry("metrics", "Show and compare metrics.", True, words=("diff", "show")),
    "params": Entry("params", "Compare parameters.", True, words=("diff",)),
    "pull": Entry("pull", "Get experiments from a Git remote.", True),
    "push": Entry("push", "Send experiments to a Git remote.", True),
    "refs": Entry("refs", "List the refs of experiments."),
    "remove": Entry("remove", "Remove experiments, or bring them back.", True),
    "rename": Entry("rename", "Give an experiment another name.", True),
    "save": Entry("save", "Save the work tree as an experiment."),
    "show": Entry("show", "Show parameters and metrics of experiments as a table.", True),
    "undo": Entry("undo", "List what can be brought back, and bring it back.", words=("list", "restore")),
}
ALIASES = {"ls": "list", "rm": "remove"}
