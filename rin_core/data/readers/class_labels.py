"""Names for the class numbers of Hugging Face datasets, from the features that describe them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rin_core.data.corpus import CorpusError

#: The description that ``datasets`` writes beside the files.
INFO = "dataset_info.json"


def features_in(metadata: Mapping[bytes, bytes] | None) -> Any:
    """Return the features in the metadata of a Parquet or Arrow file; None if it has none."""
    try:
        return json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def features_beside(path: Path) -> Any:
    """Return the features that a file beside a corpus file, or one folder up, describes.

    Raises:
        CorpusError: The description is not JSON.
    """
    for folder in (path.parent, path.parent.parent):
        described = folder / INFO
        if described.is_file():
            try:
                info = json.loads(described.read_bytes())
            except (ValueError, RecursionError) as error:
                raise CorpusError(f"{described}: not valid JSON ({error})") from None
            return info.get("features") if isinstance(info, dict) else None
    return None


def with_names(value: Any, features: Any) -> Any:
    """Return a value with the names of its classes in place of their numbers.

    Args:
        value: A record, or a part of it. What the features do not describe stays as it is.
        features: Its features: a list or an object as the value, or an object with ``_type``.
    """
    if isinstance(features, list) and len(features) == 1:
        features = {"_type": "List", "feature": features[0]}
    if not isinstance(features, dict):
        return value
    if features.get("_type") == "ClassLabel":
        names = features.get("names")
        if isinstance(names, list) and type(value) is int and 0 <= value < len(names):
            return names[value]
        return value
    inner = features.get("feature")
    if isinstance(value, list):
        return [with_names(item, inner) for item in value]
    if isinstance(value, dict):
        # A sequence of objects is stored as an object of sequences.
        columns = {k: [f] for k, f in inner.items()} if isinstance(inner, dict) else features
        return {key: with_names(item, columns.get(key)) for key, item in value.items()}
    return value
