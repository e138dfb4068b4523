"""Serializers of cards, templates and risk for /api/v1."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry.cards import Completeness, completeness, find_template, missing_fields, written_keys
from registry.cards.diff import FieldChange
from registry.cards.templates import (
    BY_TIER,
    Migration,
    Template,
    explain_migration,
    newest_templates,
    requirements_for,
    version_before,
)
from registry.models import CardRevision, PackOrder, RiskAssessment
from registry.questionnaire import TIERS, Questionnaire
from registry.services.risk import MAX_RATIONALE


class EntrySerializer(serializers.Serializer[Any]):
    """A field of a card: its value, its source (auto, human, imported), and a pointer to that source."""

    value = serializers.JSONField()
    source = serializers.CharField()  # type: ignore[assignment]  # the wire name
    pointer = serializers.CharField()


class ScoreSerializer(serializers.Serializer[Completeness]):
    """A card measured by a template."""

    template = serializers.CharField(source="template.label")
    title = serializers.CharField(source="template.title")
    filled = serializers.IntegerField()
    total = serializers.IntegerField()
    score = serializers.IntegerField(help_text="Per cent of the required fields that are filled.")
    missing = serializers.ListField(child=serializers.CharField())


class CardSerializer(serializers.Serializer[CardRevision]):
    """A revision of a model card. ``context["tier"]`` is the risk tier of its model."""

    number = serializers.IntegerField()
    digest = serializers.CharField()
    author = serializers.CharField()
    created_at = serializers.DateTimeField()
    missing = serializers.SerializerMethodField(help_text="Fields of the plain template that are empty.")
    completeness = serializers.SerializerMethodField(
        help_text="By template; `by_tier` is the template for the model's risk tier."
    )
    body = serializers.DictField(child=EntrySerializer())

    def get_missing(self, card: CardRevision) -> list[str]:
        """Return the keys of the plain template's fields that are empty."""
        return missing_fields(card)

    @extend_schema_field(serializers.DictField(child=ScoreSerializer()))
    def get_completeness(self, card: CardRevision) -> dict[str, Any]:
        """Return the completeness of the card by template code, for the newest version of each template."""
        tier, written = self.context.get("tier", ""), written_keys(card.body)
        templates = {template.code: template for template in newest_templates()}
        templates[BY_TIER] = find_template(BY_TIER, tier=tier)
        return {
            code: ScoreSerializer(completeness(written, template, tier)).data for code, template in templates.items()
        }


class CardEditSerializer(serializers.Serializer[Any]):
    """An edit of a card: the human fields to replace (text, a list of texts, or a list of rows).

    ``expected_number`` is the revision that the caller has read.
    """

    fields = serializers.DictField(child=serializers.JSONField())  # type: ignore[assignment]  # the wire's name
    expected_number = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class CardImportSerializer(serializers.Serializer[Any]):
    """A card in another format: its text, and the revision that the caller has read."""

    format = serializers.ChoiceField(choices=["hf", "mct", "cyclonedx"])
    content = serializers.CharField(
        trim_whitespace=False, help_text="The README.md or the JSON, at most 1,000,000 bytes."
    )
    expected_number = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class CardImportedSerializer(serializers.Serializer[Any]):
    """The result of an import."""

    card = CardSerializer()
    origin = serializers.CharField(help_text="The pointer of each imported field.")
    imported = serializers.ListField(child=serializers.CharField(), help_text="Fields that were imported.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Parts that were not imported.")


class CardQuery(serializers.Serializer[Any]):
    """Query parameters of a card: revision and format."""

    revision = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    format = serializers.ChoiceField(
        choices=["hf", "cyclonedx", "sagemaker", "mct", "html", "json"],
        required=False,
        help_text="Another format: the answer is then the file itself.",
    )


class DiffQuery(serializers.Serializer[Any]):
    """Query parameters of a comparison: an earlier revision of the card, or the card of another version."""

    revision = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    from_revision = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    from_version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)


class ChangeSerializer(serializers.Serializer[FieldChange]):
    """A field that differs; an entry is empty where a card has none."""

    field = serializers.CharField(source="field.key")
    title = serializers.CharField(source="field.title")
    before = serializers.JSONField()
    after = serializers.JSONField()


class DiffSerializer(serializers.Serializer[Any]):
    """Two cards and the fields whose values differ."""

    before = serializers.CharField(help_text="The version and revision that the card is compared with.")
    after = serializers.CharField()
    changes = ChangeSerializer(many=True)


class RequirementSerializer(serializers.Serializer[Any]):
    """A required field: the clause that requires it, and the lowest risk tier for which it is required."""

    field = serializers.CharField(source="key")
    ref = serializers.CharField()
    tier = serializers.CharField()


