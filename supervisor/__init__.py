"""Processes: the parent and its children, configuration, the command line and what it shows."""
