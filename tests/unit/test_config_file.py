"""A wrong config stops the start with the line, the key and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugins.config_file import Loaded, Watched, load_config
from plugins.errors import ConfigError, StartError
from plugins.launcher import Options, running_gateway
from plugins.rendering import environ_for, render

SHIPPED = (Path(__file__).parents[2] / "proxy_config.yaml").read_text(encoding="utf-8")


def load(tmp_path: Path, text: str) -> None:
    path = tmp_path / "proxy_config.yaml"
    path.write_text(text, encoding="utf-8")
    load_config(path, {})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "environment: production",
            "enviroment: production",
            ("gateway.enviroment", "check its spelling"),
        ),
        ("{strength: weak}", "{strength: puny}", ("gateway.tiers.small.strength", "'weak'")),
        ("{easy: small, medium", "{easy: tiny, medium", ("tier 'tiny'", "known: small, mid, frontier, onprem")),
        ("usd: 25, per: day", "usd: 25, tokens: 5", ("gateway.tenants.trial.caps.0", "exactly one of usd and tokens")),
        ("usd: 25, per: day", "usd: -1", ("caps.0.usd", "greater than or equal to 0")),
        ("capture: full", "timezone: Mars/Base", ("gateway.tenants.trial.timezone", "IANA name")),
        ("small: {strength", "tiny: {strength", ("tier 'small'", "not under tiers")),
        ("\ngateway:", "\ngateways:", ("no `gateway:` section", "Copy")),
        ("\nmodel_list:", "\nmodel_list: [", ("not valid YAML", "Correct")),
        ("drop_params: true", "default_fallbacks: [mid]", ("litellm_settings.default_fallbacks", "gateway.tiers")),
        ("num_retries: 1", "fallbacks: [{small: [mid]}]", ("router_settings.fallbacks", "Remove it")),
    ],
)
def test_a_wrong_setting_names_line_key_and_fix(tmp_path: Path, old: str, new: str, said: tuple[str, str]) -> None:
    """Each mistake is told in a sentence that an operator can act on."""
    assert old in SHIPPED
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, SHIPPED.replace(old, new, 1))
    for words in said:
        assert words in str(caught.value)


def test_the_line_is_that_of_the_key(tmp_path: Path) -> None:
    """The number behind the file's name is where the key stands."""
    text = SHIPPED.replace("environment: production", "enviroment: production")
    line = 1 + text.splitlines().index("  enviroment: production")
    with pytest.raises(ConfigError, match=rf"proxy_config\.yaml:{line}: gateway\.enviroment"):
        load(tmp_path, text)


def test_the_same_key_twice_is_refused(tmp_path: Path) -> None:
    """One hash cannot name two callers."""
    key = "a" * 64
    app = f"apps:\n        demo: {{keys: [{{sha256: {key}}}]}}\n        other: {{keys: [{{sha256: {key}}}]}}"
    with pytest.raises(ConfigError, match="listed under trial/demo and trial/other"):
        load(tmp_path, SHIPPED.replace("apps:\n        demo: {}", app, 1))


def test_keys_of_a_mounted_secret_are_added(tmp_path: Path) -> None:
    """keys_file adds keys to the tenants of the config, and refuses an unknown tenant."""
    (tmp_path / "keys.yaml").write_text(f"trial: {{demo: [{{sha256: {'b' * 64}, models: [auto]}}]}}")
    path = tmp_path / "proxy_config.yaml"
    path.write_text(SHIPPED.replace("gateway:\n", "gateway:\n  keys_file: keys.yaml\n", 1))
    keys = load_config(path, {}).gateway.tenants["trial"].apps["demo"].keys
    assert [(k.sha256, k.models) for k in keys] == [("b" * 64, ("auto",))]
    (tmp_path / "keys.yaml").write_text("nobody: {demo: []}")
    with pytest.raises(ConfigError, match=r"'nobody' is not under gateway\.tenants"):
        load_config(path, {})


def test_models_without_credentials_are_left_out(tmp_path: Path) -> None:
    """With a provider's key only its models remain; with none, only the simulated ones."""
    path = tmp_path / "proxy_config.yaml"
    path.write_text(SHIPPED)
    loaded = load_config(path, {})
    bare = render(loaded, {"TIERWISE_SIMULATOR_URL": "http://127.0.0.1:1/v1"}, tmp_path)
    real = render(loaded, {"OPENAI_API_KEY": "x"}, tmp_path)
    assert bare.simulated and not real.simulated
    models = {e["litellm_params"]["model"] for e in real.config["model_list"]}
    assert models == {"openai/gpt-4.1-nano", "openai/gpt-4.1-mini", "openai/gpt-4.1"}
    assert "what must stay on premise is refused" in " ".join(real.notes)
    assert "x" not in {e["litellm_params"].get("api_key") for e in real.config["model_list"]}


