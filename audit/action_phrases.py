"""Phrases and displays that the records of several actions share (audit/actions.py)."""

from __future__ import annotations

from audit.action_records import Display, Mark, Verb, change_of, check_result, no_brief, pairs, value_of

CHANGED = Verb("changed", "change")
CLOSED = Verb("closed", "close")
CREATED = Verb("created", "create")
DELETED = Verb("deleted", "delete")
EDITED = Verb("edited", "edit")
ENDED = Verb("ended", "end")
IMPORTED = Verb("imported", "import")
LOGGED = Verb("logged", "log")
MARKED = Verb("marked", "mark")
OPENED = Verb("opened", "open")
PUBLISHED = Verb("published", "publish")
REGISTERED = Verb("registered", "register")
REJECTED = Verb("rejected", "reject")
RESTORED = Verb("restored", "restore")
RETIRED = Verb("retired", "retire")
REVIEWED = Verb("reviewed", "review")
REVOKED = Verb("revoked", "revoke")
SET = Verb("set", "set")
STARTED = Verb("started", "start")
UPDATED = Verb("updated", "update")
WITHDREW = Verb("withdrew", "withdraw")

CHECK_KEY = "a check key"
DATASET = "a dataset version"
EXPERIMENT = "an experiment"
FINDING = "a finding"
LOGGED_MODEL = "a logged model"
MODEL = "a registered model"
NODE = "a node of the lineage"
POLICY = "a policy"
PROPOSAL = "a policy proposal"
REQUEST = "a transition request"
RUN = "a run"
TRACE = "a trace"
USER = "a user"
VERSION = "a model version"
WEBHOOK = "a webhook"


def display(tone: str, icon: str, brief: str = "") -> Display:
    """Return a display with this mark, and with the new text under ``brief`` as its brief."""
    return Display(Mark(tone, icon), value_of(brief) if brief else no_brief)


def brief(key: str) -> Display:
    """Return a display with the plain mark, and with the new text under ``key`` as its brief."""
    return Display(brief=value_of(key))


BY_NAME = brief("name")
BY_RULE = brief("rule")
BY_STAGE = change_of("stage", nothing="None")
BY_TITLE = brief("title")
BY_TAGS = Display(brief=pairs)
ADDED = display("info", "add_circle")
RULE_CHECKED = Display(Mark("none", "fact_check"), check_result, failures=("failed", "error"), merges=True)
