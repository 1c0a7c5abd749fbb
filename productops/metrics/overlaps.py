"""Double counting: initiatives that claim the same KPI through the same metric. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from productops.metrics.chains import Chain

NAMED = 2  # other initiatives that an overlap names
TOLD = 3  # overlaps that are told of one initiative


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What one initiative says it moves, and by which way."""

    key: str  # initiative_key
    kpis: Collection[str]  # kpi_keys to which it contributes something
    chain: Chain  # its metric chain


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """A metric through which several initiatives claim the same KPIs."""

    kpis: tuple[str, ...]
    metric: str  # upstream of the KPIs in each one's chain, and no active KPI itself
    keys: tuple[str, ...]  # the others, the lowest keys first, at most NAMED
    more: bool  # whether there are others yet

    def told(self, key: str) -> str:
        """A sentence for the initiative `key`."""
        named = (key, *self.keys, *(("others",) if self.more else ()))
        return (
            f"{', '.join(named[:-1])} and {named[-1]} claim {' and '.join(self.kpis)} through {self.metric}: "
            "look that no gain is counted twice."
        )


def find_overlaps(claims: Sequence[Claim], active: Collection[str]) -> dict[str, tuple[Overlap, ...]]:
    """initiative_key -> where it claims what others claim, for those that do. Other initiatives are named once a KPI.

    What meets in one of the `active` KPIs on the way to another one is no overlap: that is what KPIs are for.
    """
    ways = {claim.key: _ways(claim, active) for claim in claims}
    claimants: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key in sorted(ways):
        for way in ways[key]:
            claimants[way].append(key)
    found = {key: tuple(_of_one(key, ways[key], claimants))[:TOLD] for key in ways}
    return {key: overlaps for key, overlaps in found.items() if overlaps}


def upstream(chain: Chain, kpi: str) -> tuple[str, ...]:
    """The metrics that move `kpi`, directly or through others, in the chain's order."""
    movers: dict[str, list[str]] = defaultdict(list)
    for mover, moved in chain.edges:
        movers[moved].append(mover)
    found: set[str] = set()
    waiting = [kpi]
    while waiting:
        for mover in movers[waiting.pop()]:
            if mover not in found:
                found.add(mover)
                waiting.append(mover)
    return tuple(metric for metric in chain.nodes if metric in found)


def _ways(claim: Claim, active: Collection[str]) -> list[tuple[str, str]]:
    """(kpi, metric) of everything through which it claims a KPI, in the chain's order, then by KPI: databases differ in the
    order in which they give a contribution's KPIs back."""
    movers = {kpi: [metric for metric in upstream(claim.chain, kpi) if metric not in active] for kpi in claim.kpis}
    return [(kpi, metric) for metric in claim.chain.nodes for kpi in sorted(movers) if metric in movers[kpi]]


def _of_one(
    key: str, ways: Sequence[tuple[str, str]], claimants: Mapping[tuple[str, str], Sequence[str]]
) -> Iterator[Overlap]:
    named: set[tuple[str, str]] = set()  # (kpi, other initiative)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}  # (metric, others) -> KPIs
    for kpi, metric in ways:
        # A popular metric may have thousands of claimants: only as many are looked at as are named.
        first = tuple(other for other in claimants[kpi, metric][: NAMED + 2] if other != key)
        if any((kpi, other) not in named for other in first):
            named.update((kpi, other) for other in first)
            together.setdefault((metric, first), []).append(kpi)
    for (metric, first), kpis in together.items():
        yield Overlap(kpis=tuple(kpis), metric=metric, keys=first[:NAMED], more=len(first) > NAMED)
