"""`python -m seal` is the command `seal`, and `seal` is this, too.

It is what runs before the command line is imported, which takes a moment: an interrupt in it leaves
with 130 and no traceback, as later.
"""

import sys


def main() -> int:
    """Run the command line; return the exit status."""
    try:
        from seal.cli import main as command

        return command()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
