"""StyleGAN3 as NVlabs' code pickles it, made from our generators: no foreign code is needed."""

from typing import Any

import numpy as np

from foreign_files import Persistent, persistent
from orojar_adapters.networks.stylegan3.generator import StyleGAN3


def nvlabs_stylegan3(generator: StyleGAN3, source: str = "") -> Persistent:
    """The modules, with the settings that NVlabs' keep as attributes and those that only their constructor was given."""
    record, config = persistent(generator, source), generator.config
    synthesis = module(record, "synthesis")
    synthesis |= {
        "img_resolution": config["resolution"],
        "num_layers": len(config["channels"]),
        "num_critical": config["critical_layers"],
        "margin_size": config["margin"],
        "output_scale": config["output_scale"],
        "_init_args": (),
        "_init_kwargs": {
            "first_cutoff": config["first_cutoff"],
            "first_stopband": np.float64(config["first_stopband"]),
            "last_stopband_rel": config["stopband_ratio"],
            "use_radial_filters": config["radial"],
        },
    }
    for name in generator.synthesis.names:
        layer = module(record, "synthesis", name)
        layer["conv_clamp"] = config["conv_clamp"]
        for filter in ("up_filter", "down_filter"):
            layer["_buffers"].setdefault(filter, None)
    return record


def module(record: Persistent, *names: str) -> dict[str, Any]:
    """The state of a module below, to be tampered with."""
    for name in names:
        record = record.meta["state"]["_modules"][name]
    return record.meta["state"]
