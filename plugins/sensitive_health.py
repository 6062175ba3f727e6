"""Statements about a person's health: a condition or medicine, said of the speaker or of somebody near.

A general question ("What are the symptoms of asthma?") has no such subject and is not a finding.
"""

from __future__ import annotations

import re

from plugins.wordlists import either

# Beginnings of words, so that inflected forms are found, too.
CONDITIONS: tuple[str, ...] = either(
    "cancer|leukemia|leukaemia|lymphoma|tumor|tumour|diabet|hiv|aids|hepatitis|asthma|epilep|depress"
    "|depresi|bipolar|schizophren|autis|adhd|anxiety|ptsd|anorexi|bulimi|dementia|alzheimer|parkinson"
    "|multiple sclerosis|stroke|heart attack|heart failure|hypertension|blood pressure|arthritis"
    "|psoriasis|crohn|colitis|celiac|coeliac|migraine|chlamydia|gonorrh|syphilis|herpes|miscarriage"
    "|abortion|pregnan|infertil|alcoholi|opioid|overdose|suicid|self-harm|covid|tuberculosis|pneumonia"
    "|endometriosis|insulin|metformin|sertraline|fluoxetine|lithium|methadone|chemotherapy|antidepress"
    "|dialysis|kidney|krebs|brustkrebs|leukämie|zuckerkrank|epilepsie|schlaganfall|herzinfarkt"
    "|bluthochdruck|demenz|schwanger|fehlgeburt|abtreibung|magersucht|alkoholabhängig|alkoholiker"
    "|angststörung|rheuma|migräne|chemotherapie|lungenentzündung|burnout|schizophrenie|diabète"
    "|diabétique|sida|vih|séropositi|asthm|épilep|dépress|sclérose en plaques|infarctus|avc|grossesse"
    "|enceinte|fausse couche|avortement|cirrhose|démence|tumeur|alcooli|chimiothérapie|hépatite|cáncer"
    "|leucemia|asma|esquizofren|ansiedad|infarto|ictus|embaraz|aborto|demencia|esclerosis múltiple"
    "|lupus|fibromyalg|thyroid|endometrios|sclerosis|sklerose|esclerosis|eczema|ekzem|tinnitus|glaucoma|cataract|angina"
    "|arrhythmia|fibrillation|pacemaker|stoma|ostomy|incontinen|menopaus|polycystic|pcos|ptbs|ocd|borderline|psychos"
    "|psychot|panic attack|panikattack|angstzust|panikstörung|insomnia|narcoleps|apnea|apnoe|sickle cell|haemophil"
    "|hemophil|thrombos|embolism|aneurysm|melanom|sarcom|carcinom|karzinom|metastas|myelom|tumore|gallstone|gallenstein"
    "|gout|gicht|goutte|gota|osteopor|scolios|skolios|hernia|bandscheibe|hernie|parkinson|párkinson|migraña|migrain"
    "|transplant|dialyse|diálisis|prostat|zyst|cyst|endometriosis|lepra|leprosy|malaria|hepatit|zöliakie|celía|coeliaque"
    "|nierenversagen|insuffisance|insuficiencia|herzschwäche|vorhofflimmern|sucht|süchtig|addict|adicto|adicción|dyslexi"
    "|adhs|tdah|tda |down syndrome|down-syndrom|anorexi|boulimi|bulimi|hypothyr|schilddrüs|tiroid|thyroïd|colitis|ulcer"
    "|anorexia|quimioterapia|hipertensión|alcohólic|tuberculos|seropositiv"
)
WINDOW_CHARS = 110  # a clause or two before the condition

_SUBJECT = re.compile(
    r"\b(?:i|i['\u2019]m|i['\u2019]ve|me|my \w+(?: \w+)?|he|she|he['\u2019]s|she['\u2019]s|the patient"
    r"|our patient|patient|m(?:r|rs|s)\.? \w+"
    r"|our (?:employee|colleague|tenant|client)|(?:this|the) (?:employee|client|applicant|candidate)"
    r"|ich|mir|mein\w* \w+|unser\w* (?:\w+ )?\w+|(?:die|der|beim|bei der) patient\w*|(?:herr|frau) \w+|er|sie"
    r"|je|j['\u2019]ai|on m['\u2019]a|mon \w+|ma \w+|il|elle|l[ea] patiente?|mme \w+|m\. \w+"
    r"|yo|me|mi \w+|tengo|padezco|sufro|soy|estoy|tomo|él|ella|(?:el|la) paciente|(?:el|la) emplead[oa]"
    r"|señora? \w+|sra?\. \w+)\b"
)
_STATE = re.compile(
    r"\b(?:have|has|had|having|['\u2019]ve|am|is|was|suffer\w*|diagnos\w+|tested positive|treated for"
    r"|taking|takes?|took|prescribed|recovering|survived"
    r"|living with|died of|struggl\w+ with|on|habe|hat|hatte|leide|leidet|litt|nehme|nimmt|bin|ist|war"
    r"|erkrankt|krankgeschrieben|wegen|behandelt|diagnostiziert|bekam|wurde"
    r"|ai|a|avait|souffr\w+|suis|est|prends|prend|atteinte?|traitée?|diagnostiqué\w*"
    r"|tengo|tiene|tuvo|tenía|padezco|padece|sufro|sufre|soy|estoy|está|es|tomo|toma|fue|diagnostic\w+)\b"
    r"|['\u2019](?:m|s|ve|ai)\b"
)
_GENERAL = re.compile(
    r"\b(?:what|how do|how does|how is|how can|why|which|explain|define|write|essay|article|research"
    r"|study|studies|causes? of|symptoms? of|people with|history of medicine"
    r"|was sind|was ist|wie|warum|erkläre?|welche|qu['\u2019]est|comment|pourquoi|expliquez?|quels?"
    r"|quelles?|qué|cómo|por qué|explica|cuáles|statistics|if i|wenn ich|si je|si yo)\b"
)


def health_spans(lower: str) -> list[tuple[int, int]]:
    """Where a condition is said of a person. `lower` is the text in lower case, of the same length."""
    spans: list[tuple[int, int]] = []
    for condition in (c for c in CONDITIONS if c in lower):
        at = lower.find(condition)
        while at >= 0:
            end = at + len(condition)
            if not (at and lower[at - 1].isalpha()) and _is_statement(lower, at, end):
                spans.append((at, _word_end(lower, end)))
            at = lower.find(condition, end)
    return spans


def _word_end(lower: str, end: int) -> int:
    stop = min(len(lower), end + 24)
    while end < stop and lower[end].isalpha():
        end += 1
    return end


def _is_statement(lower: str, start: int, end: int) -> bool:
    clause = re.split(r"[.!?\n;](?:\s|$)", lower[max(0, start - WINDOW_CHARS) : start])[-1]
    subject = _SUBJECT.search(clause)
    if subject is None or _GENERAL.search(clause):
        return False
    return _STATE.search(clause, subject.start()) is not None
