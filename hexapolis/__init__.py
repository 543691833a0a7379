"""The shared language of Hexapolis: records, errors and configuration.

Everything else in the project may import this package; it imports nothing of the project. The command line
(`hexapolis.__main__`, `hexapolis.cli`) lives here too, but stands on the top floor: nothing imports it.
"""

__version__ = "0.1.0"
