"""The one shell: every person who may sign in sees it; what they see in it depends on their permissions."""

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class CustodyAdminSite(UnfoldAdminSite):
    """Unfold's site, open to every active person. Service accounts have no pages."""

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_authenticated and user.is_active and not getattr(user, "is_service", False))
