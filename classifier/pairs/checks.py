"""The checks that refuse a pair by themselves, each with its reason. Order: cheap and specific first.

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
from classifier.pairs.pair import Pair

Check = Callable[[Pair], str | None]

CHECKS: Final[dict[str, Check]] = {
    "language": check_language,
    "case": check_case,
    "numbers": check_numbers,
    "codes": check_codes,
    "material": check_material,
    "units": check_units,
    "dates": check_dates,
    "negation": check_negation,
    "quantifier": check_quantifiers,
    "scope": check_scope,
    "comparative": check_comparatives,
    "antonym": check_antonyms,
    "entities": check_entities,
    "wh_word": check_wh_word,
    "target": check_target,
    "voice": check_voice,
    "tense": check_tense,
    "deed": check_deed,
    "direction": check_direction,
    "lead": check_lead,
    "word_order": check_word_order,
    "causes": check_causes,
    "extent": check_extent,
    "function_word": check_function_words,
    "substitution": check_substitution,
    "frame": check_frame,
    "insertion": check_insertion,
    "focus": check_focus,
    "set": check_extent_of_set,
    "possession": check_possession,
    "relation": check_relation,
    "phase": check_phase,
    "stance": check_stance,
    "manner": check_manner,
    "sequence": check_sequence,
    "part_of_speech": check_part_of_speech,
    "plural": check_plural,
    "joining": check_joining,
    "comparison": check_comparison,
    "statement": check_statement,
    "condition": check_condition,
    "instruction": check_instruction,
    "contrast": check_contrast,
    "role": check_role,
}

# These doubt a rewording for its order, its small words or its form, and a reader that is sure may overrule them. The
# others know what they refuse, or ask for what a reader of this size overlooks: one name or circumstance for another.
DOUBTS: Final = frozenset({"word_order", "insertion", "function_word", "comparative", "scope", "target", "comparison"})


def first_refusal(pair: Pair, without: Container[str] = ()) -> tuple[str, str] | None:
    """The first check that refuses and its reason, or None if all pass; some may be left out by name."""
    for name, check in CHECKS.items():
        if name not in without and (reason := check(pair)) is not None:
            return name, reason
    return None


def is_only_doubted(pair: Pair) -> bool:
    """Whether no check refuses, or none but those of `DOUBTS`."""
    return first_refusal(pair, DOUBTS) is None
