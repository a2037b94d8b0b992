"""Where records are kept, which images with them, and how much of the disk these may take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from eucentric.errors import InputError

DATABASE = "runs/records.sqlite"
"""Where records are kept when nobody says where."""
SERVER_IMAGES = Path("runs/records-images")
"""The image folder of records on a server, when nobody says where."""
CAP_BYTES = 50_000_000_000


class Images(StrEnum):
    """Of which measurements the images are kept."""

    ALL = "all"
    REFUSED = "refused"  # and of those that were cut off
    NONE = "none"


class Place(BaseModel):
    """Where and what. Images by hand and final images are no measurement's: they are kept but with `none`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    database: str = DATABASE
    """A file (SQLite, made where it is missing), or the URL of a database: postgresql+pg8000://user@host/records."""
    image_folder: Path
    """Where images are kept; it belongs to this database alone."""
    images: Images = Images.ALL
    """Of which measurements images are kept."""
    cap_bytes: int = Field(default=CAP_BYTES, ge=0)
    """Bytes that images may take: above it the oldest go first. Their rows stay, and say so."""

    @classmethod
    def of(
        cls,
        database: str = DATABASE,
        *,
        image_folder: Path | None = None,
        images: Images = Images.ALL,
        cap_bytes: int = CAP_BYTES,
    ) -> Self:
        """The place of a database; without an image folder `NAME-images` beside a file called `NAME.sqlite`.

        Raises InputError for what is no file name and no URL, and for a folder.
        """
        file = _file(database)
        if file is not None and file.is_dir():
            raise InputError(
                f"'{database}' is a folder: give a file in which records are kept, for example "
                f"--records {file / Path(DATABASE).name}"
            )
        if image_folder is None:
            image_folder = SERVER_IMAGES if file is None else file.with_name(f"{file.stem}-images")
        place = cls(database=database, image_folder=image_folder, images=images, cap_bytes=cap_bytes)
        _ = place.url
        return place

    @property
    def file(self) -> Path | None:
        """The database's file; None where it is on a server."""
        return _file(self.database)

    @property
    def url(self) -> URL:
        """As SQLAlchemy wants it. Raises InputError where it is none."""
        file = self.file
        if file is not None:
            return URL.create("sqlite", database=str(file))
        try:
            return make_url(self.database)
        except ArgumentError as error:
            raise InputError(
                f"Records can't be kept at '{self.database}': it is no file name and no URL of a database. "
                f"Write for example --records {DATABASE}, or --records postgresql+pg8000://user@host/records"
            ) from error

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True) if self.file is None else str(self.file)


def _file(database: str) -> Path | None:
    return None if "://" in database else Path(database)