class MigrationSerializer(serializers.Serializer[Migration]):
    """The changes of the required fields since the version before, for a model of any tier."""

    before = serializers.CharField()
    asked_now = serializers.ListField(child=serializers.CharField())
    no_longer_asked = serializers.ListField(child=serializers.CharField())


class TemplateSerializer(serializers.Serializer[Template]):
    """One version of a template; ``migration`` is null for the first."""

    code = serializers.CharField()
    version = serializers.IntegerField()
    name = serializers.CharField(source="label")
    title = serializers.CharField()
    origin = serializers.CharField(source="source")
    changes = serializers.CharField()
    migration = serializers.SerializerMethodField()
    requirements = serializers.SerializerMethodField()

    @extend_schema_field(MigrationSerializer(allow_null=True))
    def get_migration(self, template: Template) -> Any:
        """Return the changes of the requirements since the version before, None for the first version."""
        before = version_before(template)
        return MigrationSerializer(explain_migration(before, template)).data if before else None

    @extend_schema_field(RequirementSerializer(many=True))
    def get_requirements(self, template: Template) -> list[Any]:
        """Return the required fields, each with the risk tier from which it is required."""
        return list(RequirementSerializer(requirements_for(template), many=True).data)


class AssessSerializer(serializers.Serializer[Any]):
    """Answers to the newest questionnaire: an option for every question.

    ``expected_number`` is the assessment that the caller has read, 0 for none.
    """

    answers = serializers.DictField(child=serializers.CharField(max_length=50))
    expected_number = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    rationale = serializers.CharField(default="", allow_blank=True, max_length=MAX_RATIONALE)


class TierReasonSerializer(serializers.Serializer[Any]):
    """A reason why the tier is not lower."""

    tier = serializers.ChoiceField(choices=TIERS)
    text = serializers.CharField()


class AssessmentSerializer(serializers.Serializer[RiskAssessment]):
    """An assessment."""

    number = serializers.IntegerField()
    questionnaire = serializers.IntegerField()
    tier = serializers.ChoiceField(choices=TIERS)
    score = serializers.IntegerField()
    answers = serializers.DictField(child=serializers.CharField())
    reasons = TierReasonSerializer(many=True)
    rationale = serializers.CharField()
    author = serializers.CharField()
    created_at = serializers.DateTimeField()


class OptionSerializer(serializers.Serializer[Any]):
    """One answer."""

    code = serializers.CharField()
    text = serializers.CharField()
    points = serializers.IntegerField()
    floor = serializers.CharField(help_text="The lowest tier it leaves possible.")


class QuestionSerializer(serializers.Serializer[Any]):
    """One question."""

    code = serializers.CharField()
    text = serializers.CharField()
    help = serializers.CharField()
    origin = serializers.CharField(source="source")
    options = OptionSerializer(many=True)


class QuestionnaireSerializer(serializers.Serializer[Questionnaire]):
    """A version of the questionnaire."""

    version = serializers.IntegerField()
    changes = serializers.CharField()
    thresholds = serializers.ListField(help_text="Pairs of points and tier: the tier from so many points on.")
    questions = QuestionSerializer(many=True)


class RiskSerializer(serializers.Serializer[Any]):
    """The risk of a model: the current assessment (null where there is none), earlier ones, and the questionnaire."""

    tier = serializers.CharField(help_text="Empty where nobody has assessed the model.")
    current = AssessmentSerializer(allow_null=True)
    history = AssessmentSerializer(many=True)
    questionnaire = QuestionnaireSerializer()


class PackSerializer(serializers.Serializer[PackOrder]):
    """A conformity pack; ``digest`` is empty until it is finished."""

    number = serializers.IntegerField()
    promoted_at = serializers.DateTimeField()
    promotion_event = serializers.UUIDField(source="event_id")
    card_revision = serializers.IntegerField(source="pinned.card.number")
    ready = serializers.SerializerMethodField()
    digest = serializers.SerializerMethodField()
    bytes = serializers.SerializerMethodField()

    def get_ready(self, order: PackOrder) -> bool:
        """Return whether the pack is finished."""
        return hasattr(order, "frozen")

    def get_digest(self, order: PackOrder) -> str:
        """Return the digest of the pack (`sha256:` and hex), "" while it is not finished."""
        return f"sha256:{order.frozen.digest}" if hasattr(order, "frozen") else ""

    def get_bytes(self, order: PackOrder) -> int:
        """Return the size of the pack in bytes, 0 while it is not finished."""
        return order.frozen.size if hasattr(order, "frozen") else 0
