"""The type of a list of cluster nodes."""

from __future__ import annotations

from dataclasses import dataclass

from sockq.supervisor.redis_url import complaint_about_node
from sockq.supervisor.settings_kinds import Kind, Unfit


@dataclass(frozen=True, slots=True)
class Nodes(Kind):
    """Nodes of a Redis Cluster, each a URL or ``HOST:PORT``; in a variable, between commas."""

    @property
    def expects(self) -> str:
        """The form of one."""
        return "a list of redis://[USER:PASSWORD@]HOST:PORT, rediss://… or HOST:PORT"

    def from_file(self, raw: object) -> object:
        """Take a list of texts; an empty one stands."""
        if not isinstance(raw, list) or not all(isinstance(node, str) for node in raw):
            raise Unfit
        nodes = [node.strip() for node in raw]
        for number, node in enumerate(nodes, 1):
            if complaint := complaint_about_node(node):
                raise Unfit(f"node {number}: {complaint}")
        return nodes

    def from_text(self, text: str) -> object:
        """Take what stands between commas."""
        return self.from_file([node for node in text.split(",") if node.strip()])
