"""Addresses of the published files of the log, as c2sp.org/tlog-tiles defines them."""

from django.urls import path

from audit.log_api import BundleView, CheckpointView, TileView, VkeyView

urlpatterns = [
    path("audit/log/checkpoint", CheckpointView.as_view(), name="audit-log-checkpoint"),
    path("audit/log/tile/entries/<path:path>", BundleView.as_view(), name="audit-log-bundle"),
    path("audit/log/tile/<path:path>", TileView.as_view(), name="audit-log-tile"),
    path("audit/vkey", VkeyView.as_view(), name="audit-vkey"),
]
