"""`main`: the parser of all commands, exit codes and errors on one line."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import sklabelemb
from sklabelemb.commands import compare, demo, evaluate, explain, predict, train
from sklabelemb.commands.messages import in_options

__all__ = ["main"]

COMMANDS = {
    "train": train,
    "predict": predict,
    "evaluate": evaluate,
    "explain": explain,
    "compare": compare,
    "demo": demo,
}
# What the user can fix. Anything else is a bug of the package, shown with its traceback.
_USERS = (OSError, ValueError, TypeError, ImportError, MemoryError, FloatingPointError)
INTERRUPTED = 130
# A shell's exit code for a program whose reader has gone.
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None, program: str = "sklabelemb") -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, default=None
        None: those that the program was started with.
    program : str, default="sklabelemb"
        How it was started, for messages.

    Returns
    -------
    int
        The exit code: 0; 2 if the user has to fix something; 130 after Ctrl-C; 141 if the reader of
        the output has gone.
    """
    parser = _parser(program)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    options.program = program
    name = f"{program} {options.command}"
    try:
        with _warnings_on_one_line(name):
            COMMANDS[options.command].run(options)
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Python would flush the rest, and fail.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        # A plain LookupError means an unknown encoding; a KeyError or IndexError is a bug.
        if options.debug or not (isinstance(error, _USERS) or type(error) is LookupError):
            raise
        print(f"{name}: error: {in_options(error)}", file=sys.stderr)
        return 2
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Text classifiers with label embeddings, for scikit-learn. "
        "Results go to stdout, progress and errors to stderr.",
        epilog="Exit codes: 0; 2: something to fix; 130: interrupted.",
    )
    parser.add_argument(
        "--version", action="version", version=f"sklabelemb {sklabelemb.__version__}"
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, module in COMMANDS.items():
        own = commands.add_parser(name, help=module.HELP, description=module.DESCRIPTION)
        module.add_options(own)
        own.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


@contextlib.contextmanager
def _warnings_on_one_line(name: str) -> Iterator[None]:
    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        print(f"{name}: warning: {in_options(message)}", file=sys.stderr)

    with warnings.catch_warnings():
        if not sys.warnoptions:
            # Users can do nothing about warnings for programmers.
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show
        yield
