"""A simulated support centre with known ground truth, written as exports in the `standard` form."""

from opslib.sample.write import write_sample

__all__ = ["write_sample"]
