"""The state of the installation as gauges, read from the database when /metrics is asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from approvals.models import CheckRun, CheckState, Finding, RequestState, TransitionRequest
from audit.models import Leaf, OutboxMessage, SiemState
from audit.queries import current_log
from audit.transparency.health import LogState, log_health
from audit.witnesses.service import witnessing
from config.edge.health import edge_health
from config.health import broker_state
from registry.models import ModelVersion


def gauges() -> Iterator[Metric]:
    """Yield every gauge. Raises DatabaseError where the database does not answer."""
    yield from _requests()
    yield from _checks()
    yield from _outbox()
    yield from _registry()
    yield from _log()
    yield from _programs()
    yield from _disk()


def _gauge(name: str, text: str, values: Iterable[tuple[Iterable[str], float]], labels: Iterable[str] = ()) -> Metric:
    family = GaugeMetricFamily(f"custody_{name}", text, labels=list(labels))
    for label_values, value in values:
        family.add_metric([*label_values], value)
    return family


def _age(moment: datetime | None) -> float:
    return max(0.0, (timezone.now() - moment).total_seconds()) if moment else 0.0


def _requests() -> Iterator[Metric]:
    waiting = TransitionRequest.objects.filter(state__in=[RequestState.OPEN, RequestState.APPROVED])
    counts = dict(waiting.values_list("state").annotate(Count("id")).order_by())
    samples = [((state.value,), counts.get(state, 0)) for state in (RequestState.OPEN, RequestState.APPROVED)]
    yield _gauge("requests_waiting", "Transition requests that are open or approved.", samples, ["state"])
    oldest = waiting.aggregate(at=Min("opened_at"))["at"]
    yield _gauge("requests_oldest_seconds", "Age of the oldest open or approved request.", [((), _age(oldest))])


def _checks() -> Iterator[Metric]:
    waiting = CheckRun.objects.filter(state__in=[CheckState.QUEUED, CheckState.RUNNING])
    counts = dict(waiting.values_list("state").annotate(Count("id")).order_by())
    samples = [((state.value,), counts.get(state, 0)) for state in (CheckState.QUEUED, CheckState.RUNNING)]
    yield _gauge("checks_waiting", "Checks that are queued or running.", samples, ["state"])
    oldest = waiting.filter(state=CheckState.QUEUED).aggregate(at=Min("queued_at"))["at"]
    yield _gauge("checks_oldest_seconds", "Age of the oldest queued check.", [((), _age(oldest))])


def _outbox() -> Iterator[Metric]:
    waiting = OutboxMessage.objects.filter(delivered_at__isnull=True).aggregate(count=Count("id"), at=Min("created_at"))
    yield _gauge("outbox_messages", "Messages that wait for the broker.", [((), waiting["count"])])
    yield _gauge("outbox_oldest_seconds", "Age of the oldest waiting message.", [((), _age(waiting["at"]))])


def _registry() -> Iterator[Metric]:
    current = ModelVersion.objects.filter(is_current=True).count()
    yield _gauge("versions_in_production", "Versions that are the current Production version.", [((), current)])
    findings = Finding.objects.filter(closed_at__isnull=True).values_list("severity").annotate(Count("id")).order_by()
    samples = [((str(severity),), count) for severity, count in findings]
    yield _gauge("findings_open", "Open findings, by severity.", samples, ["severity"])


def _log() -> Iterator[Metric]:
    state = log_health().state
    samples = [((each.value,), float(each == state)) for each in LogState]
    yield _gauge("log_state", "1 for the present state of the audit log, 0 for the others.", samples, ["state"])
    log = current_log()
    size = log.size if log else 0
    unsigned = Leaf.objects.filter(log=log.number, seq__gte=size).count() if log else 0
    yield _gauge("log_size", "Events that a signed checkpoint covers.", [((), size)])
    yield _gauge("log_unsigned_events", "Numbered events that no signed checkpoint covers.", [((), unsigned)])
    witnesses = witnessing(log)
    lags = [((witness.name,), max(0, size - witness.size)) for witness in witnesses.states]
    yield _gauge("witness_lag_events", "Events that a witness has not taken yet.", lags, ["witness"])
    yield _gauge(
        "witness_alarm", "1 where the quorum is late or a witness contradicts the log.", [((), bool(witnesses.problem))]
    )
    lags = [((siem.address.partition("?")[0],), max(0, size - siem.next_seq)) for siem in SiemState.objects.all()]
    yield _gauge("siem_lag_events", "Events that were not sent to a SIEM yet.", lags, ["address"])


def _programs() -> Iterator[Metric]:
    names = ("broker", "workers", "scheduler")
    samples = [((name,), float(state == "ok")) for name, state in zip(names, broker_state(), strict=True)]
    edge = edge_health()
    if edge.state != "off":
        samples.append((("edge",), float(edge.state == "ok")))
        waiting = [(("poll",), float(edge.polls)), (("stream",), float(edge.streams))]
        yield _gauge("edge_clients", "Clients that wait for a change in Production.", waiting, ["kind"])
    yield _gauge("program_up", "1 where a program answers.", samples, ["program"])


def _disk() -> Iterator[Metric]:
    usage = shutil.disk_usage(settings.DATA_DIR)
    yield _gauge("disk_free_bytes", "Free space of the data directory's file system.", [((), usage.free)])
    yield _gauge("disk_size_bytes", "Size of the data directory's file system.", [((), usage.total)])
