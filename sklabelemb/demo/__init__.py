"""The demonstration: LEAM and linear baselines in a table, and a page of highlighted texts.

It imports no heavy library, so that ``--help`` is fast.
"""
