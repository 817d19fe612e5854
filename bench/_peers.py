"""Other people's decoders over the same lexicon, set up as their documentation asks.

Each maker returns a function from (T, 1 + letters) log_probs, blank first, to words, best first.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgectc.language.lexicon import Lexicon
from edgectc.language.packed import pack

LN10 = math.log(10)
Decode = Callable[[np.ndarray], list[str]]


def arpa(lexicon: Lexicon, folder: str) -> str:
    """Write the unigrams for KenLM, which wants at least one bigram too."""
    path = Path(folder) / f"words-{len(lexicon.words)}.arpa"
    if path.exists():
        return str(path)
    lines = ["\\data\\", f"ngram 1={len(lexicon.words) + 3}", "ngram 2=1", "", "\\1-grams:"]
    lines += ["-99\t<s>\t0", "0\t</s>", "-99\t<unk>"]
    pairs = zip(lexicon.words, lexicon.log_probs / LN10, strict=True)
    lines += [f"{value:.7f}\t{word}\t0" for word, value in pairs]
    lines += ["", "\\2-grams:", "-99\t<s> </s>", "", "\\end\\", ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def pyctcdecode(
    lexicon: Lexicon, folder: str, letters: str, beam_size: int, weight: float, prune: bool = True
) -> Decode:
    """``prune`` as by default: a token below exp(-5) and a beam exp(-10) under the best are cut."""
    import pyctcdecode as peer

    logging.disable(logging.WARNING)
    decoder = peer.build_ctcdecoder(
        ["", *letters],
        arpa(lexicon, folder),
        list(lexicon.words),
        alpha=weight,
        beta=0.0,
        lm_score_boundary=False,
    )

    pruning = {} if prune else {"token_min_logp": -15.0, "beam_prune_logp": -30.0}

    def decode(log_probs: np.ndarray) -> list[str]:
        beams = decoder.decode_beams(log_probs, beam_width=beam_size, prune_history=True, **pruning)
        return list(dict.fromkeys(beam[0] for beam in beams))

    return decode


def flashlight(
    lexicon: Lexicon, folder: str, letters: str, beam_size: int, weight: float
) -> Decode:
    from flashlight.lib.text import decoder as fl
    from flashlight.lib.text.dictionary import Dictionary

    separator = 1 + len(letters)
    column = {letter: 1 + i for i, letter in enumerate(letters)}
    words = Dictionary([*lexicon.words, "<unk>"])
    model = fl.KenLM(arpa(lexicon, folder), words)
    trie = fl.Trie(separator + 1, separator)
    start = model.start(False)
    for word in lexicon.words:
        number = words.get_index(word)
        _, value = model.score(start, number)
        trie.insert([column[letter] for letter in word] + [separator], number, value)
    trie.smear(fl.SmearingMode.MAX)
    # Its language model counts in powers of ten.
    options = fl.LexiconDecoderOptions(
        beam_size=beam_size, beam_size_token=separator + 1, beam_threshold=1e9,
        lm_weight=weight * LN10, word_score=0.0, unk_score=-math.inf, sil_score=0.0,
        log_add=True, criterion_type=fl.CriterionType.CTC,
    )  # fmt: skip
    made = fl.LexiconDecoder(
        options, trie, model, separator, 0, words.get_index("<unk>"), [], False
    )

    def decode(log_probs: np.ndarray) -> list[str]:
        # One closing frame of the separator: it has no mode for a single word.
        signal = np.full((len(log_probs) + 1, separator + 1), -1e4, np.float32)
        signal[:-1, :separator] = log_probs
        signal[-1, separator] = 0.0
        found = []
        for beam in made.decode(signal.ctypes.data, *signal.shape):
            said = [words.get_entry(word) for word in beam.words if word >= 0]
            found += said[:1]
        return list(dict.fromkeys(found))

    return decode


def kaldi(lexicon: Lexicon, letters: str, max_active: int, weight: float) -> Decode:
    import kaldi_decoder as peer
    import kaldifst

    # Its letters are numbered in the order of the trie, which is that of the alphabet.
    assert list(letters) == sorted(letters)
    graph, packed = kaldifst.StdVectorFst(), pack(lexicon, frozenset(letters))
    trie = packed.trie
    ahead = trie.best_below(weight * packed.log_probs[packed.first_word[:-1]])
    for _ in range(2 * len(trie)):  # a letter's state, and one after a blank
        graph.add_state()
    graph.start = 1
    arc = kaldifst.StdArc
    for node in range(len(trie)):
        own = 1 + int(trie.letter[node]) if node else 0
        spoken, after = 2 * node, 2 * node + 1
        graph.add_arc(after, arc(1, 0, 0.0, after))
        if node:
            graph.add_arc(spoken, arc(1 + own, 0, 0.0, spoken))
            graph.add_arc(spoken, arc(1, 0, 0.0, after))
        for child in range(int(trie.first_child[node]), int(trie.first_child[node + 1])):
            letter = 1 + int(trie.letter[child])
            cost = float(ahead[node] - ahead[child])
            if node and letter != own:
                graph.add_arc(spoken, arc(1 + letter, 0, cost, 2 * child))
            graph.add_arc(after, arc(1 + letter, 0, cost, 2 * child))
        word = int(trie.word[node])
        if word >= 0:
            value = weight * float(packed.log_probs[packed.first_word[word]])
            for state in (spoken, after):
                graph.add_arc(state, arc(0, 1 + word, float(ahead[node]) - value, 2 * len(trie)))
    end = graph.add_state()
    graph.set_final(end, 0.0)
    options = peer.FasterDecoderOptions(max_active=max_active, beam=1e3)
    made = peer.FasterDecoder(graph, options)

    def decode(
        log_probs: np.ndarray, graph: object = graph
    ) -> list[str]:  # it does not hold its graph
        made.decode(peer.DecodableCtc(np.ascontiguousarray(log_probs, np.float32)))
        reached, path = made.get_best_path()
        if not reached:
            return []
        ok, _, found, _ = kaldifst.get_linear_symbol_sequence(path)
        return [packed.text(int(packed.first_word[found[0] - 1]))] if ok and found else []

    return decode
