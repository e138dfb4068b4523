"""The addresses of the pages. `/` redirects to the inbox, which is the index of the admin."""

from django.urls import include, path

app_name = "console"

urlpatterns = [
    path("", include("console.shell.urls")),
    path("", include("console.search.urls")),
    path("", include("console.people.urls")),
    path("", include("console.requests.urls")),
    path("", include("console.registry.urls")),
    path("", include("console.inventory.urls")),
    path("", include("console.cards.urls")),
    path("", include("console.oversight.urls")),
    path("", include("console.checks.urls")),
    path("", include("console.runs.urls")),
    path("", include("console.traces.urls")),
    path("", include("console.lineage.urls")),
    path("", include("console.policies.urls")),
    path("", include("console.webhooks.urls")),
    path("", include("console.audit.urls")),
    path("", include("console.account.urls")),
]
