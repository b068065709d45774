"""`python -m orojar_finetune`, which is also what `accelerate launch -m` runs."""

from orojar_finetune.cli import main

main()
