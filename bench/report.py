"""Comparisons as a table, and the results kept in bench/results/: NAME.jsonl for programs, NAME.txt for people.

Both are only ever appended to. One line of NAME.jsonl is one run: {"at", "commit", …, "comparisons": [{"title",
"rounds", "rows": [{"command", "place", "cost", "ratio", "at_most", "missing"}]}]}, with seconds and bytes.
"""
import json
import os
import platform
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
HEAD = ("command", "where", "wall ms", "cpu ms", "memory MiB", "must reach", "measured", "met")
NUMBERS = {2, 3, 4}  # the columns that are aligned to the right


def render(comparisons):
    """The tables as one text."""
    return "\n".join(render_one(comparison) for comparison in comparisons)


def render_one(comparison):
    """One table: a row for each command in each place, with the limit, what was measured, and whether it is met."""
    table = [HEAD, *(cells(row) for row in comparison.rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) if i in NUMBERS else cell.ljust(width)
                  for i, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in table
    ]
    title = f"{comparison.title} (best of {comparison.rounds}, alternating)"
    return "\n".join([title, lines[0], "-" * len(lines[0]), *lines[1:], ""])


def cells(row):
    """The texts of one row, in the order of HEAD."""
    if row.cost is None:
        wanted = times(row.at_most, least=True) if row.at_most else ""
        return row.command, row.place, "", "", "", wanted, f"not measured: {row.missing}", ""
    cost = f"{row.cost.wall_s * 1000:.1f}", f"{row.cost.cpu_s * 1000:.1f}", f"{row.cost.memory_bytes / 2**20:.1f}"
    if row.ratio is None:
        return row.command, row.place, *cost, "", "", ""
    if row.at_most is None:
        return row.command, row.place, *cost, "", times(row.ratio), ""
    met = "yes" if row.ratio <= row.at_most else "NO"
    faster = row.at_most < 1
    return row.command, row.place, *cost, times(row.at_most, least=True), times(row.ratio, faster=faster), met


def times(ratio, *, least=False, faster=None):
    """A ratio of wall times (ours / peer) in words: "1.31x its time", "17.2x faster"; with the sign of a limit."""
    faster = ratio < 1 if faster is None else faster
    if faster:
        return f"{'≥ ' if least else ''}{1 / ratio:.1f}x faster"
    return f"{'≤ ' if least else ''}{ratio:.2f}x its time"


def keep(name, comparisons, text, *, about, folder=RESULTS):
    """Append one run to NAME.jsonl and NAME.txt; `about` is what `circumstances` returned."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = [{**c._asdict(), "rows": [{**r._asdict(), "cost": r.cost and r.cost._asdict()} for r in c.rows]}
            for c in comparisons]
    with open(folder / f"{name}.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps({**about, "comparisons": kept}, ensure_ascii=False) + "\n")
    lines = [f"{key}: {', '.join(f'{k} {v}' for k, v in value.items()) if isinstance(value, dict) else value}"
             for key, value in about.items()]
    with open(folder / f"{name}.txt", "a", encoding="utf-8") as file:
        file.write("\n".join([*lines, "", text, ""]))


def circumstances(wheel, versions, small):
    """What the figures of a run depend on, as {what: text or {name: text}}."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": wheel.commit,
        "wheel": f"expref {wheel.version}, {wheel.different} modules differ from that commit's checkout",
        "size": "small" if small else "full",
        "python": platform.python_version(),
        "machine": machine(),
        "peers": versions,
    }


def machine():
    """Processor, cores, memory and system; no name of a host."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {cores} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.release()}"


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
