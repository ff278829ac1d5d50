"""The pages of a run: reports, index, weeks side by side, data quality, and the server that shows them."""
