"""The risk questionnaire: its questions, and the points and the floor of each answer, as versioned data.

The *floor* of an answer is the lowest tier that it allows, because the law names the use. Its *points* measure the
possible harm. The tier of a model is the highest of the floors and of the tier that the points reach. The questions
follow Regulation (EU) 2024/1689 (the AI Act): Article 5 for prohibited uses, Article 6 and Annexes I and III for
high-risk uses, Article 50 for transparency. The questions with points follow Article 7(2): harm, autonomy,
reversibility, scale.

A published version never changes, because an assessment stores the version that it answered. A new version is added to
``QUESTIONNAIRES``; its ``changes`` says what is different and how earlier answers are treated.
"""

from __future__ import annotations

from dataclasses import dataclass

MINIMAL, LIMITED, HIGH, UNACCEPTABLE = "minimal", "limited", "high", "unacceptable"
# The AI Act's four levels from the lowest to the highest, with the names that its guidance uses.
TIERS = (MINIMAL, LIMITED, HIGH, UNACCEPTABLE)


@dataclass(frozen=True, slots=True)
class Option:
    """One answer. ``floor`` is the lowest tier that it allows, "" for no floor."""

    code: str
    text: str
    points: int = 0
    floor: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, answered with exactly one of its options. ``source`` is the text of law that it follows."""

    code: str
    text: str
    help: str
    source: str
    options: tuple[Option, ...]

    def option(self, code: str) -> Option | None:
        """Return the option of this code, None where there is none."""
        return next((option for option in self.options if option.code == code), None)


@dataclass(frozen=True, slots=True)
class Derogation:
    """A derogation: it lowers the floor of question ``of`` to ``floor`` unless question ``by`` is answered "none".

    It does not apply where question ``unless`` is answered "yes": Article 6(3) allows no derogation where persons are
    profiled.
    """

    of: str
    by: str
    unless: str
    floor: str


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A version of the questionnaire.

    ``thresholds`` are pairs of points and tier in ascending order: a tier is reached from so many points on.
    """

    version: int
    changes: str
    questions: tuple[Question, ...]
    thresholds: tuple[tuple[int, str], ...]
    derogation: Derogation

    def question(self, code: str) -> Question | None:
        """Return the question of this code, None where there is none."""
        return next((question for question in self.questions if question.code == code), None)

    @property
    def most_points(self) -> int:
        """Return the highest possible number of points."""
        return sum(max(option.points for option in question.options) for question in self.questions)


