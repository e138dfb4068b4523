"""Grants of levels on one experiment, or on all experiments whose name matches a pattern."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from accounts.models import User
from core.refs import EventObject, experiment_pattern_ref
from tracking.models.experiments import Experiment


class ExperimentLevel(models.IntegerChoices):
    """Levels of grants; each includes the ones before."""

    READ = 1
    EDIT = 2
    MANAGE = 3


class _GrantFields(models.Model):
    """The fields of a grant: a user or a group, and a level."""

    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    level = models.SmallIntegerField(choices=ExperimentLevel)

    class Meta:
        abstract = True


class ExperimentGrant(_GrantFields):
    """A grant on one experiment. Experiment 0 belongs to everybody: nobody is made its manager."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="grants", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["experiment", "user"], name="tracking_experimentgrant_user"),
            models.UniqueConstraint(fields=["experiment", "group"], name="tracking_experimentgrant_group"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
                name="tracking_experimentgrant_one",
            ),
            models.CheckConstraint(
                condition=Q(level__in=ExperimentLevel.values), name="tracking_experimentgrant_level"
            ),
            models.CheckConstraint(
                condition=~Q(experiment=0, level=ExperimentLevel.MANAGE), name="tracking_experimentgrant_default"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.get_level_display()}"


class PatternGrant(_GrantFields):
    """A grant on every experiment whose name matches ``pattern``, in which `*` stands for any text.

    ``like_pattern`` is the same for PostgreSQL's LIKE.
    """

    pattern = models.CharField(max_length=500)
    like_pattern = models.CharField(max_length=1000)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pattern", "user"], name="tracking_patterngrant_user"),
            models.UniqueConstraint(fields=["pattern", "group"], name="tracking_patterngrant_group"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
                name="tracking_patterngrant_one",
            ),
            models.CheckConstraint(condition=Q(level__in=ExperimentLevel.values), name="tracking_patterngrant_level"),
        ]

    def __str__(self) -> str:
        return f"{self.pattern} to {self.user or self.group}: {self.get_level_display()}"

    @property
    def event_object(self) -> EventObject:
        """Return the reference for audit events of this pattern."""
        return EventObject(experiment_pattern_ref(self.pattern))
