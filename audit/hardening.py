"""The two database roles of PostgreSQL: the owner migrates, and the role of the application cannot change events.

A trigger does not stop the owner of a table, who can disable it. A role that owns nothing and has no UPDATE, DELETE or
TRUNCATE cannot change an event, whatever statement it sends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import sql

# Tables that only the owner may change. The application inserts and reads.
PROTECTED = ("audit_event", "audit_leaf")
# Tables in which the application may only insert rows and blank these columns, as an erasure does.
ERASABLE = {
    "audit_eventtext": ("salt", "value", "erased_at"),
    "audit_identity": ("name", "salt", "pseudonym", "erased_at"),
}
_FORBIDDEN = ("UPDATE", "DELETE", "TRUNCATE", "TRIGGER")

_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "REVOKE TRUNCATE, TRIGGER, REFERENCES ON ALL TABLES IN SCHEMA public FROM {role}",
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "REVOKE CREATE ON SCHEMA public FROM {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {role}",
)
_PROTECT = (
    "REVOKE ALL ON TABLE {table} FROM PUBLIC",
    "REVOKE ALL ON TABLE {table} FROM {role}",
    "GRANT SELECT, INSERT ON TABLE {table} TO {role}",
)


class CannotHarden(Exception):
    """The roles cannot be made. The message says why."""


def harden(role: str, *, password: str | None = None) -> None:
    """Grant a role the privileges that the application needs, and none by which events can be changed.

    A missing role is created with ``password``. Must run as the owner of the tables. Raises CannotHarden on SQLite, for
    the owner's own role, and where the role could still change events.
    """
    if connection.vendor != "postgresql":
        raise CannotHarden("Only PostgreSQL has roles. On SQLite triggers refuse changes of events.")
    with connection.cursor() as cursor:
        _make_role(cursor, role, password)
        for statement in _GRANTS:
            cursor.execute(sql.SQL(statement).format(role=sql.Identifier(role)))
        for table in (*PROTECTED, *ERASABLE):
            for statement in _PROTECT:
                cursor.execute(sql.SQL(statement).format(role=sql.Identifier(role), table=sql.Identifier(table)))
        for table, columns in ERASABLE.items():
            _allow_erasing(cursor, role, table, columns)
        if problems := list(weaknesses(role)):
            raise CannotHarden(" ".join(problems))


def _make_role(cursor: CursorWrapper, role: str, password: str | None) -> None:
    cursor.execute("SELECT current_user, EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %s)", [role])
    owner, exists = cursor.fetchone()
    if owner == role:
        raise CannotHarden(f"You are connected as {role}. Connect as the owner of the tables, which migrates.")
    if exists:
        return
    if not password:
        raise CannotHarden(f"There is no role {role}, and no password for a new one was given.")
    cursor.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password)))


def _allow_erasing(cursor: CursorWrapper, role: str, table: str, columns: Sequence[str]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("GRANT UPDATE ({columns}) ON TABLE {table} TO {role}")
    cursor.execute(statement.format(columns=names, table=sql.Identifier(table), role=sql.Identifier(role)))


def weaknesses(role: str = "") -> Iterator[str]:
    """Yield each way in which a role, by default the one in use, could change events. Nothing on SQLite."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(NULLIF(%s, ''), current_user)", [role])
        name = cursor.fetchone()[0]
        cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = %s", [name])
        if cursor.fetchone()[0]:
            yield f"{name} is a superuser of the database, or may make roles."
        for table in (*PROTECTED, *ERASABLE):
            cursor.execute(
                "SELECT pg_get_userbyid(relowner), pg_has_role(%s, relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass(%s)",
                [name, table],
            )
            row = cursor.fetchone()
            if row is None:
                continue
            if row[1]:
                yield f"{name} owns {table}, or is a member of {row[0]}, which does."
                continue
            for privilege in _FORBIDDEN:
                cursor.execute("SELECT has_table_privilege(%s, %s, %s)", [name, table, privilege])
                if cursor.fetchone()[0]:
                    yield f"{name} has {privilege} on {table}."
