"""The checks that refuse a pair by themselves, each with its reason.

A check is a pure function of a `Pair`: it returns a reason why the cached answer must not be served, or None.
The common principle: every salient token needs a counterpart; a difference that is confined to one place must
be known to be harmless, because one-word edits change answers and paraphrases seldom differ in one word only.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final

from classifier.pairs.checks_asked import check_target, check_tense, check_voice
from classifier.pairs.checks_causes import check_causes, check_extent
from classifier.pairs.checks_deeds import check_deed
from classifier.pairs.checks_edits import (
    check_entities,
    check_frame,
    check_function_words,
    check_insertion,
    check_substitution,
)
from classifier.pairs.checks_extent import check_extent_of_set, check_focus
from classifier.pairs.checks_order import check_direction, check_lead, check_word_order
from classifier.pairs.checks_relations import check_phase, check_possession, check_relation
from classifier.pairs.checks_roles import check_role
from classifier.pairs.checks_senses import (
    check_aspect,
    check_case,
    check_manner,
    check_part_of_speech,
    check_plural,
    check_sequence,
    check_stance,
)
from classifier.pairs.checks_slots import (
    check_comparison,
    check_condition,
    check_contrast,
    check_instruction,
    check_joining,
    check_statement,
)
from classifier.pairs.checks_values import (
    check_codes,
    check_dates,
    check_language,
    check_material,
    check_numbers,
    check_units,
)
from classifier.pairs.checks_wh import check_wh_word
from classifier.pairs.checks_words import (
    check_antonyms,
    check_comparatives,
    check_negation,
    check_quantifiers,
    check_scope,
)
from classifier.pairs.checks_writing import check_rank, check_sex, check_writing
from classifier.pairs.pair import Pair

Check = Callable[[Pair], str | None]

# The first that refuses is told; the order changes no verdict otherwise. What refuses many of a cache's neighbours in
# little time stands first, so that most are never asked (measured on four sets of questions).
CHECKS: Final[dict[str, Check]] = {
    "numbers": check_numbers,
    "antonym": check_antonyms,
    "substitution": check_substitution,
    "frame": check_frame,
    "insertion": check_insertion,
    "statement": check_statement,
    "function_word": check_function_words,
    "wh_word": check_wh_word,
    "word_order": check_word_order,
    "negation": check_negation,
    "condition": check_condition,
    "role": check_role,
    "voice": check_voice,
    "comparative": check_comparatives,
    "causes": check_causes,
    "instruction": check_instruction,
    "quantifier": check_quantifiers,
    "deed": check_deed,
    "scope": check_scope,
    "entities": check_entities,
    "relation": check_relation,
    "contrast": check_contrast,
    "dates": check_dates,
    "set": check_extent_of_set,
    "direction": check_direction,
    "joining": check_joining,
    "tense": check_tense,
    "units": check_units,
    "case": check_case,
    "focus": check_focus,
    "comparison": check_comparison,
    "extent": check_extent,
    "target": check_target,
    "plural": check_plural,
    "aspect": check_aspect,
    "material": check_material,
    "possession": check_possession,
    "writing": check_writing,
    "rank": check_rank,
    "sex": check_sex,
    "manner": check_manner,
    "codes": check_codes,
    "phase": check_phase,
    "lead": check_lead,
    "part_of_speech": check_part_of_speech,
    "stance": check_stance,
    "sequence": check_sequence,
    "language": check_language,
}

# These doubt a rewording for its order, its small words or its form, and a reader that is sure may overrule them. The
# others know what they refuse, or ask for what a reader of this size overlooks: one name or circumstance for another.
DOUBTS: Final = frozenset({"word_order", "insertion", "function_word", "comparative", "scope", "target", "comparison"})

_SURE: Final = CHECKS.keys() - DOUBTS


def first_refusal(pair: Pair, without: Container[str] = ()) -> tuple[str, str] | None:
    """The first check that refuses and its reason, or None if all pass; some may be left out by name."""
    for name, check in CHECKS.items():
        if name not in without and (reason := check(pair)) is not None:
            return name, reason
    return None


def is_only_doubted(pair: Pair) -> bool:
    """Whether no check refuses, or none but those of `DOUBTS`."""
    return first_refusal(pair, DOUBTS) is None


def first_doubt(pair: Pair) -> tuple[str, str] | None:
    """The same of `DOUBTS` alone."""
    return first_refusal(pair, _SURE)
