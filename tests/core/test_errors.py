"""Messages that name options: as arguments in Python, as flags on the command line."""

from __future__ import annotations

import pickle

import pytest

from edgectc.core import errors
from edgectc.core.errors import BundleFileMissingError, ConfigError, EdgectcError, InputError


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def test_options_become_flags_and_values_stay() -> None:
    error = ConfigError(
        "lexicon is '/models/lexicon.tsv', not 'lexicon' of lexicon/x; leave lm_path or lm out",
        options=["lexicon", "lm", "lm_path"],
    )
    assert str(error).startswith("lexicon is '/models/lexicon.tsv'")
    assert error.spelled(flag) == (
        "--lexicon is '/models/lexicon.tsv', not 'lexicon' of lexicon/x; "
        "leave --lm-path or --lm out"
    )
    assert ConfigError("lexicon is wrong").spelled(flag) == "lexicon is wrong"
    built = "no language here; run `edgectc language build de`"
    said = ConfigError(built, options=["language"]).spelled(flag)
    assert said == "no --language here; run `edgectc language build de`"


@pytest.mark.parametrize("error", [
    ConfigError("a", options=["b"]), BundleFileMissingError("b", options=["b"]),
    InputError("c", reason="d", options=["b"]), EdgectcError("e"),
])  # fmt: skip
def test_errors_hold_message_and_options(error: EdgectcError) -> None:
    assert str(error) == error.args[0]
    assert error.options in {("b",), ()}


def test_errors_cross_a_process_border() -> None:
    there = pickle.loads(pickle.dumps(ConfigError("a", options=["b"])))
    assert (str(there), there.options) == ("a", ("b",))
    assert errors.EdgectcError.exit_code == 2
