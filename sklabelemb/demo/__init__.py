"""The demonstration: LEAM beside linear baselines, in a table, and on a page of highlighted texts.

Importing it imports no heavy library, so that ``--help`` answers at once.
"""
