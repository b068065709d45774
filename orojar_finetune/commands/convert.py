"""`orojar convert`."""

from orojar_adapters import Discriminator, Generator
from orojar_finetune.latents.opened import open_source
from orojar_finetune.sharing.export import export_target, write_export
from orojar_finetune.sharing.model_folder import check_target, write_model_folder
from orojar_finetune.verbs import Convert

FILE_SUFFIXES = (".pt", ".pth", ".pkl", ".safetensors")


def run(options: Convert) -> None:
    """Writes a checkpoint's generator and discriminator as a model folder or as files for another project."""
    _check_target(options)
    opened = open_source(options.source, options.revision)
    generator = opened.generator()
    discriminator = opened.discriminator() if opened.has_discriminator() else None
    if opened.discriminator_problem:
        print(f"Left out the discriminator, which cannot be read: {opened.discriminator_problem}")
    if options.to == "folder":
        _to_folder(options, generator, discriminator)
    else:
        _to_format(options, generator, discriminator)


def _check_target(options: Convert) -> None:
    if options.to != "folder":
        export_target(options.target, options.to)
        return
    if options.target.suffix in FILE_SUFFIXES and not options.target.exists():
        raise ValueError(f"{options.target} has the name of a file: give a folder, or add --to nvlabs or --to rosinality")
    check_target(options.target)


def _to_folder(options: Convert, generator: Generator, discriminator: Discriminator | None) -> None:
    write_model_folder(options.target, generator, discriminator=discriminator, previews=options.previews)
    both = " and its discriminator" if discriminator else ""
    print(f"Wrote the {generator.family} generator{both} to {options.target}")
    print(f"Find directions:  orojar discover {options.target}")


def _to_format(options: Convert, generator: Generator, discriminator: Discriminator | None) -> None:
    written = write_export(options.target, generator, options.to, discriminator)
    if written.left_out:
        print(f"Left out the discriminator: {written.left_out}")
    both = " and its discriminator" if discriminator and not written.left_out else ""
    print(f"Wrote the {generator.family} generator{both} in {options.to} format: {', '.join(map(str, written.paths))}")
    for note in written.notes:
        print(f"Note: {note}")
    facts = generator.source_facts
    print(f"License of the weights: {(facts and facts.license) or 'not stated by the source'}")
