"""What files of this machine still name a person: the state directory, and exports that are named.

Kafka removes its records by itself; a file stays until somebody deletes it, so one that names the
person means that the erasure is not proved. Links are not followed, and what is packed or encrypted
cannot be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from schemas.person import Person

WHOLE_BYTES = 8 * 1024 * 1024  # up to here a file is decoded as one document, beyond it by pieces
PIECE_BYTES = 1024 * 1024
OVERLAP_BYTES = 4 * 1024  # of two pieces: longer than any spelling of an address


def files_naming(person: Person, places: Iterable[Path]) -> list[Path]:
    """Return the files below some places that name a person, and what cannot be read."""
    closed: list[Path] = []
    named = [path for path in _files(places, closed) if _names(person, path)]
    return [*named, *closed]


def _files(places: Iterable[Path], closed: list[Path]) -> Iterator[Path]:
    """Yield each file once; folders that cannot be listed are added to `closed`."""
    seen = set()
    for place in places:
        # A link that somebody names is meant: what it leads to is what they wish to know of.
        found = sorted(_below(place, closed)) if place.is_dir() else [place.resolve()]
        for path in found:
            if path.is_file() and not path.is_symlink() and path not in seen:
                seen.add(path)
                yield path


def _below(folder: Path, closed: list[Path]) -> Iterator[Path]:
    def note(error: OSError) -> None:
        closed.append(Path(error.filename))

    for parent, _folders, names in os.walk(folder, onerror=note):
        yield from (Path(parent, name) for name in names)


def _names(person: Person, path: Path) -> bool:
    if person.is_named_in(os.fsencode(path.name), os.fsencode(path.stem)):
        return True
    try:
        with path.open("rb") as file:
            raw = file.read(WHOLE_BYTES + 1)
            if person.is_named_in(raw[:WHOLE_BYTES]):
                return True
            if len(raw) <= WHOLE_BYTES:
                return False
            file.seek(0)
            return any(person.is_named_in(piece) for piece in _pieces(file))
    except OSError:
        return True  # nobody can say that it does not


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    before = b""
    while piece := file.read(PIECE_BYTES):
        yield before + piece
        before = piece[-OVERLAP_BYTES:]
