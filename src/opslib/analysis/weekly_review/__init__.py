"""Weekly values, their charts and tests, what explains a change, and what was restated."""
