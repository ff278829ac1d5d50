"""From exports to gated standard tables: read, map, keep personal data out, stage, gate, admit."""
