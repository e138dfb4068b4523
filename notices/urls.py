"""/api/v1 of notices."""

from django.urls import path

from notices.api import WatchView

urlpatterns = [
    path("models/<str:name>/watch", WatchView.as_view(), name="api-model-watch"),
]
