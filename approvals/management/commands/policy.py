"""`manage.py policy`: check, propose, export and try policies from files, as CI does. It cannot approve proposals."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts.authentication import actor_from_user
from accounts.models import User
from approvals.permissions.policy_people import possible_reviewers, reviewer_hint
from approvals.policy_changes.dry_run import dry_run
from approvals.policy_changes.propose import propose_policy
from approvals.policy_changes.replay import MAX_CHUNK, TODAY, Outcome, replay
from audit.services import record_denial
from core.actors import Actor, system_actor
from core.commands import InstallationCommand
from core.errors import Denied, DomainError
from policies.defaults import DEFAULT_POLICIES
from policies.queries import get_proposal, get_revision
from policies.schema import policy_schema
from policies.yaml_text import Document, parse_yaml, read_policy, write_policy

_OUTCOME_TEXTS = {
    Outcome.SAME: "as it was",
    Outcome.WOULD_BLOCK: "would block",
    Outcome.WOULD_PASS: "would pass",
    Outcome.UNKNOWN: "cannot tell",
}

_WITHOUT_DATABASE = ("validate", "default", "schema")


class Command(InstallationCommand):
    """`manage.py policy validate|propose|export|default|dry-run|replay|schema`: see `--help`."""

    help = "Check, propose, export and try policies as YAML files. A second person approves a proposal on the pages."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the subcommands and their options."""
        parts = parser.add_subparsers(dest="part", required=True)
        check = parts.add_parser("validate", help="list the problems of policy files, by line")
        check.add_argument("files", nargs="+", metavar="FILE", help="- reads standard input")
        propose = parts.add_parser("propose", help="open a proposal, which another person approves")
        propose.add_argument("files", nargs=1, metavar="FILE")
        propose.add_argument("--as", dest="user", required=True, help="who proposes: a policy editor or superuser")
        propose.add_argument("--comment", default="", help="why")
        export = parts.add_parser("export", help="print a policy as YAML")
        export.add_argument("name")
        export.add_argument("--revision", type=int, help="number of the revision (default: the newest)")
        default = parts.add_parser("default", help="print a default policy as this release would publish it")
        default.add_argument("name", choices=[str(body["name"]) for body in DEFAULT_POLICIES])
        dry = parts.add_parser("dry-run", help="print the verdict of a policy file on a version now")
        dry.add_argument("files", nargs=1, metavar="FILE")
        dry.add_argument("--model", required=True)
        dry.add_argument("--version", dest="number", type=int, required=True)
        dry.add_argument("--run-checks", action="store_true", help="run the quick checks that have no result yet")
        past = parts.add_parser("replay", help="print the verdicts of a policy file on past requests")
        past.add_argument("files", nargs=1, metavar="FILE")
        past.add_argument("--limit", type=int, default=200, help="how many requests, the newest first (default: 200)")
        parts.add_parser("schema", help="print the JSON Schema of the policy language")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Replace Django's `--version` option, because dry-run has one of its own."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def needs_database(self, options: dict[str, Any]) -> bool:
        """Return whether the subcommand reads the database. The others also work without one, as in CI."""
        return options["part"] not in _WITHOUT_DATABASE

    def handle(self, *_args: Any, part: str, **options: Any) -> None:
        """Run the subcommand ``part``. Raises CommandError with the message of any DomainError."""
        try:
            getattr(self, f"_{part.replace('-', '_')}")(options)
        except DomainError as error:
            raise CommandError(error.message) from error

    def _validate(self, options: dict[str, Any]) -> None:
        bad = 0
        for name in options["files"]:
            document = _read(name)
            bad += bool(document.problems)
            for problem in document.problems:
                self.stderr.write(f"{name}: {problem}")
            if not document.problems:
                self.stdout.write(f"{name}: valid")
        if bad:
            raise CommandError(f"{bad} of {len(options['files'])} files are not valid policies.")

    def _propose(self, options: dict[str, Any]) -> None:
        actor = _actor_of(options["user"])
        try:
            opened = propose_policy(actor=actor, body=_policy_body(options), comment=options["comment"])
        except Denied as error:
            record_denial(actor=actor, error=error)
            raise
        proposal = get_proposal(opened.pk)
        reviewers = possible_reviewers(proposal)
        self.stdout.write(f"Proposal {proposal.pk} of {proposal.name} is open.")
        self.stdout.write(
            reviewer_hint(reviewers) or f"It is published when one of these approves it: {', '.join(reviewers)}."
        )

    def _export(self, options: dict[str, Any]) -> None:
        self.stdout.write(write_policy(get_revision(options["name"], options["revision"]).body), ending="")

    def _default(self, options: dict[str, Any]) -> None:
        body = next(body for body in DEFAULT_POLICIES if body["name"] == options["name"])
        self.stdout.write(write_policy(body), ending="")

    def _dry_run(self, options: dict[str, Any]) -> None:
        result = dry_run(
            actor=system_actor("policy"),
            body=_policy_body(options),
            name=options["model"],
            version=options["number"],
            run_checks=options["run_checks"],
        )
        self.stdout.write(f"{result.version} to {result.target}: {result.verdict.state.value}")
        if not result.governs:
            reason = f"{result.governed_by} governs it" if result.governed_by else "the model is outside its scope"
            self.stdout.write(f"  This policy would not govern the move: {reason}.")
        for row in result.rules:
            basis = f" [{result.basis[row.rule]}]" if row.rule in result.basis else ""
            self.stdout.write(f"  {row.status.value:15} {row.rule}: {row.why}{basis}")

    def _replay(self, options: dict[str, Any]) -> None:
        body, remaining, before = _policy_body(options), options["limit"], None
        totals: dict[str, int] = {}
        while remaining > 0:
            result = replay(actor=system_actor("policy"), body=body, limit=min(remaining, MAX_CHUNK), before=before)
            for row in result.rows:
                totals[row.outcome] = totals.get(row.outcome, 0) + 1
                if row.outcome is not Outcome.SAME:
                    why = "; ".join(f"{rule.rule}: {rule.why}" for rule in row.differing)
                    line = f"#{row.request.pk} {row.request.version} was {row.request.state}"
                    self.stdout.write(f"{line}, {_OUTCOME_TEXTS[row.outcome]} ({why})")
            remaining, before = remaining - result.examined, result.next_before
            if before is None:
                break
        self.stdout.write(", ".join(f"{text}: {totals.get(outcome, 0)}" for outcome, text in _OUTCOME_TEXTS.items()))
        self.stdout.write(f"Taken as they are today: {'; '.join(TODAY)}.")

    def _schema(self, _options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(policy_schema(), indent=2))


def _actor_of(name: str) -> Actor:
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user called {name}.")
    return actor_from_user(user, auth="command", request_id="")


def _text(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {error}") from error


def _read(name: str) -> Document:
    return read_policy(_text(name))


def _policy_body(options: dict[str, Any]) -> dict[str, object]:
    """Return the policy body in the file. Raises InvalidInput (its problems), TooLarge, CommandError (unreadable)."""
    return parse_yaml(_text(options["files"][0]))
