"""Imports that leave out what a library only offers interfaces to: seconds and a hundred megabytes in each worker."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

NOT_FOR_WORKERS = ("sklearn", "pandas", "pyarrow")


@contextmanager
def lean() -> Iterator[None]:
    """Within it, these packages are as if not installed, but for those that are imported already."""
    hidden = [name for name in NOT_FOR_WORKERS if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: as if not installed
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
