"""The Jinja environments of all reports."""

from __future__ import annotations

from pathlib import Path

import jinja2


def html_environment() -> jinja2.Environment:
    """Return an environment for HTML, which escapes every value."""
    return _environment(autoescape=True)


def markdown_environment() -> jinja2.Environment:
    """Return an environment for Markdown, which escapes nothing."""
    return _environment(autoescape=False)


def _environment(*, autoescape: bool) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
