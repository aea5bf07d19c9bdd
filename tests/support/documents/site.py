"""
The hook of mkdocs: the site is the repository as its readers see it.

Pages keep the paths of the repository, so one link works on both. Pages below docs/ lose that
folder in their address. Files beside them that links lead to, as rules and boards, come along.
"""

import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation, Section
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parents[3]
_BESIDE = ("*.md", "LICENSE", "action.yml", "runbooks/*.md", "alerts/*", "dashboards/*")
_COMMENT = re.compile(r"\A<!--.*?-->\n")
_PROSE = re.compile(r"[A-Z`*]")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")

_seen: list[Navigation] = []
"""The navigation of the build that is under way."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List every runbook below the index of runbooks."""
    for section in config.nav or ():
        pages = section.get("Runbooks")
        if pages is not None:
            alerts = sorted(path.name for path in (_ROOT / "runbooks").glob("SSE*.md"))
            pages.extend(f"runbooks/{name}" for name in alerts)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Give every file its path in the repository, and add those that are not below docs/."""
    moved = [
        _file(f"docs/{file.src_uri}", config) for file in files if file.src_dir == config.docs_dir
    ]
    beside = [
        _file(path.relative_to(_ROOT).as_posix(), config)
        for pattern in _BESIDE
        for path in sorted(_ROOT.glob(pattern))
    ]
    others = [file for file in files if file.src_dir != config.docs_dir]  # the theme's
    return Files([*others, *moved, *beside])


def _file(path: str, config: MkDocsConfig) -> File:
    file = File(path, str(_ROOT), config.site_dir, config.use_directory_urls)
    if path.startswith("docs/"):
        address = PurePosixPath(file.dest_uri).relative_to("docs").as_posix()
        file = File(path, str(_ROOT), config.site_dir, config.use_directory_urls, dest_uri=address)
    return file


def on_page_markdown(markdown: str, **_: object) -> str:
    """Leave out a rendered file's first line, a comment for those who edit it."""
    return _COMMENT.sub("", markdown)


def on_nav(nav: Navigation, **_: object) -> Navigation:
    """Keep the navigation for llms.txt."""
    _seen.append(nav)
    return nav


def on_post_build(config: MkDocsConfig) -> None:
    """Write llms.txt: a map of the pages for programs that read."""
    sections = [item for item in _seen.pop().items if isinstance(item, Section)]
    parts = [f"# {config.site_name}", f"> {config.site_description}"]
    for section in sections:
        lines = (_line(page) for page in section.children if isinstance(page, Page))
        parts.append("\n".join((f"## {section.title}", "", *lines)))
    text = "\n\n".join(parts) + "\n"
    Path(config.site_dir, "llms.txt").write_text(text, encoding="utf-8")


def _line(page: Page) -> str:
    """Return a page as one entry: its title, its address, and its first sentence."""
    prose = (line for line in (page.markdown or "").splitlines() if _PROSE.match(line))
    first = _LINK.sub(r"\1", next(prose, "")).partition(". ")[0].rstrip(":.")
    return f"- [{page.title}]({page.file.url})" + (f": {first}." if first else "")
