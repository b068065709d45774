"""The one table of generator families."""

from orojar_adapters.contract.generator import Generator
from orojar_adapters.networks.biggan import BigGAN
from orojar_adapters.networks.biggan_deep import BigGANDeep
from orojar_adapters.networks.dcgan import DCGAN
from orojar_adapters.networks.pggan import PGGAN
from orojar_adapters.networks.stylegan import StyleGAN
from orojar_adapters.networks.stylegan2 import StyleGAN2
from orojar_adapters.networks.stylegan3.generator import StyleGAN3

FAMILIES: dict[str, type[Generator]] = {
    "stylegan2": StyleGAN2,
    "stylegan3": StyleGAN3,
    "stylegan": StyleGAN,
    "pggan": PGGAN,
    "biggan": BigGAN,
    "biggan-deep": BigGANDeep,
    "dcgan": DCGAN,
}


def families_table(families: dict[str, type[Generator]]) -> str:
    """What can be read, as a table in Markdown, one row a family."""
    rows = ["| family | read from | latent spaces |", "|---|---|---|"]
    rows += [f"| {cls.title or name} | {cls.files} | {', '.join(cls.spaces)} |" for name, cls in families.items()]
    return "\n".join([*rows, "| all of them | model folders of this project | |"])
