"""soketi's configuration file: dotted keys and nested tables, merged into one tree.

soketi puts a nested table in the place of all that its defaults had below it, and then misses what
it replaced; here both spellings say the same, and only what is written changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

Tree = dict[str, object]


def spread(content: Mapping[str, object], leaves: Collection[str]) -> Tree:
    """Merge a file's keys into a tree of tables.

    Args:
        content: As it was read: ``{"database.redis.host": "h", "database": {"redis": {…}}}``.
        leaves: Paths whose values are taken as they are: a dot in a key below means nothing.

    Returns:
        The tree. Of two values for one path the later counts; a number is a place in a list
        (``appManager.array.apps.0.id``).
    """
    tree: Tree = {}
    _merge(tree, content, "", frozenset(leaves))
    return tree


def _merge(tree: Tree, content: Mapping[str, object], above: str, leaves: frozenset[str]) -> None:
    for key, value in content.items():
        parts = key.split(".")
        *sections, last = parts
        holder: object = tree
        path = above
        for section, following in zip(sections, parts[1:], strict=True):
            holder = _step(holder, section, following)
            path = f"{path}{section}."
        path += last
        if isinstance(value, Mapping) and path not in leaves:
            held = _get(holder, last)
            inner: Tree = dict(held) if isinstance(held, Mapping) else {}
            _merge(inner, value, f"{path}.", leaves)
            _set(holder, last, inner)
        else:
            _set(holder, last, value)


def _step(holder: object, name: str, following: str) -> object:
    """What stands at ``name``; made where there is nothing that ``following`` could be put into."""
    inner = _get(holder, name)
    listed = following.isdecimal()
    if not isinstance(inner, list if listed else dict):
        inner = [] if listed else {}
        _set(holder, name, inner)
    return inner


def _get(holder: object, name: str) -> object:
    if isinstance(holder, list):
        return holder[int(name)] if int(name) < len(holder) else None
    assert isinstance(holder, dict)
    return holder.get(name)


def _set(holder: object, name: str, value: object) -> None:
    if isinstance(holder, list):
        if int(name) < len(holder):
            holder[int(name)] = value
        else:  # also for a number that leaves a gap: no list has room for a mistaken one
            holder.append(value)
    else:
        assert isinstance(holder, dict)
        holder[name] = value
