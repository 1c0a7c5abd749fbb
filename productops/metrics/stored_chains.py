"""Metric chains of initiatives: the union over their stored models, kept on the initiative."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from backlog.models import Initiative
from productops.metrics.chains import Chain, ChainError, union
from productops.models import InitiativeMathModel
from productops.scores.evaluation import read_chain
from sheetsync.storage import Origin, RecordUpdate, Storage


def union_of(texts: Iterable[str]) -> Chain | ChainError:
    """The chains of several cells as one, in order; the first error of any of them, or of all taken together."""
    chains = []
    for text in texts:
        chain = read_chain(text)
        if isinstance(chain, ChainError):
            return chain
        chains.append(chain)
    return union(chains)


def stored_texts(initiatives: Collection[int]) -> dict[int, dict[int, str]]:
    """pk of the initiative -> {pk of the model: metric_chain_text}, in the order in which the models were made."""
    rows = InitiativeMathModel.objects.filter(initiative__in=list(initiatives)).order_by("pk")
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for pk, initiative, text in rows.values_list("pk", "initiative_id", "metric_chain_text"):
        found[initiative][pk] = text
    return dict(found)


def chains_json(initiatives: Collection[int]) -> dict[int, Any]:
    """pk of the initiative -> what metric_chain_json should hold, None for no chain. Initiatives whose stored chains
    can't be joined are left out."""
    texts = stored_texts(initiatives)
    found: dict[int, Any] = {}
    for initiative in initiatives:
        chain = union_of(texts.get(initiative, {}).values())
        if isinstance(chain, Chain):
            found[initiative] = chain.as_json() if chain.nodes else None
    return found


def store_chains(storage: Storage, origins: Mapping[int, Origin]) -> int:
    """Brings metric_chain_json of these initiatives (pk -> where the change came from) up to date; how many changed."""
    updates = [
        RecordUpdate(pk=pk, fields={"metric_chain_json": chain}, origin=origins[pk])
        for pk, chain in chains_json(origins).items()
    ]
    return storage.update(Initiative, updates)
