"""In which order findings are read, and which are the first."""

from __future__ import annotations

import pandas as pd

from opslib.analysis.findings.register import KINDS, STANDINGS

MOST_LINES, MOST_OF_A_TEAM = 5, 2


def ranked(findings: pd.DataFrame) -> pd.DataFrame:
    """Findings in the order in which they are read, with their rank.

    Args:
        findings: rows of `register.SCHEMA`.

    Returns:
        The same rows with `rank`, from 1 on, first the first.

    Notes:
        What another finding says already comes last. Before, by `standing`: data that are not complete, what is clear,
        what could be chance, what is of too few to say, what needs nobody. Within these by `score`: tickets short of
        the goal times the goal's weight, else tickets a week; where neither is known, after those with one. Ties go by
        kind and name, so that the order of the rows does not matter.
    """
    order = pd.DataFrame(
        {
            "is_said": findings["said_by"].fillna("") != "",
            "standing": pd.Index(STANDINGS).get_indexer(pd.Index(findings["standing"])),
            "score": -findings["score"].fillna(0.0).astype("float64"),
            "kind": pd.Index(KINDS).get_indexer(pd.Index(findings["kind"])),
            "team": findings["team"].to_numpy(),
            "subject": findings["subject"].to_numpy(),
        },
        index=findings.index,
    )
    places = order.sort_values(list(order.columns), kind="stable").index
    rows = findings.loc[places].reset_index(drop=True)
    return rows.assign(rank=range(1, len(rows) + 1))


def first_lines(
    findings: pd.DataFrame, *, most: int = MOST_LINES, most_of_a_team: int = MOST_OF_A_TEAM
) -> pd.DataFrame:
    """The findings that are read first, those that need somebody and that no other says.

    Args:
        findings: rows of `register.SCHEMA`.
        most: how many at most.
        most_of_a_team: how many of one team at most.

    Returns:
        Of `ranked` the first rows.
    """
    rows = ranked(findings)
    rows = rows[(rows["said_by"].fillna("") == "") & (rows["standing"] != STANDINGS[-1])]
    rows = rows[rows["kind"] != "overdue action"]
    return rows[rows.groupby("team").cumcount() < most_of_a_team].head(most).reset_index(drop=True)
