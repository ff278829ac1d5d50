"""The register of escalations in the warehouse: where it lies and what its columns are.

`published/escalations` is partitioned by week. The partition of a week holds what that week's reports found: the
escalations of the week, and what has become of those of earlier weeks. So a report that reads the weeks before its own
never depends on what it writes itself, and making an earlier week again leaves what later weeks found. Weeks that were
written before there were dispersion, others_per_week and needed_weeks lack these columns: they read as null.
"""

from __future__ import annotations

import pyarrow as pa

AREA, TABLE = "published", "escalations"
SCHEMA = pa.schema(
    [
        ("week", pa.string()),
        ("escalation_id", pa.string()),
        ("team", pa.string()),
        ("subject", pa.string()),
        ("kind", pa.string()),
        ("reason", pa.string()),
        ("phrases", pa.string()),
        ("escalated_week", pa.string()),
        ("onset_on", pa.string()),
        ("before_per_week", pa.float64()),
        ("excess", pa.float64()),
        ("excess_low", pa.float64()),
        ("excess_high", pa.float64()),
        ("score", pa.float64()),
        ("dispersion", pa.float64()),
        ("others_per_week", pa.float64()),
        ("latest_week", pa.string()),
        ("weeks_since", pa.int64()),
        ("needed_weeks", pa.int64()),
        ("latest_per_week", pa.float64()),
        ("latest_low", pa.float64()),
        ("latest_high", pa.float64()),
        ("state", pa.string()),
    ]
)
