"""The records people see, under the name by which MLflow's users import them."""

from typing import TYPE_CHECKING

from nbtrack.core.absent_names import hints_of
from nbtrack.core.datasets import Dataset as Dataset
from nbtrack.core.datasets import DatasetInput as DatasetInput
from nbtrack.core.datasets import InputTag as InputTag
from nbtrack.core.datasets import RunInputs as RunInputs
from nbtrack.core.entities import Experiment as Experiment
from nbtrack.core.entities import ExperimentTag as ExperimentTag
from nbtrack.core.entities import FileInfo as FileInfo
from nbtrack.core.entities import LifecycleStage as LifecycleStage
from nbtrack.core.entities import Metric as Metric
from nbtrack.core.entities import Param as Param
from nbtrack.core.entities import Run as Run
from nbtrack.core.entities import RunData as RunData
from nbtrack.core.entities import RunInfo as RunInfo
from nbtrack.core.entities import RunOutputs as RunOutputs
from nbtrack.core.entities import RunStatus as RunStatus
from nbtrack.core.entities import RunTag as RunTag
from nbtrack.core.entities import SourceType as SourceType
from nbtrack.core.entities import ViewType as ViewType
from nbtrack.core.logged_models import LoggedModel as LoggedModel
from nbtrack.core.logged_models import LoggedModelParameter as LoggedModelParameter
from nbtrack.core.logged_models import LoggedModelStatus as LoggedModelStatus
from nbtrack.core.logged_models import LoggedModelTag as LoggedModelTag
from nbtrack.core.model_links import LoggedModelInput as LoggedModelInput
from nbtrack.core.model_links import LoggedModelOutput as LoggedModelOutput
from nbtrack.core.registry import ModelVersion as ModelVersion
from nbtrack.core.registry import ModelVersionStatus as ModelVersionStatus
from nbtrack.core.registry import ModelVersionTag as ModelVersionTag
from nbtrack.core.registry import RegisteredModel as RegisteredModel
from nbtrack.core.registry import RegisteredModelAlias as RegisteredModelAlias
from nbtrack.core.registry import RegisteredModelTag as RegisteredModelTag

if not TYPE_CHECKING:  # to a checker, what is not here is a mistake
    __getattr__ = hints_of(__name__)
from nbtrack.core.promotions import Promotion as Promotion
from nbtrack.core.promotions import PromotionRequest as PromotionRequest
from nbtrack.core.registry_events import RegistryEvent as RegistryEvent
