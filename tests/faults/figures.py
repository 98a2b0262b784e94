"""What fault tests measured, for docs/guarantees.md: `make figures` prints it, line by line.

A test run by itself measures the same and keeps it to itself.
"""

import json
import os
from pathlib import Path
from typing import Final

FILE: Final = "FAULT_FIGURES"  # where the environment names a file, to which lines are added


def note(**figures: float) -> None:
    """Note what the present test has measured; the unit is the end of each name."""
    file = os.environ.get(FILE)
    if file is None:
        return
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
    rounded = {name: round(figure, 3) for name, figure in figures.items()}
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"test": test} | rounded) + "\n")
