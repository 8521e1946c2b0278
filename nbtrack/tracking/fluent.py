"""The fluent functions: the methods of one default tracker."""

from nbtrack.tracking.tracker import Tracker

default_tracker = Tracker()
# Scripts started from here inherit the store that was chosen; other trackers keep theirs to themselves.
default_tracker._exports_uri = True  # pyright: ignore[reportPrivateUsage]

set_tracking_uri = default_tracker.set_tracking_uri
get_tracking_uri = default_tracker.get_tracking_uri
set_experiment = default_tracker.set_experiment
create_experiment = default_tracker.create_experiment
get_experiment = default_tracker.get_experiment
get_experiment_by_name = default_tracker.get_experiment_by_name
search_experiments = default_tracker.search_experiments
start_run = default_tracker.start_run
end_run = default_tracker.end_run
active_run = default_tracker.active_run
get_run = default_tracker.get_run
get_metric_history = default_tracker.get_metric_history
search_runs = default_tracker.search_runs
log_metric = default_tracker.log_metric
log_metrics = default_tracker.log_metrics
log_param = default_tracker.log_param
log_params = default_tracker.log_params
set_tag = default_tracker.set_tag
set_tags = default_tracker.set_tags
log_artifact = default_tracker.log_artifact
log_artifacts = default_tracker.log_artifacts
log_text = default_tracker.log_text
log_dict = default_tracker.log_dict
log_figure = default_tracker.log_figure
flush = default_tracker.flush
