"""The folders of Great Expectations' pages, one a run below the data directory; the last ones are kept."""

import shutil
from pathlib import Path

KEPT = 30
FIRST = "index.html"


def below(data: Path) -> Path:
    """Where a system's pages are."""
    return data / "quality"


def link(folder: Path) -> str:
    """The address of a run's first page, which a browser on this machine opens; "" where it has none."""
    page = folder / FIRST
    return page.resolve().as_uri() if page.exists() else ""


def prune(pages: Path) -> None:
    """Keep the folders of the last runs alone."""
    folders = [path for path in pages.iterdir() if path.is_dir()] if pages.exists() else []
    folders.sort(key=lambda path: path.stat().st_mtime)
    for old in folders[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)  # another run may prune it, too
