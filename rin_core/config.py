"""Typed, frozen settings of one training run, and the canonical form that identifies it.

The defaults are the paper's values for its GloVe models (§5.1), so ``Config()`` is the paper's GRU
with K = 1. A section checks its fields when it is built, so no run starts with an invalid value.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self, get_args

from annotated_types import Interval, MultipleOf

from rin_core.encoder_traits import ENCODERS, EncoderKind, EncoderTraits
from rin_core.errors import ConfigError
from rin_core.fields import all_settings, check_section, coerce, require, suggest_setting
from rin_core.problems import short

#: Increase it when a change of the code changes what a configuration computes. Fingerprints contain
#: it, so results of different protocols never mix.
PROTOCOL_VERSION = 1
_LONGEST_PATH = 60
"""Characters of an unknown name that a message shows, and that are compared with the settings."""

# Ranges of the settings. The upper ends catch typing errors.
Share = Annotated[float, Interval(ge=0, le=1)]
Dropout = Annotated[float, Interval(ge=0, lt=1)]
Rate = Annotated[float, Interval(gt=0, le=1_000)]
Width = Annotated[int, Interval(ge=1, le=65_536)]
Count = Annotated[int, Interval(ge=1, le=100_000)]

# Each name has a class, listed in `UPDATES` of `model.interaction` or `SCORERS` of `model.dense`.
CellKind = Literal["gru", "rnn", "linear"]
ScorerKind = Literal["separable", "concat", "concat_bias", "biaffine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """How a corpus is read into words, tags and gold triples (paper §3)."""

    entity_word: Literal["first", "last"] = "first"
    """The word that stands for a multi-word entity in a triple."""
    lowercase: bool = True
    """Lower-case words for the vocabulary. A transformer's tokenizer gets the words as written."""
    vocabulary: Literal["train", "vectors"] = "train"
    """Known words: the words of the training split, or also all other words that have a word
    vector. Without word vectors the two are the same."""
    pos: Literal["auto", "off"] = "auto"
    """Part-of-speech features: from the corpus, or else from a tagger if one is installed."""
    entity_types: bool = False
    """Tag entities with their types, where the corpus has types."""
    max_missing: Share = 0.01
    """Largest share of a split's triples that may have an argument missing from the sentence."""
    dev_fraction: Annotated[float, Interval(ge=0, le=0.5)] = 0.0
    """Share of train that becomes a missing dev or test split; 0 cuts none. The cut sentences are
    part of the data's digest."""
    train_share: Annotated[float, Interval(gt=0, le=1)] = 1.0
    """Share of the training sentences to train on. An epoch repeats them, so that it has as many
    steps as with all of them. A larger share has the sentences of each smaller one. All seeds have
    the same sentences."""

    def __post_init__(self) -> None:
        check_section(self, "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """The shared encoder: words to features H [B, L, D] (paper §4.4, §5.1)."""

    kind: EncoderKind = "bilstm"
    """The encoder: a BiLSTM, or a pretrained transformer."""
    word_dim: Width = 100
    """Width of the BiLSTM's word vectors; pretrained vectors must have it."""
    pos_dim: Width = 10
    """Width of the BiLSTM's part-of-speech vectors, used where the corpus has tags."""
    case_dim: Annotated[int, Interval(ge=0, le=65_536)] = 0
    """Width of the BiLSTM's vectors of a word's case, such as lower or title case; 0 for none."""
    characters: Literal["none", "cnn", "lstm"] = "none"
    """Character vectors of the words for the BiLSTM: none, from a convolution (Ma and Hovy 2016),
    or from a BiLSTM (Lample et al. 2016)."""
    character_dim: Annotated[int, Interval(ge=2, le=65_536)] = 30
    """Width of a word's character vector."""
    hidden_size: Annotated[int, Interval(ge=2, le=65_536), MultipleOf(2)] = 100
    """Width D of the BiLSTM's output, both directions together. A transformer has its own width."""
    dropout: Dropout = 0.1
    """Dropout of the BiLSTM's input, or of a transformer's output. Inside a transformer, its own
    rates apply."""
    model: str = "google-bert/bert-base-cased"
    """Pretrained transformer: a name on the Hugging Face hub, or a folder (paper: BERT-Base cased).
    Its content is part of the data's digest; its name or path is not part of the fingerprint."""
    freeze: bool = False
    """Do not train the pretrained weights; the transformer then runs without its dropout."""
    freeze_layers: Annotated[int, Interval(ge=0, le=1_000)] = 0
    """Number of first layers of a transformer to freeze, with its embeddings; 0 freezes none."""
    lora: Annotated[int, Interval(ge=0, le=1_024)] = 0
    """Rank of LoRA's matrices for queries and values; 0 for none. The pretrained weights are then
    frozen."""
    packed: bool = False
    """Compute a transformer on a CPU without padding and with a faster dropout (scores differ as
    with another seed)."""
    max_pieces: Annotated[int, Interval(ge=8, le=65_536)] = 512
    """Largest number of sub-word pieces, special ones included, that a transformer reads at once.
    Its own limit applies if it is lower. Longer sentences are read in overlapping windows."""

    def __post_init__(self) -> None:
        check_section(self, "encoder")

    @property
    def traits(self) -> EncoderTraits:
        """What the encoder reads and which settings it uses."""
        return ENCODERS[self.kind]

    @property
    def fine_tunes(self) -> bool:
        """Whether pretrained weights are trained further."""
        return self.traits.reads_pieces and not self.freeze

    @property
    def reads_spelling(self) -> bool:
        """Whether it reads the characters of words, or their case."""
        of_words = not self.traits.reads_pieces
        return of_words and (self.characters != "none" or self.case_dim > 0)

    def input_settings(self) -> tuple[object, ...]:
        """Return the values that decide how a corpus is encoded for this encoder."""
        if self.traits.reads_pieces:
            return (self.model, self.max_pieces)
        return (self.word_dim, self.reads_spelling)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Task features, interaction and heads: the parts that Table 5 removes (paper Eqs. 1-11)."""

    architecture: Literal["arxiv", "camera_ready"] = "arxiv"
    """The paper's Figure 2 on arXiv, or the published version, where rounds refine H itself,
    without f_r, f_g and INT."""
    rounds: Annotated[int, Interval(ge=0, le=100)] = 1
    """K, the number of updating rounds. K = 0 is the paper's BiLSTM_s."""
    cell: CellKind = "gru"
    """Update: the GRU of Eqs. 4-7, Figure 3's RNN, or Table 5's linear maps (-γ)."""
    relation_input: bool = True
    """Feed ŷ, the relation probabilities, to INT (Table 5: -ŷ)."""
    entity_input: bool = True
    """Feed ȳ, the tag distribution, to INT (Table 5: -ȳ)."""
    shared_input: bool = True
    """Feed H, the shared features, to INT (Table 5: -H)."""
    task_features: bool = True
    """Separate relation and entity features (Eq. 11); without them, the paper's plain BiLSTM."""
    feature_size: Width = 100
    """Width of the task features."""
    scorer: ScorerKind = "separable"
    """Scores of word pairs, C_r: Eqs. 9-10, the published version's concatenation before the ReLU,
    or biaffine. ``concat_bias`` has the bias of W_m, which the authors' program has."""
    relation_bias: Annotated[float, Interval(ge=-100, le=100)] = -6.0
    """Initial bias of C_r. Triples are rare: starting at 0 costs an epoch."""

    def __post_init__(self) -> None:
        check_section(self, "model")
        if not (self.relation_input or self.entity_input or self.shared_input):
            raise ConfigError(
                "model.relation_input, entity_input and shared_input are all off: "
                "INT requires an input; the model without INT is model.rounds = 0"
            )
        if self.architecture == "camera_ready":
            cells = " or ".join(cell for cell in get_args(CellKind) if cell != "linear")
            wanted = f"{cells}: model.architecture = 'camera_ready' has no linear update"
            require(self.cell != "linear", "model.cell", self.cell, wanted)
        elif not self.task_features and self.rounds:
            raise ConfigError(
                f"model.task_features = False with model.rounds = {self.rounds}: "
                "interaction updates the task features; set model.rounds = 0"
            )

    def canonical(self) -> ModelConfig:
        """Return the one form of all settings that build the same model.

        Without rounds there is no cell and no INT; with linear maps there is no INT;
        without task features they have no width. The camera-ready version has neither INT nor
        task features, and without rounds it is the paper's plain BiLSTM.
        """
        default = ModelConfig()
        published = self.architecture == "camera_ready"
        reset: dict[str, Any] = {}
        if self.rounds == 0 or self.cell == "linear" or published:
            reset |= dict.fromkeys(("relation_input", "entity_input", "shared_input"), True)
        if self.rounds == 0:
            reset["cell"] = default.cell
        if published:
            plain = self.rounds == 0
            reset |= {"task_features": not plain} | ({"architecture": "arxiv"} if plain else {})
        if not self.task_features or published:
            reset["feature_size"] = default.feature_size
        return dataclasses.replace(self, **reset)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """Optimisation, stopping and selection (paper §5.1)."""

    batch_size: Count = 50
    """Sentences per step; with BERT the paper takes 70 on NYT."""
    batch_order: Literal["length", "random", "file"] = "length"
    """Sentences of a batch: of similar length, which is faster; random; or as in the file, never
    shuffled, like the authors' program."""
    max_tokens: Annotated[int, Interval(ge=0, le=100_000_000)] = 0
    """Largest number of words, or of a transformer's pieces, in one forward pass, padding included;
    0 for no limit. The gradients of a larger batch are accumulated."""
    learning_rate: Rate = 1e-3
    """Adam's step size; with BERT the paper takes 2e-4 throughout."""
    encoder_learning_rate: Rate = 2e-4
    """Adam's step size for the pretrained weights of a transformer."""
    warmup: Share = 0.0
    """Share of the steps up to ``max_epochs`` in which the step sizes grow linearly; 0 for none."""
    weight_decay: Annotated[float, Interval(ge=0, le=100)] = 0.0
    """Decoupled weight decay, as in AdamW, of all weights except biases and normalization."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of a transformer: ``bfloat16`` uses autocast and requires a CUDA device, or a CPU
    with AVX512-BF16 or AMX. A BiLSTM computes in float32: autocast would run it in float16 on a
    GPU, and gains 3 % on a CPU. Weights, interaction, heads and loss stay in float32."""
    max_epochs: Count = 100
    """Largest number of epochs."""
    patience: Count = 20
    """Epochs without a better dev F1 after which training stops. While every F1 is 0, epochs
    without a lower training loss."""
    word_dropout: Dropout = 0.0
    """Share of the training words that a step replaces by the unknown word, to train its vector.
    Not for encoders of sub-word pieces."""
    average: Literal["none", "ema"] = "none"
    """``ema`` also keeps an exponential moving average of the weights, and scores it once at the
    end, without choosing an epoch. The number of epochs is then fixed: patience does not apply."""
    average_decay: Annotated[float, Interval(gt=0, lt=1)] = 0.999
    """Decay of the moving average."""
    clip_norm: Annotated[float, Interval(gt=0, le=1_000_000)] = 5.0
    """Largest gradient norm."""
    selection: Literal["dev", "test"] = "dev"
    """Split that selects the epoch. ``test`` only serves to reproduce the authors' program: such
    scores are marked, and are never results."""
    seed: Annotated[int, Interval(ge=0, lt=2**32)] = 0
    """Seed of weights, batches and dropout."""

    def __post_init__(self) -> None:
        check_section(self, "training")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that decides the numbers of a run, except the data."""

    data: DataConfig = field(default_factory=DataConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        precision = self.training.precision
        able = ", ".join(kind for kind, traits in ENCODERS.items() if traits.bfloat16)
        wanted = f"'float32' with encoder.kind = {self.encoder.kind!r}; bfloat16 requires {able}"
        fits = precision == "float32" or self.encoder.traits.bfloat16
        require(fits, "training.precision", precision, wanted)

    def override(self, path: str, value: object) -> Self:
        """Return a copy with one field changed; see :meth:`with_overrides`."""
        return self.with_overrides({path: value})

    def with_overrides(self, overrides: Mapping[str, object]) -> Self:
        """Return a copy with some fields changed, checked together.

        Args:
            overrides: Dotted names, such as ``"model.rounds"``, with the new value or its
                text as typed on a command line.

        Raises:
            ConfigError: No such field, a value of the wrong type, or one outside its range.

        Examples:
            >>> Config().with_overrides({"model.rounds": "3"}).model.rounds
            3
            >>> Config().override("model.round", 3)
            Traceback (most recent call last):
            rin_core.errors.ConfigError: model.round: no such setting; did you mean model.rounds?
        """
        changes: dict[str, dict[str, object]] = {}
        for path, value in overrides.items():
            known = all_settings(Config)
            if path not in known:
                is_name = path.isprintable() and 0 < len(path) <= _LONGEST_PATH
                shown = path if is_name else short(path)
                hint = suggest_setting(path[:_LONGEST_PATH], list(known))
                raise ConfigError(f"{shown}: no such setting; {hint}")
            section, _, name = path.partition(".")
            changes.setdefault(section, {})[name] = coerce(path, value, known[path].kind)
        sections = {s: dataclasses.replace(getattr(self, s), **c) for s, c in changes.items()}
        return dataclasses.replace(self, **sections)

    def flat(self) -> dict[str, Any]:
        """Return ``{"training.seed": 0, ...}``, every field under its dotted name.

        A float field may hold the int ``5``. It is written as ``5.0``, or one configuration would
        have two fingerprints.
        """
        flat = {}
        for path, setting in all_settings(Config).items():
            section, _, name = path.partition(".")
            value = getattr(getattr(self, section), name)
            flat[path] = float(value) if setting.kind is float else value
        return flat

    @classmethod
    def from_flat(cls, flat: Mapping[str, object]) -> Config:
        """Rebuild a configuration from :meth:`flat`; fields not named keep their defaults."""
        return cls().with_overrides(flat)

    def canonical(self) -> Config:
        """Return the one form of all configurations that compute the same thing.

        Settings that change nothing have their defaults there.
        """
        encoder, traits = self.encoder, self.encoder.traits
        unused = frozenset().union(*(t.settings for t in ENCODERS.values())) - traits.settings
        # What these decide is in the digest of the data.
        unused |= {"data.max_missing", "data.dev_fraction", "encoder.model"}
        if self.data.pos == "off":
            unused |= {"encoder.pos_dim"}
        if encoder.characters == "none":
            unused |= {"encoder.character_dim"}
        if not encoder.fine_tunes:
            unused |= {"training.encoder_learning_rate", "encoder.freeze_layers", "encoder.lora"}
        averages = self.training.average != "none"
        unused |= {"training.patience"} if averages else {"training.average_decay"}
        default = Config().flat()
        used = self.with_overrides({path: default[path] for path in unused})
        return dataclasses.replace(used, model=used.model.canonical())

    def fingerprint(self, data_digest: str) -> str:
        """Identify a run: canonical settings, content of the data, protocol.

        Only values that differ from the defaults count. A new field whose default does what was
        done before therefore changes no fingerprint. A changed default needs a new protocol.

        Args:
            data_digest: Digest of the encoded corpus and its word vectors.

        Returns:
            16 hexadecimal digits.

        Examples:
            >>> Config().fingerprint("digest")
            '01ce388811f84d90'
        """
        default = Config().flat()
        chosen = {k: v for k, v in self.canonical().flat().items() if v != default[k]}
        identity = {
            "config": chosen,
            "data": data_digest,
            "protocol": PROTOCOL_VERSION,
        }
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def nondefault_settings(config: Mapping[str, object]) -> str:
    """Return the settings that differ from the defaults, apart from the seed, as one line of text.

    Args:
        config: A configuration as :meth:`Config.flat` returns it.
    """
    default = Config().flat() | {"training.seed": config.get("training.seed")}
    return canonical_settings({k: v for k, v in config.items() if v != default.get(k)})


#: Settings that choose the initial weights of a model, and nothing else.
INIT_SETTINGS = ("vectors", "encoder.model")


def canonical_settings(settings: Mapping[str, object]) -> str:
    """Return settings as one line of text, equal exactly where they are equal.

    A setting of ``None``, such as no word vectors, counts as missing.
    """
    given = sorted((k, v) for k, v in settings.items() if v is not None)
    return ", ".join(f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in given)
