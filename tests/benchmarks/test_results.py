import json

import finetuning_designs
import from_scratch
import methods
from results import RESULTS


def designs(name, key):
    return {run[key] for run in json.loads((RESULTS / f"{name}.json").read_text())["runs"]}


def test_results_hold_what_the_scripts_report_and_nothing_else():
    assert designs("finetuning", "design") == set(finetuning_designs.DESIGNS)
    assert designs("methods", "method") == set(methods.METHODS)
    assert designs("from_scratch", "design") == set(from_scratch.DESIGNS)
