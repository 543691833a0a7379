"""The slow fault suite: `python -m pytest tests/faults -n0 -s`. A plain `pytest` leaves it out."""
