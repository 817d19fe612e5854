"""Running text as sentences of words, and what stands before a cursor as a context.

One rule for training, evaluation and every host: docs/host_contract.md, "The context of a text".
`native/src/engine_context.c` is the same in C; `tests/golden/context.json` holds both to the rule.
"""

from __future__ import annotations

import re

from edgectc.language.ngram.tables import BOS
from edgectc.language.spelling import APOSTROPHES, composed, words_of

ENDS = ".!?…"  # of a sentence, before white space
# Of a sentence wherever they stand: line breaks, and the marks of scripts that need no space after.
BREAKS = (
    "\n\v\f\r\x85\u2028\u2029"
    "\u0589\u061d\u061e\u061f\u06d4\u0964\u0965\u104b\u1362\u1367\u1803\u1809\u17d4\u17d5"
    "\u203c\u203d\u2047\u2048\u2049\u3002\uff01\uff0e\uff1f\uff61"
)
CLOSERS = '"”“»«›‹)]}」』】〉》）］｝'  # these and apostrophes may stand before that space
_GREEK = "\u0370-\u03ff\u1f00-\u1fff"
_CLOSING = re.escape(CLOSERS) + APOSTROPHES.replace("\u02bc", "")  # which is a letter, too
_SENTENCE_END = re.compile(rf"(?:[{ENDS}]|(?<=[{_GREEK}]);)[{_CLOSING}]*(?:\s+|\Z)|[{BREAKS}]")


def sentences(text: str) -> list[list[str]]:
    """Return the sentences of a text, each a list of words in normal form; none is empty.

    See `pieces` for where they end, `words_of` for what a word is.
    """
    return [found for piece in pieces(text) if (found := words_of(piece))]


def context_of(text: str, *, whole: bool = True) -> list[str]:
    """Return the context of a word that is about to be written: the words of its sentence so far.

    "<s>" stands first where the sentence is known to begin there. The next word will be set off by
    a space, so what stands right before the cursor is a whole word, and a mark there ends its
    sentence.

    Args:
        text: what stands before the cursor.
        whole: whether nothing stands before that, so that the text begins a sentence.
    """
    *before, last = pieces(text)
    return [*([BOS] if whole or before else []), *words_of(last)]


def pieces(text: str) -> list[str]:
    """Return a text, in NFC, cut where sentences end; the last piece may be empty.

    A sentence ends after one of ``.!?…``, closing quotes and brackets behind it included, where
    white space or the end of the text follows; so it does after ``;`` behind a Greek letter. It
    ends at a line break and at the marks of scripts that need no space: danda, ``。``, ``؟`` ...
    """
    return _SENTENCE_END.split(composed(text))
