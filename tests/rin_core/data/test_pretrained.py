"""A model's files: what is read, what identifies them, what is refused and in which words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from transformers import AutoModel, T5Config, T5Model

from rin_core.data.pretrained import Pretrained, PretrainedError, load_pretrained
from rin_core.model.transformer import build_backbone
from tests.tiny_models import save_bert


@pytest.fixture
def copy(tiny_bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bert, tmp_path / "copy"))


class TestWeights:
    def test_are_the_models_but_for_the_pooler(self, tiny_bert: Path) -> None:
        wanted = AutoModel.from_pretrained(tiny_bert).state_dict()
        found = load_pretrained(str(tiny_bert), 512)
        assert {k for k in wanted if not k.startswith("pooler.")} == found.weights.keys()
        assert found.size == sum(wanted[name].numel() for name in found.weights)
        backbone = build_backbone(found)
        for name, tensor in backbone.state_dict().items():
            assert tensor.equal(wanted[name]), name
        assert not any(name.startswith("pooler") for name, _ in backbone.named_parameters())

    def test_come_in_single_precision(self, copy: Path) -> None:
        AutoModel.from_pretrained(copy).half().save_pretrained(copy)
        found = load_pretrained(str(copy), 512)
        assert {array.dtype.name for array in found.weights.values()} == {"float32"}
        assert {p.dtype for p in build_backbone(found).parameters()} == {torch.float32}

    def test_read_only_arrays_are_copied_without_a_warning(self, tiny_bert: Path) -> None:
        """An object store hands out arrays that cannot be written."""
        found = load_pretrained(str(tiny_bert), 512)
        for array in found.weights.values():
            array.setflags(write=False)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            backbone = build_backbone(found)
        with torch.no_grad():
            for parameter in backbone.parameters():
                parameter.zero_()
        assert any(array.any() for array in found.weights.values())

    def test_the_generator_is_left_alone(self, tiny_bert: Path) -> None:
        found = load_pretrained(str(tiny_bert), 512)
        torch.manual_seed(3)
        build_backbone(found)
        after = torch.rand(2)
        torch.manual_seed(3)
        assert after.equal(torch.rand(2))

    def test_architecture_and_tokenizer_survive_json(self, tiny_bert: Path) -> None:
        found = load_pretrained(str(tiny_bert), 512)
        again = Pretrained.from_json(json.loads(json.dumps(found.to_json())))
        assert (again.to_json(), again.weights) == (found.to_json(), {})
        empty, full = build_backbone(again), build_backbone(found)
        empty.load_state_dict(full.state_dict())
        pieces = torch.tensor([[2, 7, 9, 3]])
        assert empty.eval()(pieces)[0].equal(full.eval()(pieces)[0])


class TestIdentity:
    def test_is_the_content_and_not_the_place(self, tiny_bert: Path, copy: Path) -> None:
        (copy / "README.md").write_text("about the model")
        here, there = (load_pretrained(str(folder), 512) for folder in (tiny_bert, copy))
        assert here.digest == there.digest
        assert here.name == "tiny/bert"
        assert there.name.endswith("/copy")

    @pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
    def test_every_file_counts(self, tiny_bert: Path, copy: Path, name: str) -> None:
        (copy / name).write_text((copy / name).read_text() + "\n")
        before = load_pretrained(str(tiny_bert), 512).digest
        assert load_pretrained(str(copy), 512).digest != before

    def test_the_weights_count(self, tiny_bert: Path, tmp_path: Path) -> None:
        other = save_bert(tmp_path / "other", seed=1)
        before = load_pretrained(str(tiny_bert), 512).digest
        assert load_pretrained(str(other), 512).digest != before


class TestRefusals:
    def refuse(self, folder: Path | str, message: str) -> None:
        with pytest.raises(PretrainedError, match=message) as caught:
            load_pretrained(str(folder), 512)
        assert str(caught.value).startswith(f"encoder.model = {str(folder)!r}: ")
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["./no/such/folder", "/no/such", "two words"])
    def test_no_such_folder(self, name: str) -> None:
        self.refuse(name, r"no such folder; give a folder with config\.json, tokenizer\.json and")

    def test_no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        self.refuse("nobody/no-such-model", r"Hugging Face hub \(.*\); give a folder .* connect")

    def test_an_error_without_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("huggingface_hub.snapshot_download", Mock(side_effect=TimeoutError()))
        self.refuse("nobody/no-such-model", r"Hugging Face hub \(TimeoutError\); give a folder")

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("config.json", r"no config\.json; .* save_pretrained\(\)"),
            ("model.safetensors", r"no weights in safetensors \(pickled ones are never read\); "),
            ("tokenizer.json", r"no tokenizer\.json \(a fast tokenizer is needed\); "),
        ],
    )
    def test_a_file_is_missing(self, copy: Path, name: str, message: str) -> None:
        (copy / name).unlink()
        self.refuse(copy, message)

    def test_pickled_weights_are_not_read(self, copy: Path) -> None:
        (copy / "model.safetensors").unlink()
        torch.save({}, copy / "pytorch_model.bin")
        self.refuse(copy, "pickled ones are never read")

    def test_a_slow_tokenizer(self, copy: Path) -> None:
        settings = json.loads((copy / "tokenizer_config.json").read_text())
        settings["tokenizer_class"] = "CanineTokenizer"
        (copy / "tokenizer_config.json").write_text(json.dumps(settings))
        self.refuse(copy, "CanineTokenizer is slow; a fast tokenizer is needed")

    def test_weights_cut_short(self, copy: Path) -> None:
        content = (copy / "model.safetensors").read_bytes()
        (copy / "model.safetensors").write_bytes(content[: len(content) // 2])
        self.refuse(copy, r"cannot be read \(.*\); check that")

    def test_weights_of_a_smaller_model(self, copy: Path) -> None:
        settings = json.loads((copy / "config.json").read_text())
        (copy / "config.json").write_text(json.dumps(settings | {"num_hidden_layers": 3}))
        self.refuse(copy, r"16 weights of BertModel are missing, the first is encoder\.layer\.2\.")

    def test_more_layers_than_a_model_has(self, copy: Path) -> None:
        """To build them takes hours."""
        config = json.loads((copy / "config.json").read_text())
        (copy / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 10**6}))
        with pytest.raises(PretrainedError, match="num_hidden_layers = 1000000: must be at most"):
            load_pretrained(str(copy), 40)

    def test_a_model_that_brings_its_own_code(self, copy: Path) -> None:
        """The code would write a file; it is refused, and not run."""
        (copy / "own.py").write_text(f"open({str(copy / 'ran')!r}, 'w')")
        settings = json.loads((copy / "config.json").read_text())
        settings |= {"model_type": "own", "auto_map": {"AutoConfig": "own.C", "AutoModel": "own.M"}}
        (copy / "config.json").write_text(json.dumps(settings))
        self.refuse(copy, r"cannot be read \(.*\)")
        assert not (copy / "ran").exists()

    def test_an_encoder_decoder(self, copy: Path) -> None:
        sizes = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
        T5Model(T5Config(vocab_size=9, **sizes)).save_pretrained(copy)
        self.refuse(copy, r"T5Model is not a sentence encoder; choose one such as BERT")


def test_transformers_is_imported_only_when_used() -> None:
    code = "import rin_core.train.loop, rin_core.data.loading, sys\n"
    code += "print('transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
