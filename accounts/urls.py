from django.urls import path

from accounts.api import ConfirmationsView
from accounts.workload.api import PublishersView, PublisherView, TokenExchangeView

urlpatterns = [
    path("accounts/<str:username>/confirmations", ConfirmationsView.as_view(), name="api-account-confirmations"),
    path("accounts/<str:username>/trusted-publishers", PublishersView.as_view(), name="api-trusted-publishers"),
    path("trusted-publishers/<int:publisher_id>", PublisherView.as_view(), name="api-trusted-publisher"),
    path("tokens/exchange", TokenExchangeView.as_view(), name="api-token-exchange"),
]
