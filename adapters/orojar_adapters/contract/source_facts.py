"""The facts about the file that a generator was read from."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SourceFacts:
    """Where weights came from and what else their file holds; nothing in the file was run to find out."""

    source: str
    """The source as it was asked for: a path, `user/repo` or `user/repo/file`."""
    file: str
    """The file or folder that was read, named inside its repository or folder."""
    origin: str
    """The code base that the format belongs to, such as `nvlabs-pytorch`."""
    revision: str | None = None
    """The commit on the Hub."""
    license: str | None = None
    """The license stated beside the weights; None where none is."""
    holds: tuple[str, ...] = ()
    """Names of the networks inside, as the file spells them."""
    has_discriminator: bool = False
    """Whether a discriminator can be read too."""
    pickle_globals: tuple[str, ...] = ()
    """Python names that the pickle asks to import; they are only listed here, never imported."""
    embedded_source_sha256: str | None = None
    """Digest of the Python source that is embedded with the generator and that its own loader would execute."""
    base: dict[str, Any] | None = None
    """For a model folder of ours, what it states about the weights that it was made from."""
    adapter: dict[str, Any] | None = None
    """For a low-rank adapter folded into its base: `base`, `revision`, `rank` and `alpha`."""

    def described(self) -> dict[str, Any]:
        """Returns what a model folder made from these weights states about them; for one of ours, about its own origin."""
        if self.base is not None:
            return {**self.base, "license": self.base.get("license") or self.license}
        kept = ("source", "file", "origin", "revision", "license", "pickle_globals", "embedded_source_sha256")
        found = {key: value for key, value in dataclasses.asdict(self).items() if key in kept}
        if self.revision is None:  # a path means nothing on other machines
            found["source"] = Path(self.source).name
        return found
