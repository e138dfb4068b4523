from django.urls import path, register_converter
from django.urls.converters import StringConverter

from lineage.api import (
    EdgesView,
    GraphView,
    NamesView,
    NodesView,
    PathView,
    QuarantinesView,
    ReleaseView,
    RetractView,
    SeparateNamesView,
    WalkView,
)
from lineage.croissant.api import CroissantView
from lineage.openlineage.api import BatchView, EventsView, OpenLineageView
from lineage.suggestions.api import ConfirmSuggestionView, RejectSuggestionView, SuggestionsView


class UrnConverter(StringConverter):
    """A node's URN: it may hold slashes (`endpoint:/predict`, `model-version:fraud/7`)."""

    regex = r"[a-z-]+:.+"


class WalkConverter(StringConverter):
    """The direction of a walk: `ancestors` or `descendants`."""

    regex = "ancestors|descendants"


class BigIdConverter(StringConverter):
    """An id that fits the database's integers."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:  # type: ignore[override]  # the view gets a number
        """Return the id as a number."""
        return int(value)


register_converter(UrnConverter, "urn")
register_converter(WalkConverter, "walk")
register_converter(BigIdConverter, "bigid")

urlpatterns = [
    # With and without a slash at the end, and never a redirect: clients repeat a redirected POST as a GET and lose the
    # event.
    path("lineage", OpenLineageView.as_view(), name="openlineage"),
    path("lineage/", OpenLineageView.as_view()),
    path("lineage/batch", BatchView.as_view(), name="openlineage-batch"),
    path("lineage/batch/", BatchView.as_view()),
    path("events/lineage", EventsView.as_view(), name="openlineage-events"),
    path("lineage/croissant", CroissantView.as_view(), name="lineage-croissant"),
    path("lineage/nodes", NodesView.as_view(), name="lineage-nodes"),
    path("lineage/edges", EdgesView.as_view(), name="lineage-edges"),
    path("lineage/edges/<bigid:edge_id>/retract", RetractView.as_view(), name="lineage-retract"),
    path("lineage/names", NamesView.as_view(), name="lineage-names"),
    path("lineage/names/separate", SeparateNamesView.as_view(), name="lineage-names-separate"),
    path("lineage/quarantines", QuarantinesView.as_view(), name="lineage-quarantines"),
    path("lineage/quarantines/release", ReleaseView.as_view(), name="lineage-release"),
    path("lineage/suggestions", SuggestionsView.as_view(), name="lineage-suggestions"),
    path("lineage/suggestions/confirm", ConfirmSuggestionView.as_view(), name="lineage-suggestion-confirm"),
    path("lineage/suggestions/reject", RejectSuggestionView.as_view(), name="lineage-suggestion-reject"),
    path("lineage/path", PathView.as_view(), name="lineage-path"),
    path("lineage/<urn:urn>/graph", GraphView.as_view(), name="lineage-graph"),
    path("lineage/<urn:urn>/<walk:walk>", WalkView.as_view(), name="lineage-walk"),
]
