"""The training program of the demo: a logistic regression on points of two kinds, without any package.

`exps demo` copies this file into the folder that it makes, as train.py, and calls `train` for the experiments that it
saves there. Run as a program it reads params.yaml and writes metrics.json.
"""
import json
import math
import random

SEEDS = (7, 8)  # of the points to fit on, and of those to measure on
Point = tuple[float, float, int]  # x, y, kind


def points(seed: int, count: int, noise: float) -> list[Point]:
    """`count` points around two centres, spread by `noise`; the same for the same seed."""
    chance = random.Random(seed)
    kinds = [number % 2 for number in range(count)]
    return [(chance.gauss(kind, noise), chance.gauss(1 - kind, noise), kind) for kind in kinds]


def train(params: dict[str, dict[str, float]]) -> dict[str, float]:
    """Fit on one set of points, measure on another; return the metrics."""
    data, settings = params["data"], params["train"]
    fitted, measured = (points(seed, int(data["samples"]), data["noise"]) for seed in SEEDS)
    a = b = c = 0.0
    for _ in range(int(settings["epochs"])):
        for x, y, kind in fitted:
            error = _probability(a, b, c, x, y) - kind
            a -= settings["lr"] * (error * x + settings["l2"] * a)
            b -= settings["lr"] * (error * y + settings["l2"] * b)
            c -= settings["lr"] * error
    return _measure(a, b, c, measured)


def _probability(a: float, b: float, c: float, x: float, y: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, a * x + b * y + c))))


def _measure(a: float, b: float, c: float, found: list[Point]) -> dict[str, float]:
    right, loss = 0, 0.0
    for x, y, kind in found:
        probability = _probability(a, b, c, x, y)
        right += (probability > 0.5) == (kind == 1)
        loss -= math.log(max(1e-12, probability if kind else 1 - probability))
    return {"accuracy": right / len(found), "loss": round(loss / len(found), 5)}


def read_params(path: str) -> dict[str, dict[str, float]]:
    """The numbers in a file of sections: as much of YAML as params.yaml has, so that no package is needed."""
    params: dict[str, dict[str, float]] = {}
    section: dict[str, float] = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, colon, value = line.partition("#")[0].partition(":")
            if value.strip():
                section[name.strip()] = float(value)
            elif colon:
                section = params.setdefault(name.strip(), {})
    return params


def main() -> None:
    """Read params.yaml, train, write metrics.json."""
    metrics = train(read_params("params.yaml"))
    with open("metrics.json", "w", encoding="utf-8") as file:
        json.dump(metrics, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
