"""irs-engine tags: every tag that can be given."""

from __future__ import annotations

import json

import click

from irs_engine.cli.text import align


@click.command()
@click.option(
    "--search", metavar="TEXT", help="Only tags with this in one of their names, English or Chinese."
)
@click.option("--kind", type=click.Choice(["object", "scene", "concept"]), help="Only this kind.")
@click.option("--category", metavar="ID", help="Only this category, such as animal.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per tag and line.")
def tags(search: str | None, kind: str | None, category: str | None, as_json: bool) -> int:
    """List the tags that pictures can get."""
    from irs_engine.vision.vocabulary import load_vocabulary

    vocabulary = load_vocabulary()
    if category and category not in vocabulary.categories:
        raise click.UsageError(
            f"--category {category}: expected one of {', '.join(sorted(vocabulary.categories))}"
        )
    found = [
        tag
        for tag in (vocabulary.search(search) if search else vocabulary.tags)
        if kind in (None, tag.kind) and category in (None, tag.category)
    ]
    if as_json:
        for tag in found:
            click.echo(
                json.dumps(
                    {
                        "id": tag.id,
                        "en": tag.en,
                        "zh": tag.zh,
                        "kind": tag.kind,
                        "category": tag.category,
                        "parents": list(tag.parents),
                    },
                    ensure_ascii=False,
                )
            )
    elif found:
        click.echo(align([(tag.en, tag.zh, tag.kind, tag.category, tag.id) for tag in found], indent=""))
    if not found:
        click.echo("no tag like that", err=True)
    return 0 if found else 1
