from __future__ import annotations

from benchmarks.injected import KINDS, Passage, inject

TEXTS = [
    "In 1901, the city of Bergen opened a harbour for Norway Shipping, which had 240 ships. The harbour is 12 metres "
    "deep and was built by Anders Lund in only 3 years.",
    "The harbour of Oslo was opened in June 1925 by Karin Holm for the city. It has 85 ships and is not deep enough "
    "for Atlantic Lines, as Karin Holm said in a letter to Bergen.",
    "On 4 March 1988, the engineer Nils Berg told Norway Shipping that 17 ships were lost within 6 weeks of the storm.",
]
PASSAGES = [Passage(title="Harbours", text=text) for text in TEXTS]


def test_a_true_statement_and_its_twin_differ_in_one_error() -> None:
    found = inject(PASSAGES, each=2, seed=1)
    assert {one.kind for one in found} == set(KINDS)
    for true, wrong in zip(found[::2], found[1::2], strict=True):
        assert (true.supported, wrong.supported) == (True, False)
        if true.kind == "wrong citation":
            assert true.text == wrong.text
            assert true.passage != wrong.passage
        else:
            assert true.text != wrong.text
            assert abs(len(true.text.split()) - len(wrong.text.split())) <= 1


def test_the_same_seed_makes_the_same_statements() -> None:
    assert inject(PASSAGES, each=2, seed=1) == inject(PASSAGES, each=2, seed=1)
    assert inject(PASSAGES, each=2, seed=1) != inject(PASSAGES, each=2, seed=2)
