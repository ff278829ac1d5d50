"""Gzip files and members of zips unpacked block by block, within the limits on what a file may become."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from opslib.intake.reading.raw_rows import Reading
from opslib.locales import whole

BLOCK: Final = 1 << 20
"""Bytes, or characters, that are read at once."""
NOT_A_ZIP: Final = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, struct.error)
"""What `zipfile` raises of archives that it cannot open."""
_NOT_A_MEMBER: Final = (*NOT_A_ZIP, RuntimeError, zlib.error, lzma.LZMAError)
_RATIO_COUNTS_FROM: Final = 100 << 20
_ENCRYPTED: Final = 1
_CUT: Final = "; the rows up to there were read, the rest is missing"


@dataclass
class Unpacking:
    """What one file has become so far.

    Args:
        reading: the reading whose limits hold.
        packed_bytes: the file's own size.
    """

    reading: Reading
    packed_bytes: int
    unpacked_bytes: int = field(default=0, init=False)

    def add(self, number: int) -> None:
        """Count bytes before they are kept.

        Raises:
            BeyondLimits: the file becomes larger than it may.
        """
        self.unpacked_bytes += number
        if self.unpacked_bytes > self.reading.limits.unpacked_megabytes << 20:
            raise self.reading.beyond(
                "unpacked_megabytes", f"unpacked it has more than {whole((self.unpacked_bytes - number) >> 20)} MB"
            )
        ratio = self.unpacked_bytes // max(1, self.packed_bytes)
        if self.unpacked_bytes > _RATIO_COUNTS_FROM and ratio > self.reading.limits.unpacked_ratio:
            raise self.reading.beyond("unpacked_ratio", f"unpacked it is {whole(ratio)} times as large as packed")

    def gzip(self, target: Path) -> tuple[str | None, bool]:
        """Unpack a gzip file, several members in a row too; all before a damage is written.

        Returns:
            What is wrong with it, if anything; whether that cut it off.

        Raises:
            BeyondLimits: the file becomes larger than it may.
        """
        inflater, read = zlib.decompressobj(wbits=31), 0
        with self.reading.path.open("rb") as stream, target.open("wb") as out:
            while True:
                block = stream.read(BLOCK)
                if not block:
                    break
                read += len(block)
                while block:
                    before = inflater.copy()
                    try:
                        unpacked = inflater.decompress(block, BLOCK)
                    except zlib.error:
                        return self._last_of(before, block, read - len(block), out)
                    self.add(len(unpacked))
                    out.write(unpacked)
                    block = inflater.unconsumed_tail
                    if inflater.eof:
                        block = inflater.unused_data.lstrip(b"\0")
                        if block and not block.startswith(b"\x1f"):
                            behind = f"what follows its end at byte {whole(read - len(block))} is no gzip data"
                            return f"{behind}; the rows before it were read", False
                        inflater = zlib.decompressobj(wbits=31) if block else inflater
            if not inflater.eof:
                out.write(inflater.flush())
                return f"truncated after {whole(read)} bytes{_CUT}", True
        return None, False

    def _last_of(self, inflater: zlib._Decompress, block: bytes, place: int, out: BinaryIO) -> tuple[str, bool]:
        """Write what can be had of a block before its damage, and say what that is."""
        for number in range(len(block)):
            try:
                unpacked = inflater.decompress(block[number : number + 1])
            except zlib.error as error:
                if "check" in str(error):
                    return (
                        f"its checksum is wrong; {whole(self.unpacked_bytes)} bytes were read, some may be false",
                        False,
                    )
                return f"broken at byte {whole(place + number)} or after{_CUT}", True
            self.add(len(unpacked))
            out.write(unpacked)
        return f"broken at byte {whole(place)} or after{_CUT}", True

    def member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> str | None:
        """Unpack a member of a zip; None, or what is wrong with it. All before the damage is written.

        Raises:
            BeyondLimits: the zip becomes larger than it may.
        """
        if member.flag_bits & _ENCRYPTED:
            return "it is locked with a password; save it without one"
        checksum = 0
        try:
            with archive.open(member) as stream, target.open("wb") as out:
                # zipfile would keep the last block to itself where the checksum is wrong.
                setattr(stream, "_expected_crc", None)  # noqa: B010
                while block := stream.read(BLOCK):
                    self.add(len(block))
                    checksum = zlib.crc32(block, checksum)
                    out.write(block)
        except NotImplementedError:
            return "it is packed in a way that is not known; pack it again as an ordinary zip"
        except _NOT_A_MEMBER:
            return "it is broken or cut off; fetch the export again"
        if checksum != member.CRC:
            return "its checksum is wrong; fetch the export again"
        return None
