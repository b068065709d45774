"""Recipes: a picture, saved as JSON, is made again bit for bit."""

import dataclasses
import json
import logging

import pytest
import torch

from linear import direction_set
from orojar_finetune import Directions, Recipe, generate_edited, load_generator, write_model_folder
from orojar_finetune.cli import main
from orojar_finetune.latents.editing import latents_of_seeds
from orojar_finetune.latents.recipe import fingerprint
from tiny import tiny_biggan, tiny_stylegan2


def axes(*rows: int) -> Directions:
    return direction_set(torch.eye(8)[list(rows)], space="w")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A conditional generator with directions."""
    path = tmp_path_factory.mktemp("recipes") / "m"
    generator = tiny_stylegan2(3)
    write_model_folder(path, generator, {"chance": axes(0, 1)}, previews="none")
    return path


def run(*words: object) -> None:
    main([str(word) for word in words])


def written(path, text):
    path.write_text(text)
    return path


def test_a_recipe_comes_back_from_its_file_as_it_was(tmp_path):
    recipe = Recipe("user/repo", (3, 4), "abc", "0f", 0.7, 5, 2, "chance", "1e", {"direction 1": -1.3, "a=b": 0.1 + 0.2})
    recipe.save(tmp_path / "recipe.json")
    assert Recipe.load(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize("noise", ["const", "none", "7"])
def test_the_command_repeats_a_picture_from_its_recipe_alone(folder, tmp_path, noise):
    run("generate", folder, "--kinds", "images", "grid", "recipe", "--seeds", 5, 6, "--edits", "0=1.7", "direction 1=-0.3",
        "--truncation", 0.63, "--label", 2, "--noise", noise, "--output-dir", tmp_path / "a")  # fmt: skip
    run("generate", "--recipe", tmp_path / "a" / "recipe.json", "--kinds", "images", "grid", "--output-dir", tmp_path / "b")
    for name in ("seed_0005.png", "seed_0006.png", "grid.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    recipe = Recipe.load(tmp_path / "a" / "recipe.json")
    assert (recipe.label, recipe.direction_set, recipe.edits) == (2, "chance", {"direction 0": 1.7, "direction 1": -0.3})
    generator, directions = load_generator(folder), Directions.load(folder)
    assert recipe.differences(generator, directions) == []
    z, _ = latents_of_seeds(generator, [5, 6])
    noise_of = int(noise) if noise.isdecimal() else noise
    strengths = {0: 1.7, 1: -0.3}
    expected = generate_edited(generator, z, directions, strengths, torch.tensor([2, 2]), 0.63, noise_of)
    torch.testing.assert_close(recipe.images(generator, directions), expected)


def test_directions_that_are_called_like_numbers_stay_what_they_are_called(folder, tmp_path):
    generator, directions = load_generator(folder), Directions.load(folder).rename({0: "1", 1: "2"})
    write_model_folder(tmp_path / "m", generator, {"chance": directions}, previews="none")
    Recipe(str(tmp_path / "m"), (5,), direction_set="chance", edits={"1": 2.0}).save(tmp_path / "recipe.json")
    run("generate", "--recipe", tmp_path / "recipe.json", "--kinds", "images", "recipe", "--output-dir", tmp_path / "a")
    run("generate", folder, "--seeds", 5, "--edits", "0=2", "--kinds", "images", "--output-dir", tmp_path / "b")
    assert (tmp_path / "a" / "seed_0005.png").read_bytes() == (tmp_path / "b" / "seed_0005.png").read_bytes()
    assert Recipe.load(tmp_path / "a" / "recipe.json").edits == {"1": 2.0}


def test_strengths_of_one_direction_by_number_and_by_name_add_up_in_the_recipe_too(folder, tmp_path):
    run("generate", folder, "--edits", "0=2", "direction 0=-1", "--kinds", "recipe", "--output-dir", tmp_path)
    assert Recipe.load(tmp_path / "recipe.json").edits == {"direction 0": 1.0}


def test_a_picture_has_the_same_bits_beside_others_as_alone(folder):
    generator = load_generator(folder)
    both, one = (Recipe("m", seeds).images(generator) for seeds in ((3, 4), (4,)))
    assert torch.equal(both[1:], one)


def test_a_class_of_each_seeds_own_is_kept(folder, tmp_path):
    run("generate", folder, "--kinds", "recipe", "images", "--seeds", 1, 2, "--output-dir", tmp_path / "a")
    run("generate", "--recipe", tmp_path / "a" / "recipe.json", "--kinds", "images", "--output-dir", tmp_path / "b")
    assert Recipe.load(tmp_path / "a" / "recipe.json").label is None
    assert (tmp_path / "a" / "seed_0002.png").read_bytes() == (tmp_path / "b" / "seed_0002.png").read_bytes()


def test_families_without_w_have_recipes_too():
    generator = tiny_biggan()
    directions = direction_set(torch.eye(generator.latent_size)[:2], space="z")
    recipe = Recipe("biggan", (0,), label=1, direction_set="axes", edits={"direction 0": 2.0})
    assert not torch.equal(recipe.images(generator, directions), dataclasses.replace(recipe, edits={}).images(generator))


def test_another_generator_is_named_beside_the_recipe_and_said(folder, tmp_path, caplog):
    other = tiny_stylegan2(3, seed=1)
    write_model_folder(tmp_path / "other", other, {"chance": axes(2, 3)}, previews="none")
    run("generate", folder, "--kinds", "recipe", "images", "--edits", "0=1", "--seeds", 1, "--output-dir", tmp_path / "a")
    recipe = tmp_path / "a" / "recipe.json"
    with caplog.at_level(logging.WARNING, "orojar"):
        run("generate", tmp_path / "other", "--recipe", recipe, "--kinds", "images", "--output-dir", tmp_path / "b")
    assert "not the weights of" in caplog.text
    assert "'chance' have changed" in caplog.text
    assert (tmp_path / "a" / "seed_0001.png").read_bytes() != (tmp_path / "b" / "seed_0001.png").read_bytes()


def test_the_fingerprint_follows_the_weights():
    assert fingerprint(tiny_stylegan2()) == fingerprint(tiny_stylegan2())
    changed = tiny_stylegan2()
    with torch.no_grad():
        next(changed.parameters()).view(-1)[0] += 1e-3
    assert fingerprint(changed) != fingerprint(tiny_stylegan2())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"seeds": []}, "seeds: .*at least 1 item"),
        ({"seeds": [1.5]}, "seeds.0: .*valid integer"),
        ({"seeds": [True]}, "seeds.0: .*valid integer"),
        ({"seeds": [-1]}, "seeds.0: .*greater than or equal to 0"),
        ({"seeds": [2**32]}, "seeds.0: .*less than or equal"),
        ({"seeds": "12"}, "seeds: .*valid array"),
        ({"model": 3}, "model: .*valid string"),
        ({"noise": "random"}, "noise.*'const' or 'none'"),
        ({"noise": [1]}, "noise"),
        ({"label": "cat"}, "label: .*valid integer"),
        ({"truncation": "1"}, "truncation: .*valid number"),
        ({"truncation": float("nan")}, "truncation: .*finite"),
        ({"edits": {"x": None}}, "edits.x: .*valid number"),
        ({"edits": [1]}, "edits: .*mapping|edits: .*object"),
        ({"format": 2}, "format: Input should be 1"),
        ({"run": "rm -rf"}, "run: Unexpected"),
    ],
)
def test_what_is_not_a_recipe_is_refused_in_a_sentence(tmp_path, changed, said):
    text = json.dumps({"format": 1, "model": "m", "seeds": [0], **changed})
    with pytest.raises(ValueError, match=f"recipe: .*{said}"):
        Recipe.load(written(tmp_path / "r.json", text))


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 10**5, '{"format": 1, "seeds": [0]}', "null", '"x"'])
def test_damaged_files_are_refused_in_a_sentence(tmp_path, text):
    with pytest.raises(ValueError, match="recipe"):
        Recipe.load(written(tmp_path / "r.json", text))


def test_a_file_far_too_large_is_not_read(tmp_path):
    with pytest.raises(ValueError, match="larger than"):
        Recipe.load(written(tmp_path / "r.json", " " * (2**20 + 1)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no model"),
        (["MODEL", "--kinds", "recipe", "--noise", "random"], "reproduce"),
        (["--recipe", "missing.json"], "missing.json"),
    ],
)
def test_the_command_says_what_it_lacks(folder, tmp_path, words, said, capsys):
    with pytest.raises(SystemExit):
        run("generate", "--output-dir", tmp_path, *(folder if word == "MODEL" else word for word in words))
    assert said in capsys.readouterr().err


def test_a_class_that_is_not_there_is_named(folder, capsys):
    with pytest.raises(SystemExit):
        run("generate", folder, "--label", 3)
    assert "classes 0 to 2, got class 3" in capsys.readouterr().err
