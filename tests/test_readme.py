"""The README and the decisions: what they name is there."""

import json
import re

import pytest
from typer.testing import CliRunner

from lakehouse import cli, feeds
from lakehouse.landing import Zone
from lakehouse.landing.lines import arrived_at
from lakehouse.settings import PROJECT, load

README = (PROJECT / "README.md").read_text(encoding="utf-8")
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs" / "decisions").glob("*.md"))]
COMMANDS = sorted(set(re.findall(r"^\| `lakehouse ([a-z0-9 ]+)` \|", README, re.MULTILINE)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_named_has_help(command):
    answer = CliRunner().invoke(cli.app, [*command.split(), "--help"])
    assert answer.exit_code == 0
    assert answer.output.startswith("Usage: lakehouse")


def test_every_command_there_is_is_named():
    answer = CliRunner().invoke(cli.app, ["--help"])
    there = re.findall(r"^  ([a-z0-9]+)  ", answer.output.partition("Commands:")[2], re.MULTILINE)
    assert {command.split()[0] for command in COMMANDS} == set(there)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_folder_named_is_there(page):
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:lakehouse|docs|conf|jobs|java|tests|expectations)/[\w./-]*)`", text)
    missing = [name for name in named if not (PROJECT / name).exists()]
    missing += [
        link for link in re.findall(r"\]\(([^):]+)\)", text) if not (page.parent / link).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)$", README, re.MULTILINE))
def test_every_make_target_named_is_there(target):
    assert re.search(rf"^{target}:", (PROJECT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", re.findall(r"--settings (conf/\w+\.yml)", README))
def test_every_settings_file_named_can_be_read(name):
    assert load(PROJECT / name)


def test_the_message_shown_has_the_envelope_and_a_declared_payload():
    message = json.loads(re.findall(r"```json\n(.+?)\n```", README)[0])
    assert tuple(message) == feeds.ENVELOPE
    [payload] = [feed.payload for feed in feeds.FEEDS if feed.name == message["feed"]]
    assert all(f"{field} string" in payload for field in message["payload"])


def test_the_lines_of_your_own_data_land_it(server, where, tmp_path, monkeypatch):
    own_data = README.partition("## Your own data")[2].partition("\n## ")[0]
    [lines] = re.findall(r"```python\n(.+?)\n```", own_data, re.DOTALL)
    (tmp_path / "my.jsonl").write_bytes(b"{}\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "local.yml").write_text("buckets: {landing: readme}")
    monkeypatch.chdir(tmp_path)
    exec(lines)
    storage = Zone(where, server).storage()
    [name] = [one["Key"] for one in storage.list_objects_v2(Bucket="readme")["Contents"]]
    assert arrived_at(name)
