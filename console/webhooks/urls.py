"""Addresses of webhooks."""

from django.urls import path

from console.webhooks import views

urlpatterns = [
    path("webhooks/", views.webhook_list, name="webhooks"),
    path("webhooks/new/", views.new, name="webhook_new"),
    path("webhooks/<str:webhook_id>/", views.detail, name="webhook"),
    path("webhooks/<str:webhook_id>/edit/", views.edit, name="webhook_edit"),
    path("webhooks/<str:webhook_id>/test/", views.test, name="webhook_test"),
    path("webhooks/<str:webhook_id>/secret/", views.renew_secret, name="webhook_secret"),
    path("webhooks/<str:webhook_id>/delete/", views.delete, name="webhook_delete"),
]
