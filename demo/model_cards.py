"""The model cards of the demonstration. Figures in braces come from the recorded run."""

from __future__ import annotations

_ORDERS = {
    "intended_use": (
        "Ranks incoming orders by the chance that the customer disputes them, so that the payments team calls the top of the"
        " list before the goods leave. Its answer is read by a person."
    ),
    "out_of_scope": (
        "Refusing or cancelling an order without a person, deciding on credit, and any market whose orders are not in the"
        " orders table."
    ),
    "training_data": (
        "{dataset_version}: one row for each order, joined with its user. Both tables are synthetic (scikit-learn's"
        " make_classification): no real person is in them, and no real person's absence can be measured. Known bias: accounts with"
        " little history are judged less well."
    ),
    "evaluation_groups": (
        "Validation accuracy {val_accuracy_new_accounts} for accounts younger than the median, {val_accuracy_old_accounts} for"
        " older ones (overall {val_accuracy}, AUC {val_auc})."
    ),
    "limitations": (
        "Scores are not calibrated: 0.8 is not an 80 % chance. A user's history counts 90 days only, so seasonal customers look"
        " new."
    ),
    "failure_modes": (
        "When `card_tries` is missing upstream it arrives as 0 and scores drop across the board: watch the mean score. A new"
        " payment provider shifts `hour`; precision falls first in the night hours. Then fall back to the version before."
    ),
}
_TUMOURS = {
    "intended_use": (
        "A second look at fine-needle aspirates: marks samples whose measurements resemble malignant ones, for a pathologist"
        " who has seen the slide."
    ),
    "out_of_scope": "Diagnosis without a pathologist, images of any kind, and tissue other than the breast.",
    "training_data": (
        "{dataset_version}: 569 samples of the Wisconsin diagnostic data set that ships with scikit-learn, from one hospital in"
        " the early 1990s. Age and ethnicity are not recorded, so nothing can be said about them."
    ),
    "evaluation_groups": (
        "Validation accuracy {val_accuracy_small_tumours} for samples below the median radius, {val_accuracy_large_tumours} for"
        " those above (overall {val_accuracy}, AUC {val_auc}). Groups of patients cannot be compared: the data names none."
    ),
    "limitations": "143 validation samples: a difference of less than two percent between versions is chance.",
    "failure_modes": (
        "It errs more often above the median radius than below it. Measurements taken with another magnification put every radius out of"
        " range; all answers then say malignant, which a daily count shows."
    ),
}
CARDS = {"clf_orders": _ORDERS, "tumour_classifier": _TUMOURS}
