"""`orojar push`."""

from orojar_finetune.sharing.hub import KEPT, push
from orojar_finetune.verbs import Push


def run(options: Push) -> None:
    """Uploads a model folder and says where it went."""
    pushed = push(options.folder, options.repo, options.private or None, options.message, options.overwrite_card)
    print(f"Pushed {options.folder} to {pushed.repo_id} ({pushed.url})")
    if pushed.kept_card:
        print(KEPT)
    print(f"Open it:  orojar edit {pushed.repo_id}")
