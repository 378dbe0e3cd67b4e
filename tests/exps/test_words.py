"""Generated names."""
import os

from expref.exps import words
from expref.exps.formats.refnames import check_name


def test_a_name_is_a_word_of_five_letters_and_one_of_four():
    for _ in range(200):
        name = words.pick(os.urandom)
        first, second = name.split("-")
        assert (len(first), len(second)) == (5, 4) and name.isascii() and name.islower()
        check_name(name)


def test_there_are_as_many_as_the_module_says():
    adjectives, nouns = words._ADJECTIVES.split(), words._NOUNS.split()
    assert len(set(adjectives)) == len(adjectives) and len(set(nouns)) == len(nouns)
    assert f"{len(adjectives)} times {len(nouns)} names" in words.__doc__
    assert {len(word) for word in adjectives} == {5} and {len(word) for word in nouns} == {4}


def test_every_word_can_be_drawn():
    adjectives, nouns = words._ADJECTIVES.split(), words._NOUNS.split()
    numbers = [*range(len(adjectives)), *(len(adjectives) * number for number in range(len(nouns)))]
    drawn = {words.pick(lambda count, n=n: n.to_bytes(count, "big")) for n in numbers}
    assert {name.split("-")[0] for name in drawn} == set(adjectives)
    assert {name.split("-")[1] for name in drawn} == set(nouns)
    assert len(drawn) == len(numbers) - 1  # the first is in both
