"""The training program of the demo: a logistic regression on points of two kinds, without any package.

`exps demo` copies this file into the folder that it makes, as train.py, and calls `train` for the experiments that it
saves there. Run as a program it reads params.yaml and writes metrics.json.
"""
import json
import math
import random

Point = tuple[float, float, int]  # x, y, kind


def points(seed: int, count: int, noise: float) -> list[Point]:
    """`count` points around two centres, spread by `noise`; the same for the same seed."""
    chance = random.Random(seed)
    kinds = [number % 2 for number in range(count)]
    return [(chance.gauss(kind, noise), chance.gauss(1 - kind, noise), kind) for kind in kinds]


def train(params: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Fit on one set of points, measure on another; return the metrics."""
    data, settings = params["data"], params["train"]
    fitted, measured = (points(int(data["seed"]) + n, int(data["samples"]), data["noise"]) for n in (0, 1))
    a = b = c = 0.0
    for _ in range(int(settings["epochs"])):
        for x, y, kind in fitted:
            error = _probability(a, b, c, x, y) - kind
            a -= settings["lr"] * (error * x + settings["l2"] * a)
            b -= settings["lr"] * (error * y + settings["l2"] * b)
            c -= settings["lr"] * error
    return {"train": _measure(a, b, c, fitted), "test": _measure(a, b, c, measured)}


def _probability(a: float, b: float, c: float, x: float, y: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, a * x + b * y + c))))


def _measure(a: float, b: float, c: float, found: list[Point]) -> dict[str, float]:
    right, loss = 0, 0.0
    for x, y, kind in found:
        probability = _probability(a, b, c, x, y)
        right += (probability > 0.5) == (kind == 1)
        loss -= math.log(max(1e-12, probability if kind else 1 - probability))
    return {"accuracy": right / len(found), "loss": round(loss / len(found), 5)}


if __name__ == "__main__":
    import yaml

    with open("params.yaml", encoding="utf-8") as file:
        metrics = train(yaml.safe_load(file))
    with open("metrics.json", "w", encoding="utf-8") as file:
        json.dump(metrics, file, indent=2)
        file.write("\n")
