"""`orojar convert`."""

from orojar_adapters import FAMILIES, read_checkpoint
from orojar_adapters.loading import build_discriminator, build_generator
from orojar_finetune.model_folder import check_target, write_model_folder
from orojar_finetune.verbs import Convert


def run(options: Convert) -> None:
    """Writes a model folder of a checkpoint's generator and discriminator."""
    check_target(options.folder)
    checkpoint = read_checkpoint(options.source, FAMILIES, options.revision)
    generator = build_generator(checkpoint, FAMILIES)
    discriminator = build_discriminator(checkpoint) if checkpoint.discriminator else None
    write_model_folder(options.folder, generator, discriminator=discriminator)
    both = " and its discriminator" if discriminator else ""
    print(f"Wrote the {checkpoint.family} generator{both} to {options.folder}")
    print(f"Find directions:  orojar discover {options.folder}")