_PRACTICES = (
    Option(
        "manipulation", "Manipulates people, or exploits age, disability or need, to their harm", floor=UNACCEPTABLE
    ),
    Option("social_scoring", "Scores people by social behaviour, with unfavourable treatment", floor=UNACCEPTABLE),
    Option("crime_prediction", "Predicts that a person will offend from profiling alone", floor=UNACCEPTABLE),
    Option("face_scraping", "Builds face databases by untargeted scraping", floor=UNACCEPTABLE),
    Option("emotions_at_work", "Infers emotions at work or in education", floor=UNACCEPTABLE),
    Option("biometric_sorting", "Infers race, beliefs or orientation from biometrics", floor=UNACCEPTABLE),
    Option("live_biometrics", "Identifies people live in public for law enforcement", floor=UNACCEPTABLE),
)
_AREAS = (
    Option("biometrics", "Biometric identification, categorisation or emotion recognition", floor=HIGH),
    Option("infrastructure", "Critical infrastructure, traffic, water, gas, heating, electricity", floor=HIGH),
    Option("education", "Admission, assessment or supervision in education", floor=HIGH),
    Option("employment", "Hiring, promotion, task allocation or monitoring of workers", floor=HIGH),
    Option("services", "Access to credit, insurance, benefits, health care or emergency help", floor=HIGH),
    Option("law_enforcement", "Law enforcement", floor=HIGH),
    Option("migration", "Migration, asylum or border control", floor=HIGH),
    Option("justice", "Courts, dispute resolution, elections", floor=HIGH),
    Option("product_safety", "Safety component of a regulated product (Annex I), such as a medical device", floor=HIGH),
)
_V1 = (
    Question(
        "practice",
        "Does it do one of these?",
        "Practices that are prohibited. Choose the one that fits best; the exceptions of Article 5 need legal advice.",
        "AI Act, Article 5",
        (Option("none", "None of them"), *_PRACTICES),
    ),
    Question(
        "area",
        "Where are its answers used?",
        "Uses that count as high-risk. Where several fit, any of them will do.",
        "AI Act, Article 6 and Annexes I and III",
        (Option("none", "None of these areas"), *_AREAS),
    ),
    Question(
        "derogation",
        "In such an area, is its part in the decision a small one?",
        "Counts in the areas of Annex III alone, and never where persons are profiled.",
        "AI Act, Article 6(3)",
        (
            Option("none", "No, or it is used in none of these areas"),
            Option("narrow", "It does a narrow procedural task"),
            Option("improves", "It improves what a person has already completed"),
            Option("patterns", "It points out deviations from earlier decisions, and a person assesses them"),
            Option("preparatory", "It prepares an assessment that a person makes"),
        ),
    ),
    Question(
        "profiling",
        "Does it profile natural persons?",
        "Automated evaluation of somebody's performance, situation, health, preferences, reliability, behaviour or location.",
        "AI Act, Article 6(3), last paragraph; GDPR, Article 4(4)",
        (Option("no", "No"), Option("yes", "Yes", points=2)),
    ),
    Question(
        "transparency",
        "Do people meet it directly?",
        "They must be told that they are dealing with a machine, or that what they see was made by one.",
        "AI Act, Article 50",
        (
            Option("none", "No: its answers go to a system or to staff"),
            Option("interacts", "It talks with people", floor=LIMITED),
            Option("generates", "It makes text, pictures, sound or video that people see", floor=LIMITED),
        ),
    ),
    Question(
        "harm",
        "How badly can a wrong answer hurt somebody?",
        "The worst that is plausible, for a person or a group; money, health, rights, freedom.",
        "AI Act, Article 7(2)(e)-(g); NIST AI RMF, MAP 5.1",
        (
            Option("none", "Not at all"),
            Option("nuisance", "A nuisance", points=1),
            Option("material", "Loss of money, time or opportunity", points=3),
            Option("severe", "Harm to health, livelihood or fundamental rights", points=6),
        ),
    ),
    Question(
        "autonomy",
        "Who acts on its answers?",
        "A person who in practice always follows the answer does not decide.",
        "AI Act, Articles 7(2)(d) and 14",
        (
            Option("informs", "A person, for whom it is one source among several"),
            Option("recommends", "A person, who mostly follows it", points=1),
            Option("overridable", "It acts by itself, and a person can stop it in time", points=2),
            Option("alone", "It acts by itself", points=3),
        ),
    ),
    Question(
        "reversibility",
        "Can what follows from a wrong answer be undone?",
        "For the person concerned, and before the harm is done.",
        "AI Act, Article 7(2)(i)",
        (
            Option("easily", "Easily"),
            Option("effort", "With effort", points=1),
            Option("no", "Hardly or not at all", points=3),
        ),
    ),
    Question(
        "scale",
        "How many people do its answers touch in a year?",
        "Count those the decisions are about, not those who use the system.",
        "AI Act, Article 7(2)(b) and (e)",
        (
            Option("none", "None"),
            Option("hundreds", "Fewer than a thousand", points=1),
            Option("thousands", "Thousands", points=2),
            Option("more", "A hundred thousand or more", points=3),
        ),
    ),
    Question(
        "vulnerable",
        "Are children or other vulnerable people among them?",
        "Also those who depend on the outcome and cannot opt out.",
        "AI Act, Articles 7(2)(h) and 9(9)",
        (Option("no", "No, or only by chance"), Option("yes", "Yes", points=2)),
    ),
)

QUESTIONNAIRES: tuple[Questionnaire, ...] = (
    Questionnaire(
        version=1,
        changes="The first version.",
        questions=_V1,
        thresholds=((0, MINIMAL), (6, LIMITED), (11, HIGH)),
        # Annex I (product safety) allows no derogation: registry/risk.py makes that exception.
        derogation=Derogation(of="area", by="derogation", unless="profiling", floor=LIMITED),
    ),
)
