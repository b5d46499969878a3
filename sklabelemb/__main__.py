"""``python -m sklabelemb``: the command line."""

from sklabelemb.commands.main import main

if __name__ == "__main__":
    raise SystemExit(main(program="python -m sklabelemb"))
