"""One open source with its direction sets: what the commands and the editor work on."""

import os
from typing import Any

import orojar_adapters as adapters
from orojar_adapters import CheckpointError
from orojar_finetune.latents import directions_file
from orojar_finetune.latents.directions import Directions


class Opened(adapters.Opened):
    """A generator's source, and the direction sets of the same commit."""

    @property
    def direction_sets(self) -> list[str]:
        """Names of the sets beside the generator, the default first; none beside a file that was named itself.

        Raises:
            CheckpointError: sets that are damaged.
        """
        return directions_file.names(self.source)

    def directions(self, name: str | None = None, *, force: bool = False) -> Directions:
        """A direction set, once it is sure that it belongs to these weights.

        Args:
            name: of the set; None means the default.
            force: take directions of other weights too.

        Raises:
            CheckpointError: no such set, a damaged one, or one of other weights.
        """
        found = Directions.read(self.source, name)
        if not force and found.fingerprint not in (None, ours := self.fingerprint):
            raise CheckpointError(
                f"the directions {name or self.direction_sets[0]!r} of {self.source.text} were found on other weights "
                f"(fingerprint {found.fingerprint}, these have {ours}): find them anew with `orojar discover`, or take them "
                "all the same with --force (in Python: opened.directions(force=True))"
            )
        return found


def open_source(source: str | os.PathLike, revision: str | None = None, **how: Any) -> Opened:
    """A generator's source, resolved once: on the Hub to one commit, which generator and directions then come from.

    Args:
        source: a file, a folder, `user/repo`, `user/repo/sub/folder`, `user/repo/file.pkl`, or any address of the Hub.
        revision: branch, tag or commit on the Hub.
        how: `subfolder`, `token`, `cache_dir`, `local_files_only`, as in `orojar_adapters.open_source`.

    Raises:
        CheckpointError: nothing there, several checkpoints and no way to choose, or the Hub refuses or cannot be reached.
    """
    opened = adapters.open_source(source, revision, **how)
    return Opened(opened.source, opened.access)
