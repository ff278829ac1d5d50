"""Who uses the product: active users per week by region and language, of whom a few write to support."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opslib.sample import centre

FIRST_WEEK, LAST_WEEK = 21, 46  # the weeks that are over at centre.AS_OF; a week that has just begun has no number yet
CONTACTS_PER_1000 = 4.0  # tickets per thousand weekly active users, all teams together
GROWTH = 0.10  # over the 26 weeks
REGION_SHARES = (0.175, 0.375, 0.205, 0.23, 0.015)  # of users, in the order of centre.REGIONS
LANGUAGE_SHARES = (0.86, 0.10, 0.04)  # of users, in the order of centre.LANGUAGES
_MOOD = 0.01  # of the logarithm of a week's users


def draw_activity(rng: np.random.Generator, tickets: int) -> pd.DataFrame:
    """The activity table: one row per week, region and language.

    Args:
        rng: random numbers of its own, so that no other table depends on it.
        tickets: of the 26 weeks; as many users are active as make `CONTACTS_PER_1000`.

    Returns:
        active_on (the week's Monday), users, language, region. A user is counted once in a week, in one row; the same
        people come again in the next week, so that weeks must not be added up.
    """
    weeks = np.arange(FIRST_WEEK, LAST_WEEK + 1)
    usual = 1000 * tickets / len(weeks) / CONTACTS_PER_1000
    trend = 1 + GROWTH * ((weeks - FIRST_WEEK) / len(weeks) - 0.5)
    users = usual * trend * np.exp(rng.normal(0, _MOOD, len(weeks)))
    shares = np.outer(REGION_SHARES, LANGUAGE_SHARES).ravel()
    split = users[:, None] * shares * np.exp(rng.normal(0, _MOOD, (len(weeks), len(shares))))
    kinds = [(region, language) for region in centre.REGIONS for language in centre.LANGUAGES]
    return pd.DataFrame(
        {
            "active_on": [centre.monday(int(week)) for week in np.repeat(weeks, len(kinds))],
            "users": np.round(split).astype(np.int64).ravel(),
            "language": [language for _, language in kinds] * len(weeks),
            "region": [region for region, _ in kinds] * len(weeks),
        }
    )
