"""Tagging: the codebook, the authored corpus, passages, cities, the model, its training and its evaluation.

Floor 1: imports nothing of the project but `hexapolis`. scikit-learn and skops stay inside this package.
"""
