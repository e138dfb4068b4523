from django.urls import path

from accounts.api import ConfirmationsView
from accounts.groups.api import MembersView, MemberView, OwnersView, OwnerView
from accounts.workload.api import PublishersView, PublisherView, TokenExchangeView

urlpatterns = [
    path("accounts/<str:username>/confirmations", ConfirmationsView.as_view(), name="api-account-confirmations"),
    path("accounts/<str:username>/trusted-publishers", PublishersView.as_view(), name="api-trusted-publishers"),
    path("trusted-publishers/<int:publisher_id>", PublisherView.as_view(), name="api-trusted-publisher"),
    path("groups/<str:group>/members", MembersView.as_view(), name="api-group-members"),
    path("groups/<str:group>/members/<str:username>", MemberView.as_view(), name="api-group-member"),
    path("groups/<str:group>/owners", OwnersView.as_view(), name="api-group-owners"),
    path("groups/<str:group>/owners/<str:username>", OwnerView.as_view(), name="api-group-owner"),
    path("tokens/exchange", TokenExchangeView.as_view(), name="api-token-exchange"),
]
