from django.urls import path

from accounts.api import ConfirmationsView

urlpatterns = [
    path("accounts/<str:username>/confirmations", ConfirmationsView.as_view(), name="api-account-confirmations"),
]
