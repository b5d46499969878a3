"""``python -m sklabelemb``: the demonstration on the command line."""

from sklabelemb.demo.command import main

if __name__ == "__main__":
    raise SystemExit(main())
