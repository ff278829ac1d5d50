"""Pure statistics and models: a frame goes in, a tidy frame comes out; nothing here reads, writes or draws."""
