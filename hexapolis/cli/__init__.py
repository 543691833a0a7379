"""The commands, a module for each kind of work: collect, tag, read, operate.

A module's `register` adds its commands to the application. Output for people and for programs is in `output`.
"""
