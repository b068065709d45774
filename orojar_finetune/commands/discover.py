"""`orojar discover`."""

import dataclasses
from pathlib import Path

from orojar_finetune.config import HELD_OUT
from orojar_finetune.discovery import discover
from orojar_finetune.latents.opened import open_source
from orojar_finetune.measures.findings import title
from orojar_finetune.runtime.processes import Processes
from orojar_finetune.sharing.model_folder import check_target, check_weights, default_target, write_model_folder
from orojar_finetune.verbs import Discover


def run(options: Discover) -> None:
    """Finds directions and writes them into a new or existing model folder."""
    target = options.output_dir or default_target(options.source, "orojar")
    check_target(target)
    processes = Processes()
    opened = open_source(options.source, options.revision)
    generator = opened.generator().to(processes.device)
    check_target(target, generator)
    if target.resolve() != Path(options.source).expanduser().resolve():
        check_weights(target, generator)
    directions = discover(generator, options.config)
    if not processes.is_main:
        return
    name = options.name or directions.method
    config = {"discover": dataclasses.asdict(options.config)}
    write_model_folder(
        target, generator, {name: directions}, config, adapter=opened.checkpoint.adapter, previews=options.previews
    )
    print(f"{'direction':16}{'activity':>10}{'sigma':>10}")
    for label, activity, sigma in zip(directions.names, directions.activity, directions.sigmas.tolist(), strict=True):
        print(f"{label:16}{activity:10.3f}{sigma:10.3f}")
    shown = ", ".join(f"{title(name)} {value:.3f}" for name, value in directions.scores.items() if name != "activity")
    print(f"On {HELD_OUT} held-out latents: {shown}")
    print(f"Wrote {target}   (previews in {target / 'previews'})")
    print(f"Edit:  orojar edit {target}")
