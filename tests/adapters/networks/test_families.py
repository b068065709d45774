"""The table of families and the README's picture of it."""

from pathlib import Path

from orojar_adapters import FAMILIES, Generator
from orojar_adapters.networks.families import families_table

README = Path(__file__).parents[3] / "README.md"


def test_the_readme_shows_the_table_of_families():
    ours = {name: cls for name, cls in FAMILIES.items() if cls.__module__.startswith("orojar_adapters.")}
    table = families_table(ours)
    assert table in README.read_text(), f"the README's section 'What it reads' should hold\n{table}"


def test_a_family_that_says_little_still_has_a_row():
    class Quiet(Generator):
        family, spaces = "quiet", ("z",)

    assert "| quiet |  | z |" in families_table({"quiet": Quiet})
