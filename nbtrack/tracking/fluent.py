"""The fluent functions: the methods of one default tracker."""

from types import MethodType

from nbtrack.tracking.tracker import Tracker

default_tracker = Tracker()
# Scripts started from here inherit the store and the experiment that were chosen; other trackers keep
# theirs to themselves.
default_tracker._exports = True  # pyright: ignore[reportPrivateUsage]

get_registry_uri = default_tracker.get_registry_uri
get_tracking_uri = default_tracker.get_tracking_uri
is_tracking_uri_set = default_tracker.is_tracking_uri_set
set_registry_uri = default_tracker.set_registry_uri
set_tracking_uri = default_tracker.set_tracking_uri

create_experiment = default_tracker.create_experiment
delete_experiment = default_tracker.delete_experiment
delete_experiment_tag = default_tracker.delete_experiment_tag
get_experiment = default_tracker.get_experiment
get_experiment_by_name = default_tracker.get_experiment_by_name
rename_experiment = default_tracker.rename_experiment
restore_experiment = default_tracker.restore_experiment
search_experiments = default_tracker.search_experiments
set_experiment = default_tracker.set_experiment
set_experiment_tag = default_tracker.set_experiment_tag
set_experiment_tags = default_tracker.set_experiment_tags

active_run = default_tracker.active_run
cells_of = default_tracker.cells_of
create_run = default_tracker.create_run
delete_run = default_tracker.delete_run
delete_tag = default_tracker.delete_tag
diff = default_tracker.diff
end_run = default_tracker.end_run
flush = default_tracker.flush
flush_artifact_async_logging = default_tracker.flush_artifact_async_logging
flush_async_logging = default_tracker.flush_async_logging
get_environment = default_tracker.get_environment
get_metric_history = default_tracker.get_metric_history
get_parent_run = default_tracker.get_parent_run
get_run = default_tracker.get_run
last_active_run = default_tracker.last_active_run
progress = default_tracker.progress
restore_run = default_tracker.restore_run
search_runs = default_tracker.search_runs
slice_of = default_tracker.slice_of
start_run = default_tracker.start_run

clear_active_model = default_tracker.clear_active_model
create_external_model = default_tracker.create_external_model
delete_logged_model = default_tracker.delete_logged_model
delete_logged_model_tag = default_tracker.delete_logged_model_tag
finalize_logged_model = default_tracker.finalize_logged_model
get_active_model_id = default_tracker.get_active_model_id
get_logged_model = default_tracker.get_logged_model
initialize_logged_model = default_tracker.initialize_logged_model
last_logged_model = default_tracker.last_logged_model
log_model_params = default_tracker.log_model_params
restore_logged_model = default_tracker.restore_logged_model
search_logged_models = default_tracker.search_logged_models
set_active_model = default_tracker.set_active_model
set_logged_model_tags = default_tracker.set_logged_model_tags

log_artifact = default_tracker.log_artifact
log_artifacts = default_tracker.log_artifacts
log_batch = default_tracker.log_batch
log_dict = default_tracker.log_dict
log_figure = default_tracker.log_figure
log_image = default_tracker.log_image
log_input = default_tracker.log_input
log_inputs = default_tracker.log_inputs
log_metric = default_tracker.log_metric
log_metrics = default_tracker.log_metrics
log_outputs = default_tracker.log_outputs
log_param = default_tracker.log_param
log_model = default_tracker.log_model
log_params = default_tracker.log_params
log_stream = default_tracker.log_stream
log_table = default_tracker.log_table
log_text = default_tracker.log_text
set_tag = default_tracker.set_tag
set_tags = default_tracker.set_tags

download_artifacts = default_tracker.download_artifacts
get_artifact_uri = default_tracker.get_artifact_uri
list_artifacts = default_tracker.list_artifacts
load_table = default_tracker.load_table

approve = default_tracker.approve
attempts = default_tracker.attempts
changes = default_tracker.changes
history = default_tracker.history
lift_approval = default_tracker.lift_approval
promote = default_tracker.promote
promotion_requests = default_tracker.promotion_requests
register_model = default_tracker.register_model
reject = default_tracker.reject
request = default_tracker.request
require_approval = default_tracker.require_approval
rollback = default_tracker.rollback
search_model_versions = default_tracker.search_model_versions
search_registered_models = default_tracker.search_registered_models
set_model_version_tag = default_tracker.set_model_version_tag
undo = default_tracker.undo
version_at = default_tracker.version_at
compare_versions = default_tracker.compare_versions

# Python names a function in its errors by this: people know log_param(), and none of our classes.
for _verb in tuple(globals().values()):
    if isinstance(_verb, MethodType):
        _verb.__func__.__qualname__ = _verb.__name__
