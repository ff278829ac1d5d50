"""What a reader sees: charts, tables and words, each made from a tidy frame of `analysis`."""
