"""The `eucentric` command: what it offers, and how it ends.

Exit codes: 0 done (measured and accepted, in focus), 2 unusable input or options, 3 measured and refused (of a session:
complete, but something refused or flagged), 4 a session that is not complete, 130 stopped by the user, 1 the reader of
a pipe went away. An error of the user's is one sentence on stderr, never a traceback.
"""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any

import typer

from eucentric import __version__
from eucentric.cli.applications import app as applications
from eucentric.cli.calibrate import app as calibrate
from eucentric.cli.check import check
from eucentric.cli.focus import focus
from eucentric.cli.measure import measure
from eucentric.cli.plan import plan
from eucentric.cli.records import app as records
from eucentric.cli.run import run as run_session
from eucentric.cli.sequences import app as sequences
from eucentric.cli.serve import serve
from eucentric.cli.stopped import Stopped
from eucentric.cli.sweep import sweep
from eucentric.cli.tune import tune
from eucentric.errors import EucentricError

NAME = "eucentric"
PIPE_CLOSED, UNUSABLE, STOPPED = 1, 2, 130

app = typer.Typer(
    name=NAME,
    help=(
        "Autofocus for transmission electron microscopes, by beam tilt.\n\n"
        "Tilt the beam, see how far the image moves: that is the defocus. eucentric measures it with an error bar, "
        "decides whether it can be trusted, and corrects it by the objective lens or the stage.\n\n"
        "Begin with: eucentric run --application msi-t-small, or eucentric focus"
    ),
    epilog="Defocus is positive for overfocus. x counts columns, y counts rows; angles turn from +x towards +y.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run_session)
app.command("focus")(focus)
app.command("serve")(serve)
app.command("measure")(measure)
app.command("plan")(plan)
app.command("sweep")(sweep)
app.command("tune")(tune)
app.add_typer(sequences, name="sequences")
app.add_typer(applications, name="applications")
app.add_typer(calibrate, name="calibrate")
app.add_typer(records, name="records")
app.command("check")(check)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"eucentric {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _begin(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and end.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def run(arguments: list[str] | None = None) -> None:
    """Run the command line (default: that of the process) and leave with its exit code."""
    _let_any_console_print()
    try:
        with _terminated_like_interrupted():
            code = app(arguments, standalone_mode=False, prog_name=NAME)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would raise again when the interpreter closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(_say("Stopped.", STOPPED))
    except Stopped as stop:
        sys.exit(_say(str(stop), STOPPED))
    except EucentricError as error:
        sys.exit(_say("\n".join((str(error), *getattr(error, "__notes__", ()))), UNUSABLE))
    except Exception as error:
        # Typer's own usage errors; their class has moved between its versions, their method has not.
        if not hasattr(error, "format_message"):
            raise
        sys.exit(_usage(error))
    if code == STOPPED:  # Typer's answer to Ctrl-C
        _say("Stopped.", STOPPED)
    sys.exit(code if isinstance(code, int) else 0)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """A request to terminate, or a terminal that is gone, ends a run as Ctrl-C does: with everything restored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    asked = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    wanted = [number for number in asked if signal.getsignal(number) is not signal.SIG_IGN]  # as under nohup
    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def _usage(error: Any) -> int:
    """A wrong use of a command: what was wrong, and where to look. A group without a command has shown its help."""
    message = error.format_message().rstrip(".").replace("Value error, ", "")
    if not message:
        return 0
    context = getattr(error, "ctx", None)
    end = "" if message.endswith("?") else "."
    return _say(f"{message}{end} See: {context.command_path if context is not None else NAME} --help", UNUSABLE)


def _say(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


def _let_any_console_print() -> None:
    """Show - for a − that an old console's encoding lacks, and ? for what else it lacks, instead of failing."""
    codecs.register_error(_LIKE, _likeness)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_LIKE)


_LIKE = "eucentric-likeness"
_LIKENESSES = {
    "−": "-",
    "µ": "u",
    "μ": "u",
    "σ": "sigma",
    "χ": "chi",
    "²": "2",
    "×": "x",
    "±": "+-",
    "Å": "A",
    "°": " deg",
}


def _likeness(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_LIKENESSES.get(letter, "?") for letter in lacking), error.end


if __name__ == "__main__":
    run()
