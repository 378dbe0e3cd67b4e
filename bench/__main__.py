"""`python -m bench [--small] [NAME…]`: measure the installed wheel, print the tables, keep them in bench/results/.

The Python that runs this is the one that is measured: its `exps`, and itself as `python -c …`. It says which expref
that is, and refuses a checkout or an editable install. Exit status 0 says that everything was measured, not that every
limit was met: that stands in the tables.
"""
import argparse
import shutil
import sys

from bench import daily, diff, installed, objects, refs, report, save, share, show, snapshot, startup, transfer
from bench.runner import CommandFailed, Setting

BENCHMARKS = {
    "startup": startup.run, "save": save.run, "refs": refs.run, "packing": snapshot.run_packing, "diff": diff.run,
    "random": objects.run_random, "objects": objects.run, "snapshot": snapshot.run, "untracked": snapshot.run_untracked,
    "large": snapshot.run_large, "million": snapshot.run_million, "daily": daily.run_all, "show": show.run,
    "transfer": transfer.run, "share": share.run_all,
}


def main(arguments):
    wanted = parse(arguments)
    if shutil.which("git") is None:
        return fail("git is not installed: it makes the repositories that are measured")
    try:
        wheel = installed.find()
        print(f"measuring {wheel}\n")
        dvc = shutil.which(wanted.dvc)
        setting = Setting(exps=str(wheel.script), python=sys.executable, dvc=dvc, small=wanted.small, peer=wanted.peer)
        for name in wanted.names or BENCHMARKS:
            comparisons, versions = BENCHMARKS[name](setting)
            text = report.render(comparisons)
            print(text, flush=True)
            report.keep(name, comparisons, text, about=report.circumstances(wheel, versions, wanted.small))
    except (installed.Refused, CommandFailed) as error:
        return fail(error)
    return 0


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--small", action="store_true", help="fewer rounds, smaller inputs: minutes in all")
    parser.add_argument("--dvc", default="dvc", metavar="PATH", help="the dvc to compare with (default: from PATH)")
    parser.add_argument("--peer", metavar="PYTHON", help="a Python that has dulwich and pygit2 (default: none)")
    wanted = parser.parse_args(arguments)
    for name in wanted.names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark is called {name!r}; there are: {', '.join(BENCHMARKS)}")
    return wanted


def fail(why):
    print(f"bench: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
