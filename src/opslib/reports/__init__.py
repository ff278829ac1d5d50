"""The subjects of the notebooks: a folder each, with what it asks (`frames`) and how it shows it (`show`)."""
