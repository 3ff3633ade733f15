"""convert/__main__.py - `python -m linnet.convert`."""

import sys

from .command import main

sys.exit(main())
