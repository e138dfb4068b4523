"""The columns of a metric value and the orders that values have, for the ORM and for hand-written SQL alike."""

from __future__ import annotations

from core.columns import columns_of, unique_columns
from tracking.models import LatestMetric, Metric

# The columns of a value besides its run, the same in both tables: key, value, is_nan, timestamp_ms, step, …
VALUE_COLUMNS = columns_of(Metric, without=["run_id"])
# Two values with these columns equal are one point, sent twice.
POINT_IDENTITY = unique_columns(Metric, "tracking_metric_point")
LATEST_IDENTITY = unique_columns(LatestMetric, "tracking_latestmetric_key")
# Of the values of a key, the last in this order is the latest; NaN is kept as 0 and counts as that, as on MLflow's
# servers.
LATEST_ORDER = ("step", "timestamp_ms", "value")
# The history of a key as the protocol pages through it, and as a curve is drawn.
HISTORY_ORDER = ("timestamp_ms", "step", "value", "id")
CURVE_ORDER = ("step", "timestamp_ms", "value", "is_nan", "id")
