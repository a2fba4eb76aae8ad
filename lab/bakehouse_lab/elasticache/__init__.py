"""ElastiCache: caches that really answer, on Redis in a container for each node.

`backend` and `responses` write down what API calls ask for, `decide` says what to do next,
`keeper` does it in the words of `redis`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bakehouse_lab.elasticache.keeper import Keeper
from bakehouse_lab.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bakehouse_lab.lab import Lab

LOOK_AGAIN_SECONDS = 5  # API calls and errands kick; this only finds caches that died


def serve(lab: Lab) -> Sequence[Loop]:
    """Put the lab's backend and responses in the place of moto's."""
    from moto.elasticache import urls
    from moto.elasticache.models import elasticache_backends

    from bakehouse_lab.elasticache.backend import LabElastiCacheBackend
    from bakehouse_lab.elasticache.responses import LabElastiCacheResponse

    keeper = Keeper(lab)
    loop = Loop("elasticache", lambda: keeper.step(loop.kick), LOOK_AGAIN_SECONDS)
    elasticache_backends.backend = LabElastiCacheBackend
    urls.url_paths["{0}/$"] = LabElastiCacheResponse.dispatch
    return [loop]
