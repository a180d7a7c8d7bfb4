"""`python -m seal` is the command `seal`."""

import sys

from seal.cli import main

sys.exit(main())
