"""`python -m tests.benchmarks [NAME ...]` prints the README's table."""

import sys

from tests.benchmarks.rows import ROWS, measure
from tests.benchmarks.timing import HEADER


def main(names: list[str]) -> None:
    """Measure and print, line by line."""
    print(HEADER)
    for name in names or ROWS:
        print(measure(name).as_markdown(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
