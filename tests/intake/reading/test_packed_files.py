"""Zips, gzip files and Parquet that are broken, locked, strange or far too large."""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opslib.settings import ReadingLimits
from tests.intake.reading.exports import Folder

TEXT = "id,name\n" + "".join(f"{number},name {number * 7919 % 1000}\n" for number in range(2000))


def zipped(*members: tuple[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytearray:
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(name, content)
    return bytearray(stream.getvalue())


def two() -> bytearray:
    return zipped(("a.csv", "id,name\n1,x\n"), ("b.csv", "id,name\n2,y\n"))


def locked() -> bytearray:
    content = two()
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return content


def of_unknown_method() -> bytearray:
    content = two()
    content[8] = content[content.index(b"PK\x01\x02") + 10] = 99
    return content


def with_a_broken_header() -> bytearray:
    content = two()
    content[:4] = b"????"
    return content


@pytest.mark.parametrize("content", [locked(), of_unknown_method(), with_a_broken_header()])
def test_a_member_that_cannot_be_unpacked_is_named_and_the_others_are_read(exports: Folder, content: bytes) -> None:
    export = exports.read("t.zip", bytes(content))
    assert export.values == [("2", "y")]
    assert export.damage.startswith("t.zip: `a.csv` in it is damaged: ")


def test_members_of_any_name_are_read_and_none_leaves_its_folder(exports: Folder) -> None:
    names = [
        "../../out.csv",
        "/tmp/out-of-opslib.csv",
        "a[1]*.csv",
        "x" * 2000 + ".csv",
        "b.csv",
        "b.csv",
        "new\nline.csv",
    ]
    content = zipped(*((name, f"id\n{number}\n") for number, name in enumerate(names)))
    export = exports.read("t.zip", bytes(content))
    assert sorted(export.ids) == [str(number) for number in range(len(names))]
    assert export.damage == ""


def test_zips_without_a_file_that_can_be_read_say_so(exports: Folder) -> None:
    assert "there is no CSV file in the zip" in exports.read("t.zip", bytes(zipped())).damage
    empty = exports.read("t.zip", bytes(zipped(("a.csv", ""), ("b.csv", "id\n1\n"))))
    assert (empty.ids, empty.damage) == (["1"], "t.zip: `a.csv` in it is empty (0 bytes)")
    nested = exports.read("t.zip", bytes(zipped(("in.zip", bytes(two())), ("b.csv", "id\n1\n"))))
    assert nested.ids == ["1"]
    assert "`in.zip` in it is a zip itself" in nested.damage


def test_a_member_whose_checksum_is_wrong_is_read_and_named(exports: Folder) -> None:
    content = zipped(("t.csv", TEXT))
    content[content.index(b"PK\x01\x02") + 16] ^= 255
    export = exports.read("t.zip", bytes(content))
    assert (export.raw.rows, "its checksum is wrong" in export.damage) == (2000, True)


def test_a_member_beyond_a_limit_is_named_with_its_zip(exports: Folder) -> None:
    content = zipped(("a.csv", "id\n1\n"), ("wide.csv", "a,b,c,d\n1,2,3,4\n"))
    export = exports.read("t.zip", bytes(content), limits=ReadingLimits(columns=3))
    assert export.damage.startswith("t.zip: wide.csv: its header has 4 columns; `limits.reading.columns`")
    assert export.ids == []


def test_gzip_that_is_broken_says_what_was_read(exports: Folder) -> None:
    whole = gzip.compress(TEXT.encode())
    wrong = bytearray(whole)
    wrong[-6] ^= 255
    export = exports.read("t.csv.gz", bytes(wrong))
    assert export.raw.rows == 2000
    assert f"its checksum is wrong; {len(TEXT):,} bytes were read" in export.damage
    behind = exports.read("t.csv.gz", whole + b"and more")
    assert (behind.raw.rows, "what follows its end" in behind.damage) == (2000, True)
    parts = gzip.compress(TEXT[:777].encode()) + gzip.compress(TEXT[777:].encode()) + bytes(512)
    assert (exports.read("t.csv.gz", parts).raw.rows, exports.read("t.csv.gz", parts).damage) == (2000, "")
    cut = exports.read("t.csv.gz", whole[: len(whole) // 2])
    assert 0 < cut.raw.rows < 2000
    assert "truncated after" in cut.damage


def test_a_file_that_is_called_gz_and_is_not_is_read(exports: Folder) -> None:
    assert exports.read("t.jsonl.gz", '{"id": 1}\n{"id": 2}\n').ids == ["1", "2"]
    assert exports.read("t.csv.gz", "id,name\n1,a\n").ids == ["1"]


def test_what_unpacks_to_more_than_its_limits_is_named_before_it_takes_the_disk(exports: Folder) -> None:
    bomb = b"id,name\n" + b"1,a\n" * 27_000_000
    for name, content in (("t.csv.gz", gzip.compress(bomb, 1)), ("t.zip", bytes(zipped(("t.csv", bomb))))):
        export = exports.read(name, content, limits=ReadingLimits(unpacked_ratio=100))
        assert (export.values, "limits.reading.unpacked_ratio" in export.damage) == ([], True)
        small = exports.read(name, content, limits=ReadingLimits(unpacked_megabytes=2))
        assert "limits.reading.unpacked_megabytes" in small.damage


def parquet(**columns: list[object]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def test_parquet_of_nested_types_and_bytes_is_read(exports: Folder) -> None:
    content = parquet(id=[1, 2], at=[{"x": {"y": 1}}, None], many=[[1, 2], []], raw=[b"\xff\xfe", b"ok"])
    export = exports.read("t.parquet", content)
    assert export.raw.columns == ("id", "at.x.y", "many", "raw")
    assert export.values == [("1", "1", "[1,2]", "\\xFF\\xFE"), ("2", None, "[]", "ok")]


def test_parquet_that_is_broken_is_named(exports: Folder) -> None:
    content = parquet(identifier=[1, 2])
    for broken in (content[:-20], content[:40], b"PAR1", content.replace(b"identifier", b"\xff\xfeentifier")):
        export = exports.read("t.parquet", broken)
        assert (export.values, export.damage.startswith("t.parquet: the ")) == ([], True)


NAMES: list[str | bytes] = [
    "t-[1]", "t-?", "t-*", "t'q\"", "a\nb", "%20 {x}", "x" * 240, b"caf\xe9", "back\\slash*", "T-1", "t-1",
    "[ab]/t", "team=x/t", "~/t",
]  # fmt: skip


def test_names_of_files_and_folders_are_names_never_patterns(exports: Folder) -> None:
    """`t-1` lies beside `t-[1]` and `t-?`, the folder `a` beside `[ab]`: each holds something else."""
    content = {"csv": "id\n{}\n", "jsonl": '{{"id": {}}}\n', "parquet": None}
    for ending, form in content.items():
        exports.read(f"a/t.{ending}", form.format(99) if form else parquet(id=[99]))
        for number, name in enumerate(NAMES):
            full = name + f".{ending}".encode() if isinstance(name, bytes) else f"{name}.{ending}"
            exports.read(full, form.format(number) if form else parquet(id=[number]))
        for number, name in enumerate(NAMES):
            full = name + f".{ending}".encode() if isinstance(name, bytes) else f"{name}.{ending}"
            export = exports.read(full, form.format(number) if form else parquet(id=[number]))
            assert (export.raw.columns, export.ids) == (("id",), [str(number)]), full
            assert export.raw.name.isprintable()
