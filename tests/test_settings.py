"""Settings and keys: what cannot be used is said in one sentence, and no secret in it."""

import json
import stat

import pytest

from lakehouse import keys, settings
from lakehouse.errors import BadSetting, MissingKey
from lakehouse.settings import PROJECT, Settings

ELSEWHERE = Settings.model_validate({"s3": {"endpoint": "https://s3.example.org"}})


@pytest.fixture
def load(tmp_path):
    def load_text(text):
        path = tmp_path / "my.yml"
        path.write_text(text)
        return settings.load(path)

    return load_text


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path))
    monkeypatch.delenv("LAKEHOUSE_PSEUDONYM_KEY", raising=False)
    return tmp_path


@pytest.mark.parametrize("name", ["local", "cluster"])
def test_the_settings_that_come_with_the_project_can_be_used(name):
    assert settings.load(PROJECT / "conf" / f"{name}.yml")


def test_an_empty_file_is_the_defaults(load):
    assert load("") == Settings()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("warehouse: x", r"unknown key 'warehouse'; known are s3, buckets, spark, ingest"),
        ("s3: {endpont: x}", r"unknown key 's3.endpont'; known are endpoint, region, path_style"),
        ("spark: {shuffle_partitions: 0}", r"spark.shuffle_partitions is 0: .* greater than"),
        ("experiments: {o1: {A: 0.5, B: 0.4}}", "experiments.o1 is .*shares above 0 that make 1"),
        ("experiments: {o1: {A: 1.0}}", "experiments.o1 is .*two forms or more"),
        ("- a", "holds a list, not sections with keys"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_a_setting_that_cannot_be_used_is_said(load, text, sentence):
    with pytest.raises(BadSetting, match=sentence):
        load(text)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(BadSetting, match="no such settings file"):
        settings.load(tmp_path / "none.yml")


def test_the_keys_file_is_made_once_and_for_its_owner_only(own_home):
    first = keys.s3(Settings()), keys.pseudonym()
    assert first == (keys.s3(Settings()), keys.pseudonym())
    assert [file.name for file in own_home.iterdir()] == ["keys.json"]
    assert stat.S_IMODE((own_home / "keys.json").stat().st_mode) == 0o600


def test_a_storage_of_your_own_takes_its_keys_from_the_environment(monkeypatch, own_home):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(MissingKey, match=r"AWS_SECRET_ACCESS_KEY is not in .*s3\.example\.org"):
        keys.s3(ELSEWHERE)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "and secret")
    assert keys.s3(ELSEWHERE) == ("mine", "and secret")
    assert keys.s3(Settings()) != ("mine", "and secret")  # not for the project's own server


def test_the_pseudonym_key_of_the_environment_goes_first(monkeypatch, own_home):
    monkeypatch.setenv("LAKEHOUSE_PSEUDONYM_KEY", "7:" + "ab" * 32)
    assert keys.pseudonym() == (7, b"\xab" * 32)


def test_the_newest_pseudonym_key_of_the_file_is_used(own_home):
    keys.pseudonym()
    content = json.loads((own_home / "keys.json").read_text())
    content["pseudonym"] |= {"9": "09" * 32, "10": "10" * 32}
    (own_home / "keys.json").write_text(json.dumps(content))
    assert keys.pseudonym() == (10, b"\x10" * 32)


@pytest.mark.parametrize("value", ["", "1", "x:" + "ab" * 32, "1:" + "ab" * 31, "1:secret"])
def test_a_bad_pseudonym_key_is_said_but_not_shown(monkeypatch, value):
    monkeypatch.setenv("LAKEHOUSE_PSEUDONYM_KEY", value)
    with pytest.raises(MissingKey, match="<hex of at least 32 bytes>") as fault:
        keys.pseudonym()
    assert "ab" * 31 not in str(fault.value)


def test_a_broken_keys_file_is_never_replaced(own_home):
    (own_home / "keys.json").write_text("{}")
    with pytest.raises(MissingKey, match="put the saved one back"):
        keys.pseudonym()
    assert (own_home / "keys.json").read_text() == "{}"
