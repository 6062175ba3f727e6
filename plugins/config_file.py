"""Reads `proxy_config.yaml`: our `gateway:` section into types, with errors that name line, key and fix.

The same file configures LiteLLM. `os.environ/NAME` values of our section are resolved here, in the only
place of the gateway that reads the environment for settings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from plugins.config import GatewayConfig
from plugins.errors import ConfigError
from plugins.sensitive import KINDS, compile_patterns

Json = dict[str, Any]  # a parsed YAML or JSON mapping: the edge, where types are not known yet
CONFIG_VARIABLE = "CONFIG_FILE_PATH"  # LiteLLM's own name for the file that the proxy reads
ENV_PREFIX = "os.environ/"
State = tuple[int, int]  # modification time in ns, size in bytes
UNSET = object()
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# LiteLLM's settings that our own fallbacks take the place of.
OWN_FALLBACKS = ("fallbacks", "default_fallbacks", "context_window_fallbacks", "content_policy_fallbacks")

# What to do about pydantic's commonest complaints, by their type.
FIXES = {
    "extra_forbidden": "remove it, or check its spelling",
    "missing": "add it",
    "string_pattern_mismatch": "correct the value",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked file: the raw mapping that LiteLLM is given, and our section typed."""

    path: Path
    raw: Json
    gateway: GatewayConfig

    @property
    def model_list(self) -> list[Json]:
        return list(self.raw.get("model_list") or [])


def default_path() -> Path:
    """The file the environment names, else `proxy_config.yaml` in the current directory."""
    return Path(os.environ.get(CONFIG_VARIABLE) or "proxy_config.yaml")


def draining_file(config: Path) -> Path:
    """The launcher makes it beside the config that it hands over, when the gateway is to end soon."""
    return config.with_name("draining")


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read and check a file. Raises ConfigError with the line, the key and the fix."""
    path = path or default_path()
    environ = os.environ if environ is None else environ
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Name another file with --config.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text. Save it as UTF-8.") from None
    node, raw = _parse(path, text)
    section = raw.get("gateway")
    if not isinstance(section, dict):
        raise ConfigError(f"{path}: has no `gateway:` section. Copy the one of the shipped proxy_config.yaml.")
    resolved = resolve_env(section, environ)
    keys_file = resolved.get("keys_file")
    if keys_file:
        resolved = _with_keys(resolved, path.parent / str(keys_file))
    try:
        gateway = GatewayConfig.model_validate(resolved)
    except ValidationError as error:
        raise ConfigError(_explain(path, node, error)) from None
    loaded = Loaded(path, raw, gateway)
    _check_groups(loaded)
    _check_policy(loaded)
    _check_router(loaded)
    return loaded


def _parse(path: Path, text: str) -> tuple[yaml.Node | None, Json]:
    try:
        node = yaml.compose(text, Loader=Loader)
        raw = yaml.load(text, Loader=Loader)  # noqa: S506  the safe loader, in C where PyYAML has it
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise ConfigError(f"{path}{line}: not valid YAML: {problem}. Correct the indentation or quoting.") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: is not a YAML mapping. Copy the shipped proxy_config.yaml and edit it.")
    return node, raw


def resolve_env(value: Any, environ: Mapping[str, str]) -> Any:
    """Replace every `os.environ/NAME` by the variable's value; a key whose variable is unset is left out."""
    if isinstance(value, dict):
        return {k: resolved for k, v in value.items() if (resolved := resolve_env(v, environ)) is not UNSET}
    if isinstance(value, list):
        return [resolved for v in value if (resolved := resolve_env(v, environ)) is not UNSET]
    if isinstance(value, str) and value.startswith(ENV_PREFIX):
        return environ.get(value.removeprefix(ENV_PREFIX)) or UNSET
    return value


def _with_keys(section: Json, path: Path) -> Json:
    """Merge a keys file ({tenant: {app: [{sha256, models}]}}), as mounted from a Secret, into the tenants."""
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise ConfigError(f"gateway.keys_file: {path} cannot be read as YAML. Mount the Secret there.") from None
    tenants: Json = {name: dict(tenant or {}) for name, tenant in (section.get("tenants") or {}).items()}
    for tenant, apps in _items(listed, path):
        if tenant not in tenants:
            raise ConfigError(f"{path}: tenant {tenant!r} is not under gateway.tenants. Add it there first.")
        merged = {name: dict(app or {}) for name, app in (tenants[tenant].get("apps") or {}).items()}
        for app, keys in _items(apps, path):
            entry = merged.setdefault(app, {})
            entry["keys"] = [*(entry.get("keys") or []), *(keys or [])]
        tenants[tenant]["apps"] = merged
    return {**section, "tenants": tenants}


