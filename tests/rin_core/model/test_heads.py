"""The factored scores against the grid that they stand for."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rin_core.data.tags import TAGS
from rin_core.model.heads import FactoredScores


def factored(seed: int, R: int, lengths: list[int], scale: float) -> FactoredScores:
    """Make scores on a coarse grid, so that logits of exactly 0 are common, and huge padding."""
    generator = torch.Generator().manual_seed(seed)
    n, L = torch.tensor(lengths), max(lengths)
    padding = torch.arange(L) >= n[:, None]
    shares = [
        torch.randint(-4, 4, (R, len(n), L), generator=generator).double() * scale for _ in range(2)
    ]
    shares = [share.masked_fill(padding, 1e6) for share in shares]
    return FactoredScores(shares[0], shares[1], n, padding if padding.any() else None)


scores = st.builds(
    factored,
    st.integers(0, 2**31),
    st.integers(1, 4),
    st.lists(st.integers(1, 7), min_size=1, max_size=4),
    st.sampled_from([0.5, 1.0]),
)


class TestFactoredScores:
    @given(scores)
    @settings(max_examples=60)
    def test_logits_are_the_grid_without_padding(self, given_scores: FactoredScores) -> None:
        logits = given_scores.logits()
        for b, n in enumerate(given_scores.lengths_B.tolist()):
            subject, object_ = given_scores.subject_RBL[:, b], given_scores.object_RBL[:, b]
            for i in range(n):
                for j in range(n):
                    assert logits[b, i, j].equal(subject[:, i] + object_[:, j])
            assert (logits[b, n:] == float("-inf")).all()
            assert (logits[b, :, n:] == float("-inf")).all()

    @given(scores)
    @settings(max_examples=60)
    def test_best_object_is_the_maximum_of_the_grid(self, given_scores: FactoredScores) -> None:
        wanted_BLR = torch.sigmoid(given_scores.logits()).amax(dim=2)
        found_BLR = given_scores.relation_probabilities().permute(1, 2, 0)
        for b, n in enumerate(given_scores.lengths_B.tolist()):
            torch.testing.assert_close(found_BLR[b, :n], wanted_BLR[b, :n], rtol=0, atol=1e-15)

    @given(scores, st.sampled_from([0.0, -1.5, 2.0]))
    @settings(max_examples=60)
    def test_triples_are_the_grid_from_a_logit_on(
        self, given_scores: FactoredScores, least: float
    ) -> None:
        b, i, j, t = (given_scores.logits() >= least).nonzero(as_tuple=True)
        wanted = sorted(zip(b.tolist(), i.tolist(), t.tolist(), j.tolist(), strict=True))
        assert sorted(map(tuple, given_scores.triples(least).T.tolist())) == wanted

    @given(scores)
    @settings(max_examples=60)
    def test_logits_of_triples_are_the_grids(self, given_scores: FactoredScores) -> None:
        triples_4N = given_scores.triples()
        b, i, t, j = triples_4N
        assert given_scores.logits_at(triples_4N).equal(given_scores.logits()[b, i, j, t])

    def test_a_probability_of_exactly_one_half_counts(self) -> None:
        one = torch.ones(1, 1, 1)
        scored = FactoredScores(one, -one, torch.tensor([1]), None)
        assert scored.triples().tolist() == [[0], [0], [0], [0]]
        below = FactoredScores(one, -one - 1e-6, torch.tensor([1]), None)
        assert below.triples().shape == (4, 0)

    def test_tags_are_in_the_order_of_the_reference(self) -> None:
        assert "".join(TAGS) == "BIESO"


def test_gradient_of_the_best_object_reaches_it_alone() -> None:
    subject = torch.zeros(1, 1, 3)
    object_ = torch.tensor([[[0.0, 2.0, 1.0]]], requires_grad=True)
    FactoredScores(
        subject, object_, torch.tensor([3]), None
    ).relation_probabilities().sum().backward()
    assert object_.grad is not None
    assert object_.grad[0, 0, [0, 2]].tolist() == [0, 0]
    assert object_.grad[0, 0, 1] > 0
