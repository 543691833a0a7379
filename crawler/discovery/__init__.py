"""Finding the entry points of an unknown site, and writing a catalogue's entry for it."""
