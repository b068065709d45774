"""What is known about the file that a generator was read from."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SourceFacts:
    """Where weights came from and what else their file holds. Nothing in that file was run to find out."""

    source: str
    """What was asked for: a path, `user/repo` or `user/repo/file`."""
    file: str
    """The file or folder that was read, named inside its repository or folder."""
    origin: str
    """The code base whose format it is, such as `nvlabs-pytorch`."""
    revision: str | None = None
    """The commit on the Hub."""
    license: str | None = None
    """The licence stated beside the weights; None where none is."""
    holds: tuple[str, ...] = ()
    """Which networks are inside, by the names the origin uses."""
    has_discriminator: bool = False
    """Whether the discriminator can be read too."""
    pickle_globals: tuple[str, ...] = ()
    """The Python names that the pickle asks for; its own loader would import them, ours only reads their spelling."""
    embedded_source_sha256: str | None = None
    """Digest of the Python source that travels with the generator and that its own loader would execute."""
    base: dict[str, Any] | None = None
    """For a model folder of ours, what it says of the weights it was made from."""
    adapter: dict[str, Any] | None = None
    """For an adapter that was folded into its base: `base`, `revision`, `rank` and `alpha`."""

    def described(self) -> dict[str, Any]:
        """What a model folder made from these weights says of them; for one of ours what that was made from."""
        if self.base is not None:
            return {**self.base, "license": self.base.get("license") or self.license}
        kept = ("source", "file", "origin", "revision", "license", "pickle_globals", "embedded_source_sha256")
        found = {key: value for key, value in dataclasses.asdict(self).items() if key in kept}
        if self.revision is None:  # a path of one machine says nothing elsewhere
            found["source"] = Path(self.source).name
        return found
