"""The command `orojar`: parses a verb, runs it, and reports errors in one sentence."""

import importlib
import logging
import os
import sys
import warnings

import tyro

from orojar_finetune.verbs import Verb

ERROR, INTERRUPTED = 2, 130


def main(argv: list[str] | None = None) -> None:
    """Runs a command line; exits with 2 and one sentence on stderr when something is wrong, 130 on Ctrl-C.

    Args:
        argv: the words after `orojar`; None takes those of this process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        verb: Verb = tyro.cli(
            Verb,
            prog="orojar",
            args=words,
            description="Independent latent directions for pretrained StyleGANs (OroJaR, ICCV 2021). Flags can be written "
            "with - or _. With --debug, any command shows the full traceback of an error.",
            config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
        )
        _quiet(debug)
        importlib.import_module(f"orojar_finetune.commands.{type(verb).__name__.lower()}").run(verb)
    except KeyboardInterrupt:
        print("orojar: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ERROR)
    except Exception as e:
        if debug:
            raise
        print(f"orojar: {_sentence(e)}", file=sys.stderr)  # noqa: T201
        sys.exit(ERROR)


def _sentence(error: Exception) -> str:
    if isinstance(error, (ValueError, OSError)):
        return " ".join(str(error).split())
    return f"unexpected {type(error).__name__}: {' '.join(str(error).split())} (run again with --debug for the traceback)"


def _quiet(debug: bool) -> None:
    """Hides warnings and logs of other packages, which are for developers."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    if not debug:
        warnings.simplefilter("ignore")
        logging.getLogger("diffusers").setLevel(logging.ERROR)
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


if __name__ == "__main__":
    main()
