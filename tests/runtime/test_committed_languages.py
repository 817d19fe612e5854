"""What the committed language packs write."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgectc.runtime import languages

PACKS = Path(__file__).parents[2] / "languages"
_ORDINARY = {  # flagged as possibly offensive by AOSP's lists
    "de": ("kommen", "gekommen", "extrem", "böse", "jüdisch"),
    "en-free": ("suck", "naked", "nasty", "Sri", "sexual", "Virgin"),
}


@pytest.fixture(scope="module", params=sorted(_ORDINARY))
def pack(request):
    return languages.read(PACKS / request.param)


def test_ordinary_words_are_suggested_and_offensive_ones_on_demand(pack):
    clean = {*pack.vocabulary().lexicon.words}
    assert {*_ORDINARY[pack.path.name]} <= clean
    assert len({*pack.vocabulary(offensive=True).lexicon.words} - clean) > 50


def test_german_has_its_sharp_s():
    """Counts of a casefolded list say "strasse"; frequent words are written as they are spelled."""
    lexicon = languages.read(PACKS / "de").vocabulary().lexicon
    log_probs = dict(zip(lexicon.words, lexicon.log_probs.tolist(), strict=True))
    for word in ("Straße", "groß", "weiß", "heißt", "Größe", "außer", "Fuß", "Spaß"):
        assert log_probs[word] > log_probs.get(word.replace("ß", "ss"), -99.0), word
    for word in ("Masse", "Maße", "Busse", "Buße", "dass", "muss"):
        assert word in log_probs
