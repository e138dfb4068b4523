"""Addresses of the inventory."""

from django.urls import path

from console.inventory import views

urlpatterns = [
    path("inventory/", views.inventory, name="inventory"),
    path("models/<str:name>/describe/", views.describe, name="describe_model"),
    path("models/<str:name>/attest/", views.attest, name="attest_model"),
    path("models/<str:name>/retire/", views.retire, name="retire_model"),
    path("models/<str:name>/retire/decide/", views.decide, name="decide_retirement"),
    path("models/<str:name>/retire/withdraw/", views.withdraw, name="withdraw_retirement"),
]
