"""The run-time type check of the test run: beartype, with `float` accepting whole numbers as Python's typing has it."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