def _items(value: Any, path: Path) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: wants a mapping tenant -> app -> list of keys. See docs/configuration.md.")
    yield from value.items()


def _explain(path: Path, node: yaml.Node | None, error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        where = ("gateway", *item["loc"])
        key = ".".join(str(part) for part in where)
        line = line_of(node, where)
        problem = re.sub(r"^Value error, ", "", item["msg"])
        fix = FIXES.get(item["type"])
        lines.append(f"{path}:{line}: {key}: {problem}" + (f"; {fix}" if fix else ""))
    return "\n".join(lines)


def line_of(node: yaml.Node | None, where: Sequence[str | int]) -> int:
    """The 1-based line of the deepest part of a key path that the file has."""
    line = 1
    for part in where:
        found: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, found = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = node.value[part]
            line = found.start_mark.line + 1
        if found is None:
            break
        node = found
    return line


def _check_groups(loaded: Loaded) -> None:
    """Every tier needs a model group; where the list holds several keys' models, one that remains will do."""
    groups = {str(entry.get("model_name")) for entry in loaded.model_list if isinstance(entry, dict)}
    for tier in loaded.gateway.tiers:
        if (group := loaded.gateway.group(tier)) not in groups:
            known = ", ".join(sorted(groups)) or "none"
            raise ConfigError(
                f"{loaded.path}: gateway.tiers.{tier}: model_list has no model_name {group!r} (it has: {known}). "
                f"Add a model of that name, or set gateway.tiers.{tier}.model_group."
            )


def _check_policy(loaded: Loaded) -> None:
    """A misspelt kind or a broken pattern would switch detection off without a word."""
    policy = loaded.gateway.policy
    if unknown := sorted(set(policy.kinds) - set(KINDS)):
        known = ", ".join(KINDS)
        raise ConfigError(f"{loaded.path}: gateway.policy.kinds: unknown kind {unknown[0]!r}. Known are {known}.")
    try:
        compile_patterns(policy.patterns)
    except ValueError as error:
        raise ConfigError(f"{loaded.path}: gateway.policy.patterns: {error}.") from None


def _check_router(loaded: Loaded) -> None:
    """Fallbacks are made from the tiers for each request, so that they keep to its constraints and end; lists of
    LiteLLM's own would send a sensitive prompt anywhere, in circles if so written."""
    for section in ("router_settings", "litellm_settings"):
        settings = loaded.raw.get(section) or {}
        if listed := sorted(set(OWN_FALLBACKS) & set(settings)):
            raise ConfigError(
                f"{loaded.path}: {section}.{listed[0]}: fallbacks follow from the order of gateway.tiers. Remove it, "
                "and add the models to a tier's model group."
            )


@dataclass(slots=True)
class Watched:
    """The config file and its keys file, and the state they were last read in (modification time and size)."""

    path: Path
    seen: tuple[State, State] = ((0, 0), (0, 0))
    keys_file: Path | None = None

    def changed(self, environ: Mapping[str, str] | None = None) -> Loaded | None:
        """The config, if a file changed since the last call. Raises ConfigError once for each bad version."""
        now = _state(self.path, self.seen[0]), _state(self.keys_file, self.seen[1])
        if now == self.seen:
            return None
        self.seen = now
        loaded = load_config(self.path, environ)
        if (keys_file := _keys_file(loaded)) != self.keys_file:
            self.keys_file = keys_file
            self.seen = now[0], _state(keys_file, (0, 0))
        return loaded


def _keys_file(loaded: Loaded) -> Path | None:
    given = loaded.gateway.keys_file
    return loaded.path.parent / given if given else None


def _state(path: Path | None, known: State) -> State:
    if path is None:
        return known
    try:
        stat = path.stat()
    except OSError:
        return known  # between two versions of a mounted file
    return stat.st_mtime_ns, stat.st_size
