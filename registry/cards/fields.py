"""The fields of a model card: title, help text, section, kind of value, and path in the published document.

The document has the shape of CycloneDX's modelCard, which merges Google's Model Card Toolkit and VerifyML, and blocks
of its own: intended_use, business, training, evaluation, risk, regulatory and others. Fields are only added and never
change their meaning, so every earlier revision stays readable.
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
    """One field of the card. People write a ``human`` field; the others are read from the run and the files.

    ``path`` is its path in the published document. ``columns`` are the keys of each row of a `rows` field, and
    ``choices`` the values that a `choice` field may have.
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
        "intended_use", "Intended use", "The purpose of the model, and the people who use its answers.", Section.USE,
        "intended_use.in",
    ),
    Field(
        "out_of_scope", "Out-of-scope use", "Uses that the model must not be put to.", Section.USE, "intended_use.out_of_scope"
    ),
    Field(
        "users", "Users", "The people who work with its answers, and the people whom the answers are about.", Section.USE, "considerations.users",
        kind=Kind.LIST,
    ),
    Field(
        "deployer_instructions", "Instructions for deployers",
        "The inputs that it expects, how to interpret its answers, and how to monitor it.",
        Section.USE, "intended_use.deployer_instructions",
    ),
    Field(
        "misuse", "Foreseeable misuse", "How it could be misused, and the consequences.", Section.USE,
        "intended_use.foreseeable_misuse",
    ),
)  # fmt: skip
_MODEL = (
    Field("overview", "Overview", "What it does, in a few sentences.", Section.MODEL, "overview"),
    Field("owners", "Owners", "The people or teams that are responsible for it.", Section.MODEL, "owners", kind=Kind.LIST),
    Field("contact", "Contact", "The address for questions about it.", Section.MODEL, "contact", kind=Kind.LINE),
    Field(
        "approach", "Learning approach", "The kind of learning that it was trained with.", Section.MODEL, "modelParameters.approach", kind=Kind.CHOICE,
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
        "The logic, the assumptions, the optimisation target, and the alternatives that were rejected.", Section.MODEL,
        "modelParameters.designChoices",
    ),
    Field(
        "base_models", "Models it builds on", "Pre-trained or third-party models, one per line.", Section.MODEL,
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
    Field("hardware", "Hardware", "The hardware that it is intended to run on.", Section.MODEL, "hardware"),
    Field("references", "References", "Papers and pages about it, one per line.", Section.MODEL, "references", kind=Kind.LIST),
    Field("citation", "Citation", "How to cite it.", Section.MODEL, "citation"),
    Field(
        "signature", "Signature", "The columns of the model's inputs and outputs.", Section.MODEL, "modelParameters.signature",
        human=False, kind=Kind.FACTS,
    ),
    Field(
        "framework", "Framework", "The library that the model was made with, and those that can load it.", Section.MODEL, "modelParameters.framework",
        human=False, kind=Kind.FACTS,
    ),
    Field(
        "artifact", "Artifact", "The digest of the model's files, pinned at registration.", Section.MODEL, "artifact",
        human=False, kind=Kind.LINE,
    ),
)  # fmt: skip
_DATA = (
    Field(
        "training_data", "Training data and known biases", "Where the data came from, and which people it leaves out.", Section.DATA,
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
        "training", "Training run", "The run that trained it, with its author and its times.", Section.DATA, "training.run",
        human=False, kind=Kind.FACTS,
    ),
    Field(
        "parameters", "Parameters", "The parameters of the run.", Section.DATA, "training.parameters", human=False,
        kind=Kind.FACTS,
    ),
    Field(
        "code", "Code", "The commit and the entry point the run was started from.", Section.DATA, "training.code",
        human=False, kind=Kind.FACTS,
    ),
    Field(
        "environment", "Environment", "The version of Python and the packages that the model's files require.", Section.DATA,
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
        "How it was tested, on which data, and why these metrics are the right ones.", Section.EVALUATION,
        "quantitativeAnalysis.procedure",
    ),
    Field(
        "slices", "Results by slice",
        "Measured values for slices of the data: metric, slice, value, confidence interval, required value.",
        Section.EVALUATION, "quantitativeAnalysis.performanceMetrics", kind=Kind.ROWS,
        columns=("metric", "slice", "value", "ci", "threshold", "dataset_digest", "dataset", "config", "split"),
    ),
    Field(
        "test_reports", "Test reports", "Dated and signed reports with their locations, one per line.", Section.EVALUATION,
        "quantitativeAnalysis.reports", kind=Kind.LIST,
    ),
    Field(
        "evaluation", "Evaluation", "The measured metrics, each with its data.", Section.EVALUATION, "evaluation", human=False,
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
        "failure_modes", "Failure modes", "How it fails, how a failure is noticed, and what happens then.", Section.LIMITS,
        "failure_modes",
    ),
    Field(
        "tradeoffs", "Trade-offs", "The properties that were given up, and what was gained for them.", Section.LIMITS, "considerations.performanceTradeoffs"
    ),
    Field(
        "ethical_considerations", "Ethical considerations", "Each risk, and what is done about it.", Section.LIMITS,
        "considerations.ethicalConsiderations", kind=Kind.ROWS, columns=("name", "mitigation"),
    ),
    Field(
        "fairness", "Fairness", "For each group at risk: benefits, harms, and mitigation.", Section.LIMITS,
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
        "human_oversight", "Human oversight", "Who oversees it, how these people interpret its answers, and how they stop it.",
        Section.OVERSIGHT, "human_oversight",
    ),
    Field(
        "monitoring_plan", "Monitoring plan", "What is monitored in use, how often, by whom, and when an alarm is raised.",
        Section.OVERSIGHT, "monitoring_plan",
    ),
    Field(
        "predetermined_changes", "Predetermined changes", "Changes that are planned and assessed already, such as retraining.",
        Section.OVERSIGHT, "predetermined_changes",
    ),
    Field(
        "lifecycle_changes", "Changes since the last version", "The changes since earlier versions, and the reasons for them.",
        Section.OVERSIGHT, "lifecycle_changes",
    ),
)  # fmt: skip
_BUSINESS = (
    Field("business_owner", "Business owner", "The person who is responsible for its use.", Section.BUSINESS, "business.owner", kind=Kind.LINE),
    Field("business_problem", "Business problem", "The problem that it solves.", Section.BUSINESS, "business.problem"),
    Field("business_line", "Line of business", "The part of the organisation that uses it.", Section.BUSINESS, "business.line", kind=Kind.LINE),
    Field("stakeholders", "Stakeholders", "Other people or teams that it concerns, one per line.", Section.BUSINESS, "business.stakeholders", kind=Kind.LIST),
    Field(
        "risk_rating", "Risk rating", "The risk that remains after mitigation.", Section.BUSINESS, "risk.rating",
        kind=Kind.CHOICE, choices=("low", "medium", "high", "unknown"),
    ),
    Field("risk_rationale", "Why this rating", "The reasons for the rating.", Section.BUSINESS, "risk.rationale"),
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
        "regulatory", "Regulatory requirements", "For each requirement: the field of the card that answers it, and how far it is met.",
        Section.REGULATION, "regulatory", kind=Kind.ROWS, columns=("framework", "ref", "field", "status"),
    ),
    Field(
        "standards", "Standards applied", "Harmonised standards and other specifications, one per line.", Section.REGULATION,
        "standards", kind=Kind.LIST,
    ),
    Field(
        "conformity", "Declaration of conformity", "The declaration, or its location.", Section.REGULATION, "conformity"
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
# The fields that the template `plain` requires.
HUMAN_KEYS = ("intended_use", "out_of_scope", "training_data", "evaluation_groups", "limitations", "failure_modes")
# The fields that people may write.
EDITABLE_KEYS = tuple(field.key for field in FIELDS if field.human)
AUTO_KEYS = tuple(field.key for field in FIELDS if not field.human)


def fields_of(section: Section) -> tuple[Field, ...]:
    """Return the fields of a section, in their order."""
    return tuple(field for field in FIELDS if field.section is section)
