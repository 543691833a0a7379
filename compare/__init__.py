"""Compare: what each city's coverage looks like beside the plan.

Pure functions over records; no database, no crawler.
"""
