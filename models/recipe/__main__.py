"""`python -m models.recipe COMMAND …`: everything that makes and measures the models."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any, Final

COMMANDS: Final = {
    "render-detector": ("models.recipe.detector.render", "render training frames for the detector"),
    "train-detector": ("models.recipe.detector.train", "train the detector"),
    "thin": ("models.recipe.thinning", "make a trained network narrower"),
    "learn-opening": ("models.recipe.detector.opening", "give a trained detector a cheaper beginning"),
    "mine-detector": ("models.recipe.detector.mistakes", "find what a trained detector takes for plates"),
    "render-ocr": ("models.recipe.ocr.render", "render training patches for the recogniser"),
    "train-ocr": ("models.recipe.ocr.train", "train the recogniser"),
    "evaluate-ocr": ("models.recipe.ocr.evaluate", "measure the recogniser on held-out crops"),
    "export": ("models.recipe.export", "make TFLite files from a checkpoint"),
    "convert": ("models.recipe.convert", "the part of export that runs where TensorFlow is"),
    "evaluate": ("models.recipe.evaluate", "measure models on held-out real pictures"),
}


def main(words: list[str]) -> int:
    """Run one command; returns its exit code."""
    listing = "\n".join(f"  {name:16} {purpose}" for name, (_, purpose) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m models.recipe",
        description=__doc__,
        epilog=f"commands:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=sorted(COMMANDS), metavar="COMMAND")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="the command's own options; --help shows them")
    args = parser.parse_args(words)
    module_name, purpose = COMMANDS[args.command]
    try:
        module: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        print(
            f"{args.command} needs {error.name}: install the extra [train], models/README.md", file=sys.stderr
        )
        return 1
    own = argparse.ArgumentParser(prog=f"python -m models.recipe {args.command}", description=purpose)
    module.add_arguments(own)
    return int(module.run(own.parse_args(args.rest)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
