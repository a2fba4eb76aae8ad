"""This host's own pages, asked as a visitor asks: through nginx."""

import http.client
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

SECONDS = 10.0  # for one answer


class Site:
    """The site on port 80 of this host."""

    def __init__(self, name: str, address: tuple[str, int] = ("127.0.0.1", 80)) -> None:
        """`name` is what visitors call it; empty: whatever the address answers to."""
        self._address = address
        self._headers = {"User-Agent": "bakehouse-lifecycle", **({"Host": name} if name else {})}

    def trouble(self, path: str) -> str:
        """Why `path` is not answered with 200; empty when it is."""
        said = self._ask(path)
        return "" if said == "200" else f"GET {path} answered {said}"

    def warm(self, paths: Sequence[str], times: int) -> str:
        """Ask for each path once, and then `times` at once, so that each finds a worker of its own.

        The first compiles the page's code, which all workers share. Returns what was answered.
        """
        said = Counter[str]()
        with ThreadPoolExecutor(max_workers=max(1, times)) as visitors:
            for path in paths:
                said[self._ask(path)] += 1
                said.update(visitors.map(self._ask, [path] * times))
        return ", ".join(f"{count} times {answer}" for answer, count in said.most_common())

    def _ask(self, path: str) -> str:
        """The status, or in one word why there is none."""
        line = http.client.HTTPConnection(*self._address, timeout=SECONDS)
        try:
            line.request("GET", path, headers=self._headers)
            answer = line.getresponse()
            answer.read()
            return str(answer.status)
        except (OSError, http.client.HTTPException) as broken:
            return f"nothing ({type(broken).__name__})"
        finally:
            line.close()
