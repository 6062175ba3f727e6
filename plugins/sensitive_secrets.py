"""Credentials: keys with a known form, private keys, tokens, and values assigned to a password-like name.

The forms are the issuers' published prefixes (as collected by gitleaks and detect-secrets).
"""

from __future__ import annotations

import math
import re
from collections import Counter

from plugins.sensitive_kinds import Detector, Match
from plugins.wordlists import either

MIN_ENTROPY_BITS = 2.0  # per character; "aaaaaa" has 0, "hunter2!" 3.0
_KEY_FORMS = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"  # AWS
    r"|AIza[\w\-]{35}|ya29\.[\w\-]{20,200}"  # Google
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"  # GitHub
    r"|glpat-[\w\-]{20,64}"  # GitLab
    r"|xox[abeprs]-[A-Za-z0-9\-]{10,250}|xapp-[A-Za-z0-9\-]{10,250}"  # Slack
    r"|sk-[A-Za-z0-9_\-]{20,250}"  # OpenAI, Anthropic, LiteLLM
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9]{16,250}"  # Stripe
    r"|npm_[A-Za-z0-9]{36}|pypi-[\w\-]{32,250}|hf_[A-Za-z0-9]{30,64}"  # npm, PyPI, Hugging Face
    r"|SG\.[\w\-]{22}\.[\w\-]{43}|dop_v1_[a-f0-9]{64}|key-[a-f0-9]{32}"  # SendGrid, DigitalOcean, Mailgun
    r"|\d{8,10}:AA[\w\-]{33}"  # Telegram
)
_KEY_CUES = either(
    "akia|asia|abia|acca|aiza|ya29.|ghp_|gho_|ghu_|ghs_|ghr_|github_pat_|glpat-|xox|xapp-|sk-|k_live_|k_test_|whsec_"
    "|npm_|pypi-|hf_|sg.|dop_v1_|key-|:aa"
)
_NAMES = (
    r"(?:pass ?word|passwd|pwd|\bpw|passphrase|pass ?wort|kennwort|mot de passe|mdp|contrase[ñn]a|clave(?: de "
    r"acceso)?|\bpin"
    r"|secret(?:[_\- ]?(?:access[_\- ]?)?key)?|(?:access|auth|bearer|refresh|api)?[_\- ]?token"
    r"|(?:api|access|account|encryption|private|signing)[_\- ]?key|client[_\- ]?secret|zugangsdaten)"
)
_PLACEHOLDER = re.compile(
    r"(?i)[<\[{$%(*]|(?:your|my|ihr|dein|votre|su|tu|the)[_\-]|x{4,}|\.{3}|example$|changeme|placeholder"
    r"|redacted|none$|null$|true$"
    r"|false$|undefined$|string$|str$|required|optional"
)
_CODE = re.compile(
    r"[A-Za-z_][\w.]*[(\[]|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+[,;)]?$|(?:os|process|self|config|settings|args)\."
)


def entropy_bits(value: str) -> float:
    """Shannon entropy per character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


def is_assigned_secret(match: Match) -> bool:
    """A value that looks chosen or drawn, not a word of the sentence, a placeholder or a piece of code."""
    value = match.value.rstrip(".,;:!?)")
    if len(value) < 4 or _PLACEHOLDER.match(value) or _CODE.match(value):
        return False
    has_letter = any(c.isalpha() for c in value)
    has_digit = any(c.isdigit() for c in value)
    has_symbol = any(not c.isalnum() and c not in "-_.,/:" for c in value)
    if re.search(r"\bpin\W*(?:is|ist|est|es)?\W*$", match.before):
        return value.isdigit() and 4 <= len(value) <= 8
    mixed_case = has_letter and value != value.lower() and value != value.upper() and not value.istitle()
    if len(value) < 6 or entropy_bits(value) < MIN_ENTROPY_BITS or not has_letter:
        return False
    return has_digit or has_symbol or (mixed_case and len(value) >= 16)


def is_basic_auth(match: Match) -> bool:
    return _PLACEHOLDER.match(match.value) is None and match.value.lower() not in {
        "password",
        "pass",
        "pw",
        "pwd",
    }


SECRETS: tuple[Detector, ...] = (
    Detector(
        "private_key",
        re.compile(
            r"-----BEGIN (?:[A-Z]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[A-Za-z0-9+/=\s:,\\]|-(?!-)){0,16384}(?:-----END [A-Z ]{4,40}-----)?"
        ),
        cues=("private key",),
    ),
    Detector(
        "jwt",
        re.compile(r"(?<![\w\-])eyJ[\w\-]{8,2048}\.eyJ[\w\-]{8,8192}\.[\w\-]{8,2048}"),
        cues=("eyj",),
    ),
    Detector("api_key", re.compile(rf"(?<![\w\-])(?P<v>{_KEY_FORMS})(?![A-Za-z0-9])"), cues=_KEY_CUES),
    Detector(
        "api_key",
        re.compile(r"https://hooks\.slack\.com/services/(?P<v>T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/[A-Za-z0-9]{16,32})"),
        cues=("hooks.slack.com",),
    ),
    Detector(
        "password",
        re.compile(r"\b[a-z][a-z0-9+]{1,15}://[^\s:/@]{1,64}:(?P<v>[^\s:/@]{3,128})@"),
        cues=("://",),
        accept=is_basic_auth,
    ),
    Detector(
        "password",
        re.compile(
            rf"(?<![A-Za-z]){_NAMES}[\"'`]?(?:[ ]?(?:=>|:=|[:=])|(?:[ ][^\W\d_]{{1,12}}){{0,3}}?[ ](?:is"
            rf"|was|ist|lautet|est|es|to|auf)(?:[ ]?:)?)"
            r"[ ]{0,2}[\"'`„«]?(?P<v>[^\s\"'`<>„“»]{3,127}[^\s\"'`<>„“»,.;:)\]}}])",
            re.IGNORECASE,
        ),
        cues=either(
"pass|pwd|pw|kennwort|mdp|contrase|clave|pin|secret|token|key|zugangsdaten"
),
        accept=is_assigned_secret,
    ),
)  # fmt: skip
