"""A figure to a file."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from eucentric.errors import InputError

_SUFFIXES = (".png", ".pdf", ".svg")


def save(figure: Figure, path: str | Path) -> Path:
    """Write the figure as .png, .pdf or .svg. Raises InputError for another suffix or a place that can't be written."""
    path = Path(path)
    check_suffix(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except OSError as error:
        raise InputError(
            f"The figure {path} can't be written: {error.strerror or error}. Choose another place."
        ) from error
    return path


def check_suffix(path: Path) -> None:
    """Raise InputError when a figure can't be written under this name."""
    if path.suffix.lower() not in _SUFFIXES:
        end = f"ends with '{path.suffix}', which figures can't be written as" if path.suffix else "has no ending"
        raise InputError(f"The name of the figure {path} {end}. Use .png, .pdf or .svg, as in {path.stem}.png.")


def check_not_over(figure: Path, images: tuple[Path, ...]) -> None:
    """Raise InputError when the figure would be written over one of the images that it is made from."""
    for image in images:
        if figure.resolve() == image.resolve() or (figure.exists() and image.exists() and figure.samefile(image)):
            raise InputError(
                f"The figure would be written over the image {image}. Give another name: --figure pair.png"
            )
