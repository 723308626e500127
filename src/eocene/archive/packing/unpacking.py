"""Products that cannot be read in their zip file, unpacked into the workspace once."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from eocene.archive.packing.product_files import ProductFiles
from eocene.archive.packing.zips import FAULTS, damaged_member
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive.product import IngestOptions

_LARGEST_BYTES = 16 * 2**30
_LARGEST_RATIO = 200
_BLOCK_BYTES = 2**20


def unpack_product(files: ProductFiles, options: IngestOptions) -> ProductFiles:
    """Return a product of a zip file as a folder below ``options.assets``; a folder is returned as it is.

    The folder's name follows from the content, so nothing that is there is ever overwritten.

    Raises
    ------
    InputError
        If it would become too large.
    DamageError
        If the zip file is damaged; it is named.
    """
    if not files.is_packed:
        return files
    try:
        with zipfile.ZipFile(files.root) as stream:
            infos = [stream.getinfo(files.prefix + name) for name in files.names()]
            _check_size(files.root, infos)
            told = repr(sorted((info.filename, info.CRC, info.file_size) for info in infos)).encode()
            folder = options.folder_for(files.root) / "unpacked" / f"{files.root.stem}-{zlib.crc32(told):08x}"
            for info in infos:
                name = PurePosixPath(info.filename.removeprefix(files.prefix))
                _unpack(stream, info, folder.joinpath(*name.parts), options)
    except FAULTS as error:
        raise damaged_member(files.root, str(error)) from error
    return ProductFiles(folder)


def _check_size(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    whole = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if whole > _LARGEST_BYTES or whole > _LARGEST_RATIO * max(packed, 2**16):
        raise InputError(
            f"The zip file {str(path)!r} of {packed} bytes would become {whole} bytes.",
            "If that is right, unpack it yourself and ingest the folder.",
        )


def _unpack(stream: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, options: IngestOptions) -> None:
    if target.is_file() and target.stat().st_size == info.file_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    options.written.append(target)
    try:
        with stream.open(info) as source, part.open("wb") as sink:
            while block := source.read(_BLOCK_BYTES):  # the checksum is compared at the end
                sink.write(block)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
