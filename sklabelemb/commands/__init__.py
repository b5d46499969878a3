"""The command line: one file for each command, which imports heavy libraries when it runs."""
