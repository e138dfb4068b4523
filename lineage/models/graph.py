"""The graph: nodes named by URN, edges in the direction that data flows, witnesses of edges, and claims of runs.

Containers (dataset, model, endpoint, repository) have no edges: ``container`` is a column. So the descendants of
version 1 do not include those of version 2. Edge has only edges that count, so a walk needs no condition on a state.
"""

from __future__ import annotations

from django.db import models

from core.append_only import AppendOnlyModel


class NodeKind(models.IntegerChoices):
    """The kind of thing that a node represents."""

    DATASET = 1, "dataset"
    DATASET_VERSION = 2, "dataset version"
    CODE_VERSION = 3, "code version"
    ENVIRONMENT = 4, "environment"
    RUN = 5, "run"
    MODEL = 6, "registered model"
    MODEL_VERSION = 7, "model version"
    EVALUATION = 8, "evaluation"
    ENDPOINT = 9, "endpoint"
    DEPLOYMENT = 10, "deployment"
    LOGGED_MODEL = 11, "logged model"
    CONTENT = 12, "same bytes"
    REPOSITORY = 13, "repository"


class Relation(models.IntegerChoices):
    """The relation of an edge, which points from upstream to downstream."""

    CONSUMED = 1, "consumed by"
    USED_CODE = 2, "ran in"
    USED_ENV = 3, "environment of"
    PRODUCED = 4, "produced"
    DERIVED_FROM = 5, "derived into"
    EVALUATED = 6, "evaluated in"
    EVALUATED_ON = 7, "evaluation data of"
    DEPLOYED = 8, "deployed as"
    SERVES = 9, "serves"
    INHERITED = 10, "inherited by"
    SAME_BYTES = 11, "has the same bytes as"
    SAME_VERSION = 12, "is another name of"


class Node(models.Model):
    """One artifact. ``urn`` is its name everywhere; ``digest`` is ``sha256:…``, ``md5:…`` or a commit where known.

    ``container`` is the dataset, model, endpoint or repository of a version, and the parent of a nested run. A node
    with ``alias_of`` is another name of that node: it has no edges, and readers resolve it first.
    """

    kind = models.SmallIntegerField(choices=NodeKind)
    urn = models.CharField(max_length=700, unique=True)
    name = models.CharField(max_length=500)
    version = models.CharField(max_length=255, default="", blank=True)
    digest = models.CharField(max_length=255, default="", blank=True)
    container = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="members")
    alias_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="aliases")
    attrs = models.JSONField(default=dict, blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["kind", "name"], name="lineage_node_kind_name"),
            models.Index(fields=["digest"], name="lineage_node_digest", condition=~models.Q(digest="")),
        ]

    def __str__(self) -> str:
        return self.urn


class Assertion(AppendOnlyModel):
    """The witness of an edge: an observed event, a declaration by a person, or an import."""

    mode = models.CharField(max_length=10)  # observed | declared | imported
    source = models.CharField(max_length=700)
    actor_ref = models.CharField(max_length=100, default="", blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.mode} by {self.source}"


class Edge(models.Model):
    """``src`` flowed into ``dst``. Never changed; a retraction moves the row to RetractedEdge."""

    src = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="out_edges", db_index=False)
    dst = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="in_edges", db_index=False)
    rel = models.SmallIntegerField(choices=Relation)
    role = models.CharField(max_length=32, default="", blank=True)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["src", "dst", "rel", "role"], name="lineage_edge_forward"),
            models.CheckConstraint(condition=~models.Q(src=models.F("dst")), name="lineage_edge_no_loop"),
        ]
        indexes = [models.Index(fields=["dst", "src", "rel"], name="lineage_edge_reverse")]

    def __str__(self) -> str:
        return f"{self.src_id} → {self.dst_id}"


class EdgeAssertion(AppendOnlyModel):
    """One of the witnesses of an edge."""

    edge_id = models.BigIntegerField(db_index=True)  # no foreign key: the witness outlives a retraction
    assertion = models.ForeignKey(Assertion, on_delete=models.PROTECT)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["edge_id", "assertion"], name="lineage_edge_witness")]

    def __str__(self) -> str:
        return f"edge {self.edge_id} by {self.assertion_id}"


