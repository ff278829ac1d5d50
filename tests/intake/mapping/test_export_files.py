from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opslib.errors import ExportError
from opslib.intake.mapping.export_files import find_files, lookup_files
from tests.intake.mapping.mappings import WIDE, tickets


def test_files_come_oldest_first_by_the_date_in_their_name(source: Any, tmp_path: Path) -> None:
    """The later file's rows replace the earlier one's, whatever the clock of the download said."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("t_2026-11-09.csv", "t_20261102.csv", "t_2026-10-01-2026-10-31.csv", "people.csv", "notes.txt"):
        (folder / name).write_text("id\n1\n")
    mapping = source(WIDE)
    assert [path.name for path in find_files(mapping, folder)] == [
        "t_2026-10-01-2026-10-31.csv",
        "t_20261102.csv",
        "t_2026-11-09.csv",
    ]
    assert [path.name for path in lookup_files(mapping, folder)] == ["people.csv"]


def test_a_folder_without_fitting_files_is_an_error_that_says_what_is_looked_for(source: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("x\n")
    with pytest.raises(
        ExportError, match=r"no file fits the source 'crm'. It looks for `t\*`; the folder has `notes\.csv`"
    ):
        find_files(source(tickets()), tmp_path)
    with pytest.raises(ExportError, match="there is no such folder"):
        find_files(source(tickets()), tmp_path / "nowhere")


def test_a_link_that_leads_out_of_the_exports_is_refused_by_name(source: Any, tmp_path: Path) -> None:
    """Else whoever may put a file there has any file of the machine read, such as the key."""
    folder, mapping = tmp_path / "in", source(WIDE)
    (folder / "parts").mkdir(parents=True)
    (tmp_path / "opslib.key").write_text("a secret for tests only")
    (folder / "t_1.csv").write_text("id\n1\n")
    (folder / "parts" / "t_2.csv").write_text("id\n2\n")
    (folder / "t_2.csv").symlink_to("parts/t_2.csv")
    (folder / "notes.txt").symlink_to("../opslib.key")
    link = tmp_path / "link to in"
    link.symlink_to(folder)
    for exports in (folder, link):
        assert [path.name for path in find_files(mapping, exports)] == ["t_1.csv", "t_2.csv"]
    for name, look in {"t_3.csv": find_files, "people.csv": lookup_files}.items():
        for target in ("../opslib.key", tmp_path / "opslib.key", "chain.csv"):
            (folder / "chain.csv").unlink(missing_ok=True)
            (folder / "chain.csv").symlink_to("parts/../../opslib.key")
            (folder / name).symlink_to(target)
            for exports in (folder, link):
                with pytest.raises(ExportError, match=rf"^`{name}`: a link that leads out of the folder"):
                    look(mapping, exports)
            (folder / name).unlink()
    assert find_files(mapping, folder / "t_2.csv") == [folder / "t_2.csv"]
