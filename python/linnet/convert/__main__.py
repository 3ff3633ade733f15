"""convert/__main__.py - `python -m linnet.convert`, or this folder as a program where linnet is not installed."""

import sys
from pathlib import Path
from types import ModuleType

if not __package__:
    package = ModuleType("linnet")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["linnet"] = package

from linnet.convert.command import main

sys.exit(main())