class Claim(models.Model):
    """A claim of one run about one input: a dataset by version or digest, or a commit. Edges are derived from claims.

    ``version`` is empty where only the digest was given, and ``digest`` where only the version was. ``origin`` is the
    part of the run that has the claim (tag, param, input). ``bound`` is the version that this run gives to the digest.
    ``node`` is the node that the claim means, None where another claim of the run is more exact.
    """

    run = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="claims", db_index=False)
    container = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="+", db_index=False)
    rel = models.SmallIntegerField(choices=Relation)
    version = models.CharField(max_length=255, default="", blank=True)
    digest = models.CharField(max_length=255, default="", blank=True)
    role = models.CharField(max_length=32, default="", blank=True)
    origin = models.CharField(max_length=20)
    bound = models.CharField(max_length=255, default="", blank=True)
    node = models.ForeignKey(Node, null=True, on_delete=models.PROTECT, related_name="named_by")
    assertion = models.ForeignKey(Assertion, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "container", "rel", "version", "digest", "role", "origin"], name="lineage_claim_once"
            ),
        ]
        indexes = [
            models.Index(fields=["container", "digest", "bound"], name="lineage_claim_content"),
            models.Index(fields=["container", "version"], name="lineage_claim_version"),
            models.Index(fields=["digest"], name="lineage_claim_digest", condition=~models.Q(digest="")),
        ]

    def __str__(self) -> str:
        return f"run {self.run_id} names {self.version or self.digest} of {self.container_id}"


class RetractedEdge(AppendOnlyModel):
    """An edge that was retracted, with who retracted it and why."""

    edge_id = models.BigIntegerField(unique=True)
    src_id = models.BigIntegerField()
    dst_id = models.BigIntegerField()
    rel = models.SmallIntegerField(choices=Relation)
    role = models.CharField(max_length=32, default="", blank=True)
    recorded_at = models.DateTimeField()
    retracted_at = models.DateTimeField(auto_now_add=True)
    retracted_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=500)

    class Meta:
        indexes = [
            models.Index(fields=["dst_id"], name="lineage_retracted_into"),
            models.Index(fields=["src_id"], name="lineage_retracted_from"),
        ]

    def __str__(self) -> str:
        return f"{self.src_id} → {self.dst_id} (retracted)"


class Quarantine(models.Model):
    """A quarantine of a dataset version: model versions that descend from it cannot be promoted.

    It is placed once and released once; triggers refuse every other change. A node has at most one in force.
    """

    node = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="quarantines")
    reason = models.CharField(max_length=1000)
    placed_by = models.CharField(max_length=150)
    placed_at = models.DateTimeField(auto_now_add=True)
    released_by = models.CharField(max_length=150, default="", blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    release_reason = models.CharField(max_length=1000, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["node"], condition=models.Q(released_at__isnull=True), name="lineage_quarantine_stands"
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="lineage_quarantine_reason"),
            models.CheckConstraint(
                condition=models.Q(released_at__isnull=True, released_by="", release_reason="")
                | (models.Q(released_at__isnull=False) & ~models.Q(released_by="") & ~models.Q(release_reason="")),
                name="lineage_quarantine_release",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.node_id} quarantined by {self.placed_by}"


class SuggestionDecision(AppendOnlyModel):
    """The decision on a suggested edge: who confirmed or rejected it, and why. It is never suggested again.

    ``method`` is how the edge was inferred, ``evidence`` why it is likely. Open suggestions are derived, not stored.
    """

    CONFIRMED = "confirmed"
    REJECTED = "rejected"

    src = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="+", db_index=False)
    dst = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="+", db_index=False)
    rel = models.SmallIntegerField(choices=Relation)
    method = models.CharField(max_length=30)
    confidence = models.FloatField()
    evidence = models.CharField(max_length=1000)
    state = models.CharField(max_length=10)
    decided_by = models.CharField(max_length=150)
    decided_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=500)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dst", "src", "rel", "method"], name="lineage_suggestion_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=["confirmed", "rejected"]), name="lineage_suggestion_state"
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="lineage_suggestion_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.src_id} → {self.dst_id} {self.state} by {self.decided_by}"
