"""The board of the models."""

from dashboards.panels import Board, Panel, quantiles, rates

MODELS = Board(
    "models",
    "What serves, how well, what replaces it, and whether its food is fresh.",
    (
        Panel("Predictions", "By model, version and role.", "ops", rates("predictions_total", "model", "version", "role")),
        Panel("Abstentions", "By reason. All at once: nothing trades on this model.", "ops", rates("abstentions_total", "model", "reason")),
        Panel("Time to handle", "Mean time of a learner's chunk: it predicts and learns in it.", "s", (('sum by (route, phase) (rate(headrace_chunk_seconds_sum{route=~"learner.*"}[R])) / sum by (route, phase) (rate(headrace_chunk_seconds_count{route=~"learner.*"}[R]))', "{{route}} {{phase}}"),)),
        Panel("Answers and lessons q99", "Of one vector. Over a millisecond they stand in the way of orders.", "s", (*quantiles("predict_seconds", "model", 0.99), *quantiles("learn_seconds", "model", 0.99))),
        Panel("Labels that wait", "Grows: vectors have stopped.", "none", (("sum by (model) (headrace_labels_pending)", "{{model}}"),)),
        Panel("Scores", "Over the last thousand labels, champion and challengers.", "none", (("max by (model, version, metric) (headrace_model_metric)", "{{model}} {{version}} {{metric}}"),)),
        Panel("Evidence against the champion", "Of the best candidate. Above the gate's line it takes over.", "none", (("max by (model) (headrace_champion_evalue)", "{{model}}"),), "evidence"),
        Panel("Labels until a decision", "Of the nearest candidate, at its pace so far.", "none", (("max by (model) (headrace_labels_to_decision)", "{{model}}"),)),
        Panel("Drift alarms", "In an hour. Red: runbook DriftAlarm.", "none", (("sum by (model, version) (increase(headrace_drift_alarms_total[1h]))", "{{model}} {{version}}"),), "any"),
        Panel("Weights of the mixture", "Which expert it listens to.", "none", (("max by (model, expert) (headrace_mixture_weight)", "{{model}} {{expert}}"),)),
        Panel("Feature age", "Since the newest online row. Grows: the feature sink.", "s", (("time() - max by (view) (headrace_feature_timestamp_seconds)", "{{view}}"),)),
        Panel("Labels that ended", "By state. Expired: runbook LabelsExpiring.", "ops", rates("labels_total", "model", "state")),
        Panel("Label lag q95", "From a vector to its label.", "s", quantiles("label_lag_seconds", "model", 0.95)),
        Panel("Refused versions and late aliases", "Any: the registry holds what the engine may not load.", "ops", (*rates("model_refused_total", "model", "version"), *rates("alias_late_total", "model")), "any"),
        Panel("Trainings", "Ended in a day, by state.", "none", (("sum by (model, state) (increase(headrace_train_runs_total[1d]))", "{{model}} {{state}}"),)),
        Panel("Age of the newest batch version", "Red: runbook ModelStale.", "s", (("max by (model) (headrace_model_age_seconds)", "{{model}}"),), "model_age"),
        Panel("Swaps", "Changes of what serves, in a day.", "none", (("sum by (model, kind) (increase(headrace_swaps_total[1d]))", "{{model}} {{kind}}"),)),
        Panel("Time of a promotion pass q95", "Over all models.", "s", (("histogram_quantile(0.95, sum by (le) (increase(headrace_promotion_seconds_bucket[1h])))", "q95"),)),
        Panel("Scores by hour", "From the labels in the history.", "none", """
            SELECT ts AS time, model || ' ' || spec AS metric, logloss::float8 AS logloss, brier::float8 AS brier, accuracy::float8 AS accuracy
            FROM model_metrics WHERE $__timeFilter(ts) ORDER BY 1"""),
        Panel("Promotions", "The last 50, with their evidence.", "none", "SELECT * FROM model_decisions ORDER BY 1 DESC LIMIT 50", kind="table"),
    ),
)  # fmt: skip
