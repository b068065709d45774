"""An open source with its direction sets, as the commands and the editor use it."""

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
        """Returns a direction set, after checking that it was found on these weights.

        Args:
            name: of the set; None means the default.
            force: accept directions that were found on other weights.

        Raises:
            CheckpointError: no such set, a damaged one, or one of other weights.
        """
        found = Directions.read(self.source, name)
        if not force and found.fingerprint not in (None, ours := self.fingerprint):
            raise CheckpointError(
                f"the directions {name or self.direction_sets[0]!r} of {self.source.text} were found on other weights "
                f"(fingerprint {found.fingerprint}, these have {ours}): find new ones with `orojar discover`, or use them "
                "anyway with --force (in Python: opened.directions(force=True))"
            )
        return found


def open_source(source: str | os.PathLike, revision: str | None = None, **how: Any) -> Opened:
    """Returns a generator's source; on the Hub it is pinned to one commit, for generator and directions alike.

    Args:
        source: a file, a folder, `user/repo`, `user/repo/sub/folder`, `user/repo/file.pkl`, or any address of the Hub.
        revision: branch, tag or commit on the Hub.
        how: `subfolder`, `token`, `cache_dir`, `local_files_only`, as in `orojar_adapters.open_source`.

    Raises:
        CheckpointError: nothing there, several checkpoints and no way to choose, or the Hub refuses or cannot be reached.
    """
    opened = adapters.open_source(source, revision, **how)
    return Opened(opened.source, opened.access)
