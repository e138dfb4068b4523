"""Who calls /api/v1. (Being written: the classes the settings name.)"""

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated


class TokenAuthentication(BaseAuthentication):
    pass


class SessionAuthentication(BaseAuthentication):
    pass


class IsAuthenticatedWithScope(IsAuthenticated):
    pass