def test_no_model_at_all_is_refused(tmp_path: Path) -> None:
    """A config whose only models lack their keys says which variables to set."""
    path = tmp_path / "proxy_config.yaml"
    path.write_text(SHIPPED.replace("simulated: true", "simulated: false"))
    with pytest.raises(StartError, match="OPENAI_API_KEY"):
        render(load_config(path, {}), {}, tmp_path)


def test_production_is_never_turned_into_a_trial(tmp_path: Path) -> None:
    """With --no-trial a missing Redis, key, provider or tenant key stops the start, and all are named."""
    path = tmp_path / "proxy_config.yaml"
    path.write_text(SHIPPED)
    with pytest.raises(StartError) as caught, running_gateway(Options(path, state_dir=tmp_path, trial=False), {}):
        pass
    for words in ("REDIS_URL", "LITELLM_MASTER_KEY", "provider's key", "no tenant has a key"):
        assert words in str(caught.value)


def test_litellm_is_not_handed_the_gateways_redis(tmp_path: Path) -> None:
    """The server gets it under a name of our own; as REDIS_URL only where virtual keys or the file itself need it."""
    path = tmp_path / "proxy_config.yaml"
    path.write_text(SHIPPED, encoding="utf-8")
    environ = {"REDIS_URL": "redis://r", "TIERWISE_SIMULATOR_URL": "http://127.0.0.1:1/v1"}
    own = render(load_config(path, environ), environ, tmp_path)
    assert own.config["gateway"]["redis_url"] == "os.environ/TIERWISE_REDIS_URL"
    child = environ_for(own, environ)
    assert ("REDIS_URL" in child, child["TIERWISE_REDIS_URL"]) == (False, "redis://r")
    virtual = {**environ, "DATABASE_URL": "postgresql://db"}
    shared = render(load_config(path, virtual), virtual, tmp_path)
    assert environ_for(shared, virtual)["REDIS_URL"] == "redis://r"
    path.write_text(
        SHIPPED.replace("  telemetry: false", "  cache_params: {url: os.environ/REDIS_URL}"), encoding="utf-8"
    )
    named = render(load_config(path, environ), environ, tmp_path)
    assert environ_for(named, environ)["REDIS_URL"] == "redis://r"


def test_a_changed_keys_file_is_taken_up(tmp_path: Path) -> None:
    """A mounted Secret is replaced under a running gateway: what it now says counts, and is read once."""

    def hashes(loaded: Loaded | None) -> list[str]:
        assert loaded is not None
        return [key.sha256 for key in loaded.gateway.tenants["trial"].apps["demo"].keys]

    keys = tmp_path / "keys.yaml"
    keys.write_text(f"trial: {{demo: [{{sha256: {'a' * 64}}}]}}")
    path = tmp_path / "proxy_config.yaml"
    path.write_text(SHIPPED.replace("gateway:\n", "gateway:\n  keys_file: keys.yaml\n", 1))
    watched = Watched(path)
    assert hashes(watched.changed({})) == ["a" * 64]
    assert watched.changed({}) is None
    keys.write_text(f"trial: {{demo: [{{sha256: {'a' * 64}}}, {{sha256: {'b' * 64}}}]}}")
    assert hashes(watched.changed({})) == ["a" * 64, "b" * 64]
    keys.write_text("nobody: {demo: []}")
    with pytest.raises(ConfigError, match="nobody"):
        watched.changed({})
    assert watched.changed({}) is None


def test_a_mistyped_redis_address_stops_the_start(tmp_path: Path) -> None:
    """Before anything is started, and without repeating the address."""
    path = tmp_path / "proxy_config.yaml"
    path.write_text(SHIPPED)
    with (
        pytest.raises(StartError, match="REDIS_URL is no address of a Redis") as caught,
        running_gateway(Options(path, state_dir=tmp_path), {"REDIS_URL": "redis://:pass/word@redis:6379"}),
    ):
        pass
    assert "pass" not in str(caught.value).replace("password", "")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """As in a container whose volume is missing or belongs to another user."""
    path = tmp_path / "proxy_config.yaml"
    path.write_text(SHIPPED)
    (tmp_path / "state").write_text("a file is in the way")
    options = Options(path, state_dir=tmp_path / "state")
    with pytest.raises(StartError, match=r"cannot be written .* mount a volume"), running_gateway(options, {}):
        pass
