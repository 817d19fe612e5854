"""How a word is swiped: `native/src/spelling.c` against `edgectc.language.spelling`, its oracle."""

from __future__ import annotations

import random
import runpy
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from edgectc.formats import layouts
from edgectc.language import spelling

ROOT = Path(__file__).parents[2]
# Lines of "=" and an alphabet, or a word; prints its letters, and how many it has.
HOST = """
#include <stdio.h>
#include <string.h>
#include "spelling.h"
int main(void) {
  static char line[65536], out[4096];
  static int32_t letters[65536];
  Words words = {.letters = letters};
  while (fgets(line, sizeof line, stdin)) {
    size_t size = strcspn(line, "\\n");
    line[size] = 0;
    if (*line != '=') {
      size_t n = edgectc_spelled(&words, line, out, sizeof out);
      printf("%s %lld\\n", n ? out : "", (long long)edgectc_letters_of(line));
      continue;
    }
    const uint8_t *at = (const uint8_t *)line + 1;
    for (words.K = 0; *at;) letters[words.K++] = edgectc_utf8(&at, (const uint8_t *)line + size);
  }
  return 0;
}
"""
ALPHABETS = [
    *("".join(layouts.shipped(name).letters) for name in ("qwerty", "azerty")),
    "abcdefghijklmnopqrstuvwxyz'",
    "abcdefghijklmnopqrstuvwxyzäöüß-\u2019",
    "aeiouâêôăơưđbcdghklmnpqrstvxy",
    "αβγδεζηθικλμνξοπρσςτυφχψωάέ",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎㅏㅑㅓㅕㅗㅛㅜㅠㅡㅣ",
    "ㄱㄲㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎㅏㅑㅓㅕㅗㅛㅜㅠㅡㅣㅐㅔ",
    "".join(map(chr, range(0x1100, 0x1200))),
    "अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसहािीुूेैोौं़्",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "abcdefghijklmnopqrstuvwxyzı\u0301\u0323",
    "かがきくけこさしすせそたちつてとなにぬねの\u3099",
]
COMMON = "aeionrst'-\u2019\u200c\u200d\u0301\u0323\u0307\u0130Σσß\u1e9eéớậ각한ΑΣς\u00ad"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("cc"):
        pytest.skip("needs a C compiler")
    folder = tmp_path_factory.mktemp("spelling")
    (folder / "host.c").write_text(HOST, encoding="ascii")
    build = runpy.run_path(str(ROOT / "native" / "build.py"))
    command = ["cc", *build["flags"](), "-O1", "-Wall", "-Wextra", "-Werror"]
    command += [str(folder / "host.c"), *build["sources"](beam=True, network=True)]
    subprocess.run([*command, "-lm", "-o", str(folder / "host")], check=True)
    return folder / "host"


def spelled(host: Path, alphabet: str, words: list[str]) -> list[tuple[str | None, int]]:
    """What C makes of words: their spelling, and how many letters they have."""
    letters = "".join(sorted(set(alphabet)))
    text = "\n".join([f"={letters}", *words, ""]).encode()
    done = subprocess.run([str(host)], input=text, capture_output=True, check=True)
    rows = [line.rpartition(" ") for line in done.stdout.decode().split("\n")[:-1]]
    return [(found or None, int(n)) for found, _, n in rows]


def characters() -> list[str]:
    """Characters of NFC that words may hold, each 59th Hangul syllable and Han character alone.

    Korean letters of old are left out, which C does not take for those of a keyboard.
    """
    codes = [*range(0x21, 0x1113), 0x1161, 0x1175, 0x11A8, 0x11C2, *range(0x1200, 0x3400),
             *range(0x3400, 0xD7A4, 59), *range(0xF900, 0x11800)]  # fmt: skip
    return [
        c
        for c in map(chr, codes)
        if unicodedata.category(c)[0] in "LMNPSC"
        and unicodedata.category(c) not in ("Cn", "Cs", "Co", "Cc")
        and unicodedata.normalize("NFC", c) == c != "="
    ]  # fmt: skip


def test_every_character_is_spelled_as_python_spells_it(host: Path) -> None:
    words = [f"a{c}" for c in characters()]
    words = [word for word in words if unicodedata.normalize("NFC", word) == word]
    for alphabet in ALPHABETS[::2]:
        got = spelled(host, alphabet, words)
        wrong = [
            (ascii(word), found, wanted)
            for word, (found, _) in zip(words, got, strict=True)
            if found != (wanted := spelling.spell(word, set(alphabet)))
        ]
        assert not wrong, (alphabet, len(wrong), wrong[:20])
    for word, (_, n) in zip(words, spelled(host, "abc", words), strict=True):
        assert n == len(spelling.letters(word)), ascii(word)


def test_random_words_are_spelled_as_python_spells_them(host: Path) -> None:
    rng, pool = random.Random(0), characters()
    words = []
    for _ in range(3_000):
        sources = (pool if rng.random() < 0.2 else COMMON for _ in range(rng.randrange(1, 9)))
        words.append("".join(map(rng.choice, sources)))
    words = [w for w in (unicodedata.normalize("NFC", word) for word in words) if w.strip() == w]
    for alphabet in ALPHABETS:
        for word, (found, n) in zip(words, spelled(host, alphabet, words), strict=True):
            assert found == spelling.spell(word, set(alphabet)), (ascii(word), alphabet)
            marks = sum(map(spelling.is_mark, word))  # may join what a letter becomes: "ß", "İ"
            assert abs(n - len(spelling.letters(word))) <= marks, ascii(word)


def test_what_is_no_utf_8_and_what_is_too_long_has_no_spelling(host: Path) -> None:
    done = subprocess.run([str(host)], input=b"=abc\na\xff\nab\n" + b"a" * 5000 + b"\n",
                          capture_output=True, check=True)  # fmt: skip
    assert done.stdout == b" -1\nab 2\n 5000\n"


def test_the_tables_of_c_are_those_of_python() -> None:
    held = (ROOT / "native" / "src" / "spelling_tables.h").read_text(encoding="ascii")
    if f"Unicode {unicodedata.unidata_version}." not in held:
        pytest.skip("made from another version of Unicode")
    command = "import text_tables; print(text_tables.spelling_header(), end='')"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT / "native", env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == held
