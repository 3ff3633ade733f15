# uncompiled.py - makes linnet's Python sources importable where its compiled half is not built; import it first.

import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]

package = ModuleType("linnet")
package.__path__ = [str(ROOT / "python" / "linnet")]
sys.modules.setdefault("linnet", package)
