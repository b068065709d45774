"""`orojar push`."""

from orojar_finetune.hub import push
from orojar_finetune.verbs import Push


def run(options: Push) -> None:
    """Uploads a model folder and says where it went."""
    pushed = push(options.folder, options.repo, options.private, options.message, options.overwrite_card)
    print(f"Pushed {options.folder} to {pushed.repo_id} ({pushed.url})")
    if pushed.kept_card:
        print("The card that was there stays; to replace it: --overwrite-card")
    print(f"Anyone can open it:  orojar edit {pushed.repo_id}")
