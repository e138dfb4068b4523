"""The fields of a model card: the question, the author, the kind of value and the path in the document of each.

The document has the shape of CycloneDX's modelCard (which merges Google's Model Card Toolkit and VerifyML) and blocks
of its own beside it: intended_use, business, training, evaluation, risk, regulatory and the rest. ``path`` is the path
of a field in it. Fields are only ever added and none changes its meaning, so every revision ever written stays
readable.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SCHEMA_VERSION = 2
SCHEMA_ID = "urn:custody:model-card:2"


class Kind(StrEnum):
    """The type of a field's value."""

    TEXT = "text"  # Markdown
    LINE = "line"  # one line of plain text
    CHOICE = "choice"  # one of `choices`
    LIST = "list"  # a list of texts
    ROWS = "rows"  # a list of mappings with the keys `columns`
    FACTS = "facts"  # a mapping of names to values; automatic fields only


class Section(StrEnum):
    """The sections of a card, in the order of the page."""

    USE = "Intended use"
    MODEL = "The model"
    DATA = "Data and training"
    EVALUATION = "Evaluation"
    LIMITS = "Limits and harms"
    OVERSIGHT = "Oversight and operation"
    BUSINESS = "Business and risk"
    REGULATION = "Regulation and records"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the card; ``human`` ones are written by people, the others come from the run and the files.

    ``columns`` are the keys of each row of a `rows` field; ``choices`` what a `choice` may be.
    """

    key: str
    title: str
    help: str
    section: Section
    path: str
    human: bool = True
    kind: Kind = Kind.TEXT
    columns: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


_USE = (
    Field(
        "intended_use", "Intended use", "What the model is for, and who uses its answers.", Section.USE,
        "intended_use.in",
    ),
    Field(
        "out_of_scope", "Out-of-scope use", "What it must not be used for.", Section.USE, "intended_use.out_of_scope"
    ),
    Field(
        "users", "Users", "Who works with its answers, and whom they are about.", Section.USE, "considerations.users",
        kind=Kind.LIST,
    ),
    Field(
        "deployer_instructions", "Instructions for deployers",
        "Instructions for deployers: the inputs it expects, how to interpret its answers, how to monitor it.",
        Section.USE, "intended_use.deployer_instructions",
    ),
    Field(
        "misuse", "Foreseeable misuse", "How it could be misused, and what would follow.", Section.USE,
        "intended_use.foreseeable_misuse",
    ),
)  # fmt: skip
_MODEL = (
    Field("overview", "Overview", "What it does, in a few sentences.", Section.MODEL, "overview"),
    Field("owners", "Owners", "People or teams that answer for it.", Section.MODEL, "owners", kind=Kind.LIST),
    Field("contact", "Contact", "Where questions go.", Section.MODEL, "contact", kind=Kind.LINE),
    Field(
        "approach", "Learning approach", "How it learned.", Section.MODEL, "modelParameters.approach", kind=Kind.CHOICE,
        choices=("supervised", "unsupervised", "reinforcement-learning", "semi-supervised", "self-supervised"),
    ),
    Field(
        "task", "Task", "Such as classification, regression, text-generation.", Section.MODEL, "modelParameters.task",
        kind=Kind.LINE,
    ),
    Field(
        "architecture_family", "Architecture family", "Such as gradient boosting, transformer.", Section.MODEL,
        "modelParameters.architectureFamily", kind=Kind.LINE,
    ),
    Field(
        "architecture", "Architecture", "The architecture, and the computing power that was used.", Section.MODEL,
        "modelParameters.modelArchitecture", kind=Kind.LINE,
    ),
    Field(
        "design_choices", "Design choices",
        "The logic, the assumptions, what is optimised for, and the alternatives that were rejected.", Section.MODEL,
        "modelParameters.designChoices",
    ),
    Field(
        "base_models", "Models it builds on", "Pre-trained or third-party models, one a line.", Section.MODEL,
        "modelParameters.baseModels", kind=Kind.LIST,
    ),
    Field(
        "licence", "Licence", "An SPDX identifier such as apache-2.0, or the name of the licence.", Section.MODEL,
        "licence", kind=Kind.LINE,
    ),
    Field("languages", "Languages", "Codes such as en, de.", Section.MODEL, "languages", kind=Kind.LIST),
    Field(
        "interactions", "Interactions", "Hardware and software that it interacts with and that is not part of it.",
        Section.MODEL, "interactions",
    ),
    Field("hardware", "Hardware", "What it is meant to run on.", Section.MODEL, "hardware"),
    Field("references", "References", "Papers and pages about it, one a line.", Section.MODEL, "references", kind=Kind.LIST),
    Field("citation", "Citation", "How to cite it.", Section.MODEL, "citation"),
    Field(
        "signature", "Signature", "The columns the model takes and gives.", Section.MODEL, "modelParameters.signature",
        human=False, kind=Kind.FACTS,
    ),
    Field(
        "framework", "Framework", "What made the model and what can load it.", Section.MODEL, "modelParameters.framework",
        human=False, kind=Kind.FACTS,
    ),
    Field(
        "artifact", "Artifact", "The digest of the model's files, pinned at registration.", Section.MODEL, "artifact",
        human=False, kind=Kind.LINE,
    ),
)  # fmt: skip
_DATA = (
    Field(
        "training_data", "Training data and known biases", "Where it came from, whom it leaves out.", Section.DATA,
        "training.data_description",
    ),
    Field(
        "training_procedure", "Training procedure", "Preparation, labelling, cleaning, and how it was trained.",
        Section.DATA, "training.procedure",
    ),
    Field(
        "data", "Data", "The dataset versions the run read.", Section.DATA, "training.data", human=False, kind=Kind.ROWS,
        columns=("name", "digest", "role", "source_type", "node"),
    ),
    Field(
        "training", "Training run", "The run that made it, who ran it and when.", Section.DATA, "training.run",
        human=False, kind=Kind.FACTS,
    ),
    Field(
        "parameters", "Parameters", "What the run was given.", Section.DATA, "training.parameters", human=False,
        kind=Kind.FACTS,
    ),
    Field(
        "code", "Code", "The commit and the entry point the run was started from.", Section.DATA, "training.code",
        human=False, kind=Kind.FACTS,
    ),
    Field(
        "environment", "Environment", "Python and the packages the model's files ask for.", Section.DATA,
        "training.environment", human=False, kind=Kind.FACTS,
    ),
)  # fmt: skip
_EVALUATION = (
    Field(
        "evaluation_groups", "Evaluation across groups", "How results differ between groups.", Section.EVALUATION,
        "quantitativeAnalysis.groups",
    ),
    Field(
        "evaluation_procedure", "Evaluation procedure",
        "How it was tested, on what data, and why these metrics are the right ones.", Section.EVALUATION,
        "quantitativeAnalysis.procedure",
    ),
    Field(
        "slices", "Results by slice",
        "Measured values for parts of the data: a metric, the part, the value, its interval, the required value.",
        Section.EVALUATION, "quantitativeAnalysis.performanceMetrics", kind=Kind.ROWS,
        columns=("metric", "slice", "value", "ci", "threshold", "dataset_digest", "dataset", "config", "split"),
    ),
    Field(
        "test_reports", "Test reports", "Dated and signed reports with their locations, one a line.", Section.EVALUATION,
        "quantitativeAnalysis.reports", kind=Kind.LIST,
    ),
    Field(
        "evaluation", "Evaluation", "What was measured, on which data.", Section.EVALUATION, "evaluation", human=False,
        kind=Kind.ROWS, columns=("metric", "value", "dataset", "dataset_digest", "slice", "ci", "threshold", "check_run"),
    ),
    Field(
        "metrics", "Metrics", "The latest value of each metric.", Section.EVALUATION, "quantitativeAnalysis.latest",
        human=False, kind=Kind.FACTS,
    ),
)  # fmt: skip
_LIMITS = (
    Field(
        "limitations", "Limitations", "Where its answers are weak or unsupported.", Section.LIMITS,
        "considerations.technicalLimitations",
    ),
    Field(
        "failure_modes", "Failure modes", "How it fails, how that shows, and what then happens.", Section.LIMITS,
        "failure_modes",
    ),
    Field(
        "tradeoffs", "Trade-offs", "What was given up for what.", Section.LIMITS, "considerations.performanceTradeoffs"
    ),
    Field(
        "ethical_considerations", "Ethical considerations", "Each risk, and what is done about it.", Section.LIMITS,
        "considerations.ethicalConsiderations", kind=Kind.ROWS, columns=("name", "mitigation"),
    ),
    Field(
        "fairness", "Fairness", "For each group at risk: benefits, harms, what is done.", Section.LIMITS,
        "considerations.fairnessAssessments", kind=Kind.ROWS, columns=("group", "benefits", "harms", "mitigation"),
    ),
    Field(
        "environmental", "Environmental impact", "Energy and emissions of training and use.", Section.LIMITS,
        "considerations.environmentalConsiderations",
    ),
    Field(
        "cybersecurity", "Cybersecurity", "How it is protected against attacks on the data, the model and its inputs.",
        Section.LIMITS, "cybersecurity",
    ),
)  # fmt: skip
_OVERSIGHT = (
    Field(
        "human_oversight", "Human oversight", "Who oversees it, how they understand its answers, how they stop it.",
        Section.OVERSIGHT, "human_oversight",
    ),
    Field(
        "monitoring_plan", "Monitoring plan", "What is monitored in use, how often, by whom, and what raises an alarm.",
        Section.OVERSIGHT, "monitoring_plan",
    ),
    Field(
        "predetermined_changes", "Predetermined changes", "Changes that are planned and assessed already, such as retraining.",
        Section.OVERSIGHT, "predetermined_changes",
    ),
    Field(
        "lifecycle_changes", "Changes since the last version", "What changed, and why; its relation to earlier versions.",
        Section.OVERSIGHT, "lifecycle_changes",
    ),
)  # fmt: skip
_BUSINESS = (
    Field("business_owner", "Business owner", "Who wants it and answers for its use.", Section.BUSINESS, "business.owner", kind=Kind.LINE),
    Field("business_problem", "Business problem", "What it is to solve.", Section.BUSINESS, "business.problem"),
    Field("business_line", "Line of business", "Where in the organisation.", Section.BUSINESS, "business.line", kind=Kind.LINE),
    Field("stakeholders", "Stakeholders", "Who else is concerned, one a line.", Section.BUSINESS, "business.stakeholders", kind=Kind.LIST),
    Field(
        "risk_rating", "Risk rating", "What remains after all that is done about it.", Section.BUSINESS, "risk.rating",
        kind=Kind.CHOICE, choices=("low", "medium", "high", "unknown"),
    ),
    Field("risk_rationale", "Why this rating", "What the rating rests on.", Section.BUSINESS, "risk.rationale"),
    Field(
        "risk_management", "Risk management", "The risks that were identified, their mitigation, and the remaining risks.",
        Section.BUSINESS, "risk.management",
    ),
    Field(
        "restrictions", "Restrictions on use", "Conditions, limits and adjustments that approval depends on.",
        Section.BUSINESS, "risk.restrictions",
    ),
)  # fmt: skip
_REGULATION = (
    Field(
        "regulatory", "Regulatory requirements", "Requirement by requirement: where the card answers it, and how far it is met.",
        Section.REGULATION, "regulatory", kind=Kind.ROWS, columns=("framework", "ref", "field", "status"),
    ),
    Field(
        "standards", "Standards applied", "Harmonised standards and other specifications, one a line.", Section.REGULATION,
        "standards", kind=Kind.LIST,
    ),
    Field(
        "conformity", "Declaration of conformity", "The declaration, or where it lies.", Section.REGULATION, "conformity"
    ),
    Field(
        "independent_validation", "Independent validation",
        "Who validated it independently of its developers, what they challenged, and the outcome.", Section.REGULATION,
        "independent_validation",
    ),
    Field(
        "record_keeping", "Records", "The records of its use, how long they are kept, and who may read them.",
        Section.REGULATION, "record_keeping",
    ),
)  # fmt: skip

FIELDS: tuple[Field, ...] = (
    *_USE, *_MODEL, *_DATA, *_EVALUATION, *_LIMITS, *_OVERSIGHT, *_BUSINESS, *_REGULATION,
)  # fmt: skip
BY_KEY = {field.key: field for field in FIELDS}
# What every card asks of people: the template `plain`.
HUMAN_KEYS = ("intended_use", "out_of_scope", "training_data", "evaluation_groups", "limitations", "failure_modes")
# What people may write.
EDITABLE_KEYS = tuple(field.key for field in FIELDS if field.human)
AUTO_KEYS = tuple(field.key for field in FIELDS if not field.human)


def fields_of(section: Section) -> tuple[Field, ...]:
    """Return the fields of a section, in their order."""
    return tuple(field for field in FIELDS if field.section is section)
