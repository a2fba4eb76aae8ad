"""One file for each defect of moto 5.2.5 that the lab mends.

Each has `NAME` (what is wrong, one sentence), `mend()` (put it right; called once, before the
server starts) and a test in `tests/unit/lab/compat/` that asserts the defect on moto as shipped:
the test fails once moto mends it, and then the file goes.
"""

from __future__ import annotations

import importlib
import pkgutil


def mend_all() -> list[str]:
    """Mend every defect, in the order of the files' names; returns what was mended."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    for module in modules:
        module.mend()
    return [module.NAME for module in modules]
