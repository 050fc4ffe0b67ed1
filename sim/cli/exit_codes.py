"""What the process tells its caller."""

import enum


class ExitCode(enum.IntEnum):
    """What the process tells its caller."""

    DONE = 0
    EXPECTATION_FAILED = 1
    BAD_INPUT = 2
    FAULT = 70
    """Our fault, not the input's: never to be mistaken for a failed expectation."""
    INTERRUPTED = 130
    """What a shell reports for a program ended by Ctrl-C (128 + SIGINT)."""
    OUTPUT_CLOSED = 141
    """What a shell reports for a program whose reader went away (128 + SIGPIPE)."""
