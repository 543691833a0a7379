"""Checks of the authored corpus: copies, templates, contradictions, counts, and labels that look wrong.

    python -m bench.corpus_check [FILES] [--labels]

Hard findings break a rule that the corpus keeps, and end with exit code 1; soft ones are for a person to
read, and most of them are in order. Nothing here changes a text or a label.
"""

from __future__ import annotations
